"""The GKE cluster and its nodes without TPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from components.settings.base import Cidr, DnsLabel, Section
from components.settings.checks import check_control_plane_cidr, check_version, findings, refuse
from components.settings.maintenance import Maintenance
from rules import compatibility, encryption, hardening

SYSTEM_POOL = "system"
"""Name of the node pool without TPU in the cluster."""

KmsKey = Annotated[
    str, Field(pattern=r"^projects/[-a-z0-9:.]+/locations/[-a-z0-9]+/keyRings/[-\w]+/cryptoKeys/[-\w]+$")
]
"""Full name of a Cloud KMS key."""


class AuthorizedNetwork(Section):
    """A network whose clients may reach the cluster's control plane."""

    name: str
    """What the network is, for the person who reads the firewall later."""
    cidr: Cidr
    """Its address range, such as 203.0.113.0/24."""


class Encryption(Section):
    """Keys of one's own, on top of Google's encryption of everything stored."""

    secrets_key: KmsKey | None = None
    """Key for Kubernetes Secrets, in the cluster's region: projects/P/locations/REGION/keyRings/R/cryptoKeys/K."""
    boot_disk_key: KmsKey | None = None
    """Key for the nodes' boot disks, in the cluster's region; changing it replaces the nodes."""
    grant: bool = True
    """Let Google's service agents use the keys; false where whoever owns the keys has done so."""


class Cluster(Section):
    """The GKE cluster. Private nodes, VPC-native, Workload Identity and the Gateway API are always on."""

    name: DnsLabel = "inference"
    """The cluster's name."""
    regional: bool = True
    """Control plane in three zones of the region (true) or in one zone (false: cheaper, unavailable during upgrades)."""
    release_channel: Annotated[str, Field(pattern="^(RAPID|REGULAR|STABLE|EXTENDED)$")] = "REGULAR"
    """RAPID, REGULAR, STABLE or EXTENDED: who gets a GKE version first."""
    minimum_version: Annotated[str, AfterValidator(check_version)] | None = None
    """Oldest GKE version of the control plane, such as 1.35 (channels drop full ones); left out, the channel's default."""
    authorized_networks: tuple[AuthorizedNetwork, ...] = ()
    """Who may reach the control plane by its address; without any it has none, and dnsEndpoint is needed. The machine that
    runs this program must be able to reach it one way or the other."""
    dns_endpoint: bool = False
    """Reach the control plane by a DNS name of Google's, where IAM alone decides who gets in, from any network."""
    control_plane_cidr: Annotated[str, AfterValidator(check_control_plane_cidr)] = "172.16.0.0/28"
    """A /28 for the control plane's own addresses."""
    deletion_protection: bool = True
    """Refuse to delete or replace the cluster until this is set to false and applied."""
    maintenance: Maintenance | None = None
    """When GKE may upgrade it; left out, at any time."""
    encryption: Encryption = Encryption()
    """Keys of your own."""
    binary_authorization: bool = False
    """Admit only images that the project's Binary Authorization policy allows; write that policy first."""
    security_posture: bool = True
    """Let GKE audit workloads for insecure settings and list security bulletins (Security Posture, standard)."""
    rbac_group: Annotated[str, Field(pattern=r"^gke-security-groups@[^@\s]+$")] | None = None
    """Google group whose member groups RBAC may name: gke-security-groups@YOUR-DOMAIN."""
    intranode_visibility: bool = False
    """Let flow logs and firewall rules see traffic between pods of one node as well."""
    notification_topic: Annotated[str, Field(pattern=r"^projects/[^/]+/topics/[^/]+$")] | None = None
    """Pub/Sub topic that gets upgrades and security bulletins: projects/P/topics/T."""
    cost_allocation: bool = True
    """Break the bill down by namespace and label."""
    managed_prometheus: bool = True
    """Collect metrics with Google's managed Prometheus; monitoring and metric-based scaling need it."""
    logging: tuple[Literal["SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER"], ...] = (
        "SYSTEM_COMPONENTS",
        "WORKLOADS",
    )
    """Whose logs go to Cloud Logging; SYSTEM_COMPONENTS always."""
    monitoring: tuple[
        Literal[
            "SYSTEM_COMPONENTS",
            "APISERVER",
            "CONTROLLER_MANAGER",
            "SCHEDULER",
            "STORAGE",
            "POD",
            "DEPLOYMENT",
            "STATEFULSET",
            "DAEMONSET",
            "HPA",
            "CADVISOR",
            "KUBELET",
            "JOBSET",
        ],
        ...,
    ] = ("SYSTEM_COMPONENTS", "POD", "DEPLOYMENT", "STATEFULSET", "HPA", "CADVISOR", "KUBELET")
    """Whose metrics GKE collects itself; SYSTEM_COMPONENTS always."""
    artifact_repositories: tuple[
        Annotated[str, Field(pattern=r"^projects/[^/]+/locations/[^/]+/repositories/[^/]+$")], ...
    ] = ()
    """Artifact Registry repositories that nodes may pull images from: projects/P/locations/L/repositories/R."""

    @model_validator(mode="after")
    def _somebody_gets_in(self) -> Self:
        if not self.authorized_networks and not self.dns_endpoint:
            reason = "nobody could reach the control plane, this program included"
            remedy = "networks that deployments and operators come from, or dnsEndpoint: true"
            refuse("authorizedNetworks", None, reason, remedy)
        ranges = [entry.cidr for entry in self.authorized_networks]
        findings(hardening.check_networks(bool(ranges), ranges, self.dns_endpoint), "authorizedNetworks")
        for name in ("logging", "monitoring"):
            chosen: tuple[str, ...] = getattr(self, name)
            if "SYSTEM_COMPONENTS" not in chosen:
                reason = "GKE takes no other component without SYSTEM_COMPONENTS, and without logs no incident can be followed up"
                refuse(name, ", ".join(chosen) or "nothing", reason, "SYSTEM_COMPONENTS among them")
        return self


class SystemPool(Section):
    """The node pool for everything that needs no TPU: controllers, endpoint pickers, GKE's own agents."""

    machine_type: str = "e2-standard-4"
    """Machine type of the nodes; it must exist in the zone."""
    zone: str | None = None
    """Zone of the nodes, where it is not the TPU nodes': AI zones such as us-south1-ai1b have no machines without TPU."""
    nodes: PositiveInt = 2
    """How many nodes."""


def check_cluster(cluster: Cluster, *, location: str, machine_types: Mapping[str, str]) -> None:
    """The cluster's keys are where it is, and its version knows the machines it gets.

    Args:
        cluster: Its settings.
        location: Region or zone of the control plane.
        machine_types: Setting of each machine type, such as `tpuPools[0].machineType`, and the machine type.
    """
    for name, key in (
        ("secretsKey", cluster.encryption.secrets_key),
        ("bootDiskKey", cluster.encryption.boot_disk_key),
    ):
        if key is not None:
            findings(encryption.check_key(key, location, f"cluster.encryption.{name}"))
    for field, machine_type in machine_types.items() if cluster.minimum_version else ():
        for finding in compatibility.check_machine_version(str(cluster.minimum_version), machine_type):
            reason = f"{field} is {machine_type}; {finding.reason}"
            instead = finding.remedy.removeprefix("Write minMasterVersion: ").removesuffix(" on the cluster.")
            refuse("cluster.minimumVersion", cluster.minimum_version, reason, instead)
