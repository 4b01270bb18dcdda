"""The GKE cluster: private nodes, VPC-native, Workload Identity, Gateway API and its load balancing add-on switched on.

Owns the cluster, the service account of its nodes with the one role they need, the system node pool, and the Kubernetes
provider that everything inside the cluster is created with. Does not own TPU pools (tpu_pool.py) nor rights on keys
(encryption.py), and never creates service account keys: clients authenticate through `gke-gcloud-auth-plugin`, so no
credential is in the stack's state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

import pulumi

from components import cluster_options
from components.cluster_options import EncryptionArgs, MaintenanceArgs, OperationsArgs
from components.google import Account, Cluster, IAMMember, NodePool, RepositoryIamMember
from components.kubernetes import Provider
from components.naming import node_tag
from components.network import PlatformNetwork
from rules import gateway, network


@dataclass(frozen=True, kw_only=True)
class InferenceClusterArgs:
    """Arguments of InferenceCluster.

    Attributes:
        project: Google Cloud project id.
        name: The cluster's name.
        location: Region, or zone, of the control plane.
        zone: Zone of the system nodes.
        network: The network it lives in.
        release_channel: RAPID, REGULAR, STABLE or EXTENDED.
        minimum_version: GKE version that the control plane has at least; None for the release channel's default.
        control_plane_cidr: A /28 for the control plane.
        authorized_networks: (name, CIDR) pairs that may reach the control plane by address; without any it has none.
        dns_endpoint: Reach the control plane by a DNS name, where IAM decides.
        deletion_protection: Refuse to delete the cluster.
        system_machine_type: Machine type of the system nodes.
        system_nodes: How many system nodes.
        operations: What GKE watches and reports.
        encryption: Keys of one's own.
        maintenance: When GKE may upgrade it; None for any time.
        binary_authorization: Admit only images that the project's policy allows.
        rbac_group: Google group whose member groups RBAC may name.
        intranode_visibility: Let flow logs see traffic inside a node.
        secret_sync: Write secrets of Secret Manager to Kubernetes Secrets.
        artifact_repositories: Full names of Artifact Registry repositories that nodes pull from.
        filestore: Run the driver that makes Filestore instances for claims which several nodes share.
        fast_autoscaling: Let autoscalers read metrics straight from pods, and more often.
    """

    project: str
    name: str
    location: str
    zone: str
    network: PlatformNetwork
    release_channel: str
    minimum_version: str | None
    control_plane_cidr: str
    authorized_networks: tuple[tuple[str, str], ...]
    deletion_protection: bool
    system_machine_type: str
    system_nodes: int
    dns_endpoint: bool = False
    operations: OperationsArgs
    encryption: EncryptionArgs
    maintenance: MaintenanceArgs | None = None
    binary_authorization: bool = False
    rbac_group: str | None = None
    intranode_visibility: bool = False
    secret_sync: bool = False
    artifact_repositories: Sequence[str] = ()
    filestore: bool = False
    fast_autoscaling: bool = False


class InferenceCluster(pulumi.ComponentResource):
    """A GKE cluster on which inference can run, and the way into it."""

    cluster: Cluster
    node_account: Account
    system_pool: NodePool
    kubeconfig: pulumi.Output[str]
    provider: Provider

    def __init__(self, name: str, args: InferenceClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props = {key: _plain(value) for key, value in vars(args).items() if key != "network"}
        super().__init__("platform:index:Cluster", name, props, opts)
        child = pulumi.ResourceOptions(parent=self)
        by_name_only = args.dns_endpoint and not args.authorized_networks

        self.node_account = Account(
            f"{name}-nodes",
            account_id=node_account_id(args.name),
            display_name=f"Nodes of cluster {args.name}",
            opts=child,
        )
        member = self.node_account.email.apply(lambda email: f"serviceAccount:{email}")
        role = IAMMember(
            f"{name}-nodes",
            project=args.project,
            role=network.NODE_ROLE,
            member=member,
            opts=child,
        )
        readers = [
            RepositoryIamMember(
                f"{name}-images-{number}",
                project=project,
                location=location,
                repository=repository,
                role=network.REGISTRY_READER_ROLE,
                member=member,
                opts=child,
            )
            for number, (project, location, repository) in enumerate(map(parts, args.artifact_repositories))
        ]
        self.cluster = Cluster(
            name,
            name=args.name,
            location=args.location,
            network=args.network.network_id,
            subnetwork=args.network.subnet_id,
            networking_mode="VPC_NATIVE",
            ip_allocation_policy={
                "cluster_secondary_range_name": args.network.pod_range,
                "services_secondary_range_name": args.network.service_range,
            },
            release_channel={"channel": args.release_channel},
            min_master_version=args.minimum_version,
            gateway_api_config={"channel": gateway.GATEWAY_API_CHANNEL},
            addons_config=cluster_options.addons_config(filestore=args.filestore),
            pod_autoscaling={"hpa_profile": "PERFORMANCE"} if args.fast_autoscaling else None,
            datapath_provider="ADVANCED_DATAPATH",
            workload_identity_config={"workload_pool": f"{args.project}.svc.id.goog"},
            enable_shielded_nodes=True,
            private_cluster_config={
                "enable_private_nodes": True,
                # Of a control plane without addresses the API says true, whatever was asked for.
                "enable_private_endpoint": by_name_only,
                "master_ipv4_cidr_block": args.control_plane_cidr,
            },
            master_authorized_networks_config=None
            if by_name_only
            else cluster_options.master_authorized_networks_config(args.authorized_networks),
            control_plane_endpoints_config=cluster_options.control_plane_endpoints_config(
                dns_endpoint=args.dns_endpoint, addresses=not by_name_only
            ),
            authenticator_groups_config=None if args.rbac_group is None else {"security_group": args.rbac_group},
            # Rights for everybody who is signed in, or not, are never meant.
            rbac_binding_config={
                "enable_insecure_binding_system_authenticated": False,
                "enable_insecure_binding_system_unauthenticated": False,
            },
            database_encryption=cluster_options.database_encryption(args.encryption.secrets_key),
            binary_authorization={"evaluation_mode": "PROJECT_SINGLETON_POLICY_ENFORCE"}
            if args.binary_authorization
            else None,
            security_posture_config=cluster_options.security_posture_config(args.operations.security_posture),
            enable_intranode_visibility=args.intranode_visibility or None,
            secret_sync_config={"enabled": True, "rotation_config": {"enabled": True}} if args.secret_sync else None,
            logging_config={"enable_components": list(args.operations.logging)},
            monitoring_config=cluster_options.monitoring_config(args.operations),
            cost_management_config={"enabled": args.operations.cost_allocation},
            notification_config=cluster_options.notification_config(args.operations.notification_topic),
            maintenance_policy=cluster_options.maintenance_policy(args.maintenance),
            deletion_protection=args.deletion_protection,
            remove_default_node_pool=True,
            initial_node_count=1,
            node_config=_nodes(args, self.node_account.email),
            opts=pulumi.ResourceOptions.merge(
                child,
                # Webhooks must answer until the last object is deleted: their rule comes before the cluster, goes after it.
                # The default pool exists for a moment only, in which an organization's policies judge it like any other;
                # what GKE reports of it afterwards is another pool's.
                # The engine's own protection refuses before anything is deleted, GKE's when half of the stack is gone.
                pulumi.ResourceOptions(
                    depends_on=[*args.network.before_cluster, role],
                    ignore_changes=["nodeConfig"],
                    protect=args.deletion_protection,
                ),
            ),
        )
        self.system_pool = NodePool(
            f"{name}-system",
            name="system",
            cluster=self.cluster.id,
            node_locations=[args.zone],
            node_count=args.system_nodes,
            management={"auto_repair": True, "auto_upgrade": True},
            node_config=_system_nodes(args, self.node_account.email),
            opts=pulumi.ResourceOptions(parent=self, depends_on=readers),
        )
        self.kubeconfig = kubeconfig(self.cluster, by_name=args.dns_endpoint)
        self.provider = Provider(
            name,
            kubeconfig=self.kubeconfig,
            # Without it, a changed address or certificate in the kubeconfig would replace everything in the cluster.
            cluster_identifier=self.cluster.id,
            enable_server_side_apply=True,
            # Otherwise a change of KServe's ConfigMap deletes it, and what its controller reads until it is back are errors.
            enable_config_map_mutable=True,
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[self.system_pool])),
        )
        self.register_outputs({"name": self.cluster.name, "endpoint": self.cluster.endpoint})


def _system_nodes(args: InferenceClusterArgs, account: pulumi.Output[str]) -> Any:
    return {"machine_type": args.system_machine_type, **_nodes(args, account)}


def _nodes(args: InferenceClusterArgs, account: pulumi.Output[str]) -> Any:
    """What every node without TPU is, but for its machine type: the default pool's is GKE's, which each zone has."""
    config: dict[str, Any] = {
        "tags": [node_tag(args.name)],
        "service_account": account,
        "oauth_scopes": ["https://www.googleapis.com/auth/cloud-platform"],
        "shielded_instance_config": {"enable_secure_boot": True, "enable_integrity_monitoring": True},
        "workload_metadata_config": {"mode": "GKE_METADATA"},
    }
    key = args.encryption.boot_disk_key
    return config if key is None else {**config, "boot_disk_kms_key": key}


def node_account_id(cluster: str) -> str:
    """Id of the nodes' service account: at most 30 characters, and another one for every cluster of a project."""
    suffix, longest = "-nodes", 30
    if len(cluster) + len(suffix) <= longest:
        return f"{cluster}{suffix}"
    digest = hashlib.sha256(cluster.encode()).hexdigest()[:4]
    return f"{cluster[: longest - len(suffix) - len(digest) - 1].rstrip('-')}-{digest}{suffix}"


def parts(name: str) -> tuple[str, str, str]:
    """Project, location and repository in the full name of an Artifact Registry repository."""
    _, project, _, location, _, repository = name.split("/")
    return project, location, repository


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _dns_name(ways: Any) -> str:
    way = ways.dns_endpoint_config
    return (way.endpoint if way else None) or ""


def kubeconfig(cluster: Cluster, *, by_name: bool = False) -> pulumi.Output[str]:
    """A kubeconfig that logs in as whoever runs it, through GKE's exec plugin; it holds no credential.

    The control plane's name (`by_name`) has a certificate that clients trust anyway, its address one of the cluster's own.
    """

    def text(name: str, endpoint: str, certificate: str, dns: str) -> str:
        own = {"server": f"https://{endpoint}", "certificate-authority-data": certificate}
        server = {"server": f"https://{dns}"} if by_name else own
        login = {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "gke-gcloud-auth-plugin",
            "installHint": "Install gke-gcloud-auth-plugin: gcloud components install gke-gcloud-auth-plugin",
            "provideClusterInfo": True,
            "interactiveMode": "Never",
        }
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": server}],
            "users": [{"name": name, "user": {"exec": login}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
        return json.dumps(content)

    certificate = cluster.master_auth.apply(lambda auth: auth.cluster_ca_certificate or "")
    dns: pulumi.Input[str] = ""
    if by_name:
        dns = cluster.control_plane_endpoints_config.apply(_dns_name)
    return pulumi.Output.all(cluster.name, cluster.endpoint, certificate, dns).apply(lambda parts: text(*parts))
