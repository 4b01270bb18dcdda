"""The GKE cluster: private nodes, VPC-native, Workload Identity, Gateway API and its load balancing add-on switched on.

Owns the cluster, the service account of its nodes with the one role they need, the system node pool, and the Kubernetes
provider that everything inside the cluster is created with. Does not own TPU pools (tpu_pool.py), and never creates
service account keys: clients authenticate through `gke-gcloud-auth-plugin`, so no credential is in the stack's state.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.provider import Provider

from components.google import Account, Cluster, IAMMember, NodePool
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
        authorized_networks: (name, CIDR) pairs that may reach the control plane.
        deletion_protection: Refuse to delete the cluster.
        system_machine_type: Machine type of the system nodes.
        system_nodes: How many system nodes.
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


class InferenceCluster(pulumi.ComponentResource):
    """A GKE cluster on which inference can run, and the way into it."""

    cluster: Cluster
    node_account: Account
    system_pool: NodePool
    kubeconfig: pulumi.Output[str]
    provider: Provider

    def __init__(self, name: str, args: InferenceClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props = {key: value for key, value in vars(args).items() if key != "network"}
        super().__init__("platform:index:Cluster", name, props, opts)
        child = pulumi.ResourceOptions(parent=self)

        self.node_account = Account(
            f"{name}-nodes",
            account_id=node_account_id(args.name),
            display_name=f"Nodes of cluster {args.name}",
            opts=child,
        )
        role = IAMMember(
            f"{name}-nodes",
            project=args.project,
            role=network.NODE_ROLE,
            member=self.node_account.email.apply(lambda email: f"serviceAccount:{email}"),
            opts=child,
        )
        self.cluster = Cluster(
            name,
            name=args.name,
            location=args.location,
            network=args.network.network.id,
            subnetwork=args.network.subnet.id,
            networking_mode="VPC_NATIVE",
            ip_allocation_policy={
                "cluster_secondary_range_name": PlatformNetwork.POD_RANGE,
                "services_secondary_range_name": PlatformNetwork.SERVICE_RANGE,
            },
            release_channel={"channel": args.release_channel},
            min_master_version=args.minimum_version,
            gateway_api_config={"channel": gateway.GATEWAY_API_CHANNEL},
            addons_config={"http_load_balancing": {"disabled": False}},
            datapath_provider="ADVANCED_DATAPATH",
            workload_identity_config={"workload_pool": f"{args.project}.svc.id.goog"},
            enable_shielded_nodes=True,
            private_cluster_config={
                "enable_private_nodes": True,
                "enable_private_endpoint": False,
                "master_ipv4_cidr_block": args.control_plane_cidr,
            },
            master_authorized_networks_config={
                "cidr_blocks": [{"display_name": label, "cidr_block": cidr} for label, cidr in args.authorized_networks]
            },
            deletion_protection=args.deletion_protection,
            remove_default_node_pool=True,
            initial_node_count=1,
            node_config={"service_account": self.node_account.email},
            opts=pulumi.ResourceOptions.merge(
                child,
                # Webhooks must answer until the last object is deleted: their rule comes before the cluster, goes after it.
                # The default pool exists for a moment only; what GKE reports of it afterwards is another pool's.
                pulumi.ResourceOptions(
                    depends_on=[args.network.nat, args.network.webhooks, role], ignore_changes=["nodeConfig"]
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
            node_config={
                "machine_type": args.system_machine_type,
                "service_account": self.node_account.email,
                "oauth_scopes": ["https://www.googleapis.com/auth/cloud-platform"],
                "shielded_instance_config": {"enable_secure_boot": True, "enable_integrity_monitoring": True},
                "workload_metadata_config": {"mode": "GKE_METADATA"},
            },
            opts=child,
        )
        self.kubeconfig = kubeconfig(self.cluster)
        self.provider = Provider(
            name,
            kubeconfig=self.kubeconfig,
            # Without it, a changed address or certificate in the kubeconfig would replace everything in the cluster.
            cluster_identifier=self.cluster.id,
            enable_server_side_apply=True,
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[self.system_pool])),
        )
        self.register_outputs({"name": self.cluster.name, "endpoint": self.cluster.endpoint})


def node_account_id(cluster: str) -> str:
    """Id of the nodes' service account: at most 30 characters, and another one for every cluster of a project."""
    suffix, longest = "-nodes", 30
    if len(cluster) + len(suffix) <= longest:
        return f"{cluster}{suffix}"
    digest = hashlib.sha256(cluster.encode()).hexdigest()[:4]
    return f"{cluster[: longest - len(suffix) - len(digest) - 1].rstrip('-')}-{digest}{suffix}"


def kubeconfig(cluster: Cluster) -> pulumi.Output[str]:
    """A kubeconfig that logs in as whoever runs it, through GKE's exec plugin; it holds no credential."""

    def text(name: str, endpoint: str, certificate: str) -> str:
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
            "clusters": [
                {"name": name, "cluster": {"server": f"https://{endpoint}", "certificate-authority-data": certificate}}
            ],
            "users": [{"name": name, "user": {"exec": login}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
        return json.dumps(content)

    certificate = cluster.master_auth.apply(lambda auth: auth.cluster_ca_certificate or "")
    return pulumi.Output.all(cluster.name, cluster.endpoint, certificate).apply(lambda parts: text(*parts))
