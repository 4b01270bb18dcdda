"""What the CIS GKE Benchmark 1.9 asks of a cluster and its nodes, as far as it can be read from their declaration.

Owns the required controls as a table: field, what is right there, why, and the control's number. Others are only advised
(`hardening_advised.py`), because Google's own golden path leaves them off or they cost money.
Sources: CIS GKE Benchmark v1.9.0 as kube-bench cfg/gke-1.9.0 (2026-06-09) numbers it; GKE hardening guide; golden path (2026).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from rules.finding import Finding

BENCHMARK: Final = "CIS GKE Benchmark"
BENCHMARK_VERSION: Final = "1.9.0"
CHANNELS: Final = ("RAPID", "REGULAR", "STABLE", "EXTENDED")
EVERYWHERE: Final = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, kw_only=True)
class Control:
    """One control on one field; `right` gets the value, None where nothing is written."""

    number: str
    """Number in the benchmark; empty for what only Google's guides ask for."""
    path: str
    rule: str
    right: Callable[[object], bool]
    reason: str
    remedy: str

    def check(self, value: object) -> list[Finding]:
        """The finding for a value that is not right."""
        if self.right(value):
            return []
        number = f" (CIS GKE 1.9, {self.number})" if self.number else ""
        reason = f"{self.reason}{number}"
        return [Finding(path=self.path, value=value, reason=reason, remedy=self.remedy, rule=self.rule)]


def is_true(value: object) -> bool:
    """Whether true is written."""
    return value is True


def _not_true(value: object) -> bool:
    return value is not True


def _not_false(value: object) -> bool:
    return value is not False


def _texts(value: object) -> list[str]:
    return [str(item) for item in cast("list[object]", value)] if isinstance(value, list) else []


def is_written(value: object) -> bool:
    """Whether anything is written."""
    return value not in (None, "", {}, [])


REQUIRED_CLUSTER: Final = (
    Control(
        number="5.6.5",
        path="privateClusterConfig.enablePrivateNodes",
        rule="private-nodes",
        right=is_true,
        reason="every node gets a public address, and a mistake in one firewall rule opens the kubelets to the internet",
        remedy="Write true, and give the network a Cloud NAT.",
    ),
    Control(
        number="5.2.2",
        path="workloadIdentityConfig.workloadPool",
        rule="workload-identity",
        right=is_written,
        reason="pods then use the node's service account, and each of them has all of its rights",
        remedy="Write PROJECT.svc.id.goog.",
    ),
    Control(
        number="5.5.5",
        path="enableShieldedNodes",
        rule="shielded-nodes",
        right=_not_false,
        reason="a machine can then join the cluster with a stolen bootstrap credential",
        remedy="Write true.",
    ),
    Control(
        number="5.5.4",
        path="releaseChannel.channel",
        rule="release-channel",
        right=lambda value: value in CHANNELS,
        reason="outside a release channel security patches wait for somebody to apply them",
        remedy="Write REGULAR or STABLE.",
    ),
    Control(
        number="5.8.3",
        path="enableLegacyAbac",
        rule="legacy-authorization",
        right=_not_true,
        reason="legacy authorization grants what RBAC refuses",
        remedy="Leave it out.",
    ),
    Control(
        number="5.8.1",
        path="masterAuth.clientCertificateConfig.issueClientCertificate",
        rule="client-certificate",
        right=_not_true,
        reason="the certificate cannot be revoked while the cluster lives",
        remedy="Write false and sign in with IAM.",
    ),
    Control(
        number="5.10.2",
        path="enableKubernetesAlpha",
        rule="alpha-cluster",
        right=_not_true,
        reason="alpha clusters get no patches and are deleted after 30 days",
        remedy="Leave it out.",
    ),
    Control(
        number="5.7.1",
        path="loggingService",
        rule="logging",
        right=lambda value: value != "none",
        reason="without logs neither an intrusion nor a crash-loop can be followed up",
        remedy="Leave it out.",
    ),
    Control(
        number="5.7.1",
        path="monitoringService",
        rule="monitoring",
        right=lambda value: value != "none",
        reason="without metrics neither health nor load of the cluster can be seen",
        remedy="Leave it out.",
    ),
    Control(
        number="5.7.1",
        path="loggingConfig.enableComponents",
        rule="logging",
        right=lambda value: value is None or "SYSTEM_COMPONENTS" in _texts(value),
        reason="without logs neither an intrusion nor a crash-loop can be followed up",
        remedy="Write SYSTEM_COMPONENTS and WORKLOADS, or leave it out.",
    ),
    Control(
        number="5.10.1",
        path="addonsConfig.kubernetesDashboard.disabled",
        rule="dashboard",
        right=_not_false,
        reason="the Kubernetes dashboard runs with wide rights, and GKE no longer maintains it",
        remedy="Leave it out and use the Google Cloud console.",
    ),
    Control(
        number="4.1.10",
        path="rbacBindingConfig.enableInsecureBindingSystemAuthenticated",
        rule="everybody-bindings",
        right=_not_true,
        reason="roles can then be bound to everybody with a Google account",
        remedy="Write false.",
    ),
    Control(
        number="4.1.8",
        path="rbacBindingConfig.enableInsecureBindingSystemUnauthenticated",
        rule="everybody-bindings",
        right=_not_true,
        reason="roles can then be bound to everybody who reaches the control plane, signed in or not",
        remedy="Write false.",
    ),
)
"""Controls of a Standard cluster that are required; Autopilot sets those of nodes itself."""

REQUIRED_NODES: Final = (
    Control(
        number="5.2.1",
        path="nodeConfig.serviceAccount",
        rule="service-account",
        right=lambda value: value not in (None, "", "default"),
        reason="the nodes run as the project's default service account, which is an editor in many projects",
        remedy="Write a service account of its own with roles/container.defaultNodeServiceAccount.",
    ),
    Control(
        number="5.5.7",
        path="nodeConfig.shieldedInstanceConfig.enableSecureBoot",
        rule="secure-boot",
        right=is_true,
        reason="a changed boot loader or kernel module starts unnoticed",
        remedy="Write true.",
    ),
    Control(
        number="5.5.6",
        path="nodeConfig.shieldedInstanceConfig.enableIntegrityMonitoring",
        rule="integrity-monitoring",
        right=_not_false,
        reason="a changed boot sequence is not reported",
        remedy="Write true.",
    ),
    Control(
        number="5.4.1",
        path="nodeConfig.workloadMetadataConfig.mode",
        rule="metadata-server",
        right=lambda value: value in (None, "GKE_METADATA"),
        reason="pods can read the node's credentials from its metadata server",
        remedy="Write GKE_METADATA.",
    ),
    Control(
        number="5.5.1",
        path="nodeConfig.imageType",
        rule="node-image",
        right=lambda value: value is None or str(value).upper() == "COS_CONTAINERD",
        reason="Container-Optimized OS is the image with the smallest attack surface, and the one TPU drivers are tested on",
        remedy="Write COS_CONTAINERD or leave it out.",
    ),
    Control(
        number="5.5.3",
        path="management.autoUpgrade",
        rule="auto-upgrade",
        right=_not_false,
        reason="nodes keep known vulnerabilities until somebody upgrades them",
        remedy="Write true, and a maintenance window.",
    ),
    Control(
        number="5.5.2",
        path="management.autoRepair",
        rule="auto-repair",
        right=_not_false,
        reason="a broken node stays in the pool and holds its TPUs",
        remedy="Write true; only flex-start pools need false.",
    ),
)


def check_networks(written: bool, cidrs: list[str], private_endpoint: bool) -> list[Finding]:
    """Whether the control plane answers only to known networks.

    Args:
        written: Whether the block is there.
        cidrs: The ranges in it.
        private_endpoint: Whether the control plane has no public address, or none at all.
    """
    path = "masterAuthorizedNetworksConfig"
    open_to = [cidr for cidr in cidrs if cidr in EVERYWHERE]
    if open_to:
        return [
            Finding(
                path=f"{path}.cidrBlocks",
                value=", ".join(open_to),
                reason="the whole internet may talk to the control plane (CIS GKE 1.9, 5.6.3)",
                remedy="Write the networks that deployments and operators come from.",
                rule="authorized-networks",
            )
        ]
    if written or private_endpoint:
        return []
    return [
        Finding(
            path=path,
            value=None,
            reason="the control plane's public address answers to everybody (CIS GKE 1.9, 5.6.3)",
            remedy="Write the networks that deployments and operators come from, or enablePrivateEndpoint: true.",
            rule="authorized-networks",
        )
    ]


def check_network_policy(datapath: str | None, enabled: bool | None) -> list[Finding]:
    """Whether NetworkPolicies have any effect in the cluster."""
    if datapath == "ADVANCED_DATAPATH" or enabled is True:
        return []
    return [
        Finding(
            path="datapathProvider",
            value=datapath,
            reason="without Dataplane V2 the API server takes NetworkPolicies and nothing enforces them (CIS GKE 1.9, 4.3.1)",
            remedy="Write ADVANCED_DATAPATH; it cannot be changed later.",
            rule="network-policy",
        )
    ]
