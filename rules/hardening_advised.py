"""What the CIS GKE Benchmark 1.9 and Google's guides advise: each costs money, or needs something else first.

Owns the advised controls. Does not own how a control is judged (`hardening.py`).
Sources: CIS GKE Benchmark v1.9.0 as kube-bench cfg/gke-1.9.0 (2026-06-09) numbers it; GKE's posture management deprecations
(2025-01-28) for vulnerability scanning; GKE hardening guide (2026); GKE's guide to control plane access (2026): authorized
networks hold for the IP-based endpoints only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rules.finding import Finding
from rules.hardening import Control, is_true, is_written

ADVISED_CLUSTER: Final = (
    Control(
        number="5.6.4",
        path="privateClusterConfig.enablePrivateEndpoint",
        rule="private-endpoint",
        right=is_true,
        reason="the control plane answers on a public address, behind the authorized networks",
        remedy="Write true once deployments run from inside the network.",
    ),
    Control(
        number="5.3.1",
        path="databaseEncryption.state",
        rule="secrets-encryption",
        right=lambda value: value == "ENCRYPTED",
        reason="Secrets are encrypted with Google's key only, so access cannot be revoked by a key of yours",
        remedy="Write ENCRYPTED and a Cloud KMS key.",
    ),
    Control(
        number="5.1.4",
        path="binaryAuthorization.evaluationMode",
        rule="binary-authorization",
        right=lambda value: value not in (None, "", "DISABLED", "EVALUATION_MODE_UNSPECIFIED"),
        reason="any image from any registry runs in the cluster",
        remedy="Write a Binary Authorization policy, then PROJECT_SINGLETON_POLICY_ENFORCE.",
    ),
    Control(
        number="5.10.4",
        path="securityPostureConfig.mode",
        rule="security-posture",
        right=lambda value: value != "DISABLED",
        reason="nobody is told of workloads with insecure settings nor of security bulletins",
        remedy="Write BASIC.",
    ),
    Control(
        number="",
        path="securityPostureConfig.vulnerabilityMode",
        rule="vulnerability-mode",
        right=lambda value: value != "VULNERABILITY_BASIC",
        reason="GKE has ended basic vulnerability scanning, so nothing is scanned although it is written here",
        remedy="Write VULNERABILITY_DISABLED and scan images in Artifact Registry.",
    ),
    Control(
        number="5.8.2",
        path="authenticatorGroupsConfig.securityGroup",
        rule="rbac-groups",
        right=is_written,
        reason="RBAC can name single people only, and those who leave the team keep their rights",
        remedy="Write gke-security-groups@YOUR-DOMAIN.",
    ),
    Control(
        number="5.6.1",
        path="enableIntranodeVisibility",
        rule="intranode-visibility",
        right=is_true,
        reason="traffic between pods of one node passes no firewall rule and leaves no flow log",
        remedy="Write true.",
    ),
    Control(
        number="",
        path="maintenancePolicy",
        rule="maintenance-window",
        right=is_written,
        reason="GKE upgrades nodes at any hour, and a TPU server that is moved compiles for many minutes",
        remedy="Write a recurringWindow with 48 hours in every 32 days.",
    ),
)

ADVISED_NODES: Final = (
    Control(
        number="5.9.2",
        path="nodeConfig.bootDiskKmsKey",
        rule="boot-disk-key",
        right=is_written,
        reason="boot disks, with images and logs on them, are encrypted with Google's key only",
        remedy="Write a Cloud KMS key of the cluster's region.",
    ),
)


def check_unused_networks(cidrs: Sequence[str]) -> list[Finding]:
    """Authorized networks, with these ranges, of a control plane that is reached by its DNS name alone."""
    return [
        Finding(
            path="masterAuthorizedNetworksConfig",
            value=", ".join(cidrs) or "{}",
            reason="the control plane has no address (controlPlaneEndpointsConfig.ipEndpointsConfig.enabled is false), so these "
            "networks let nobody in and keep nobody out, whatever a reader takes them for, and the block differs at every "
            "preview, because the provider does not send it",
            remedy="Leave the block out, or write ipEndpointsConfig.enabled: true; who comes by the name is IAM's to say.",
            rule="unused-networks",
        )
    ]


DISK_PROVISIONER: Final = "pd.csi.storage.gke.io"
DISK_KEY: Final = Control(
    number="5.9.1",
    path="parameters.disk-encryption-kms-key",
    rule="disk-key",
    right=is_written,
    reason="volumes, with weights and caches on them, are encrypted with Google's key only",
    remedy="Write a Cloud KMS key of the cluster's region.",
)

FLOW_LOGS: Final = Control(
    number="5.6.1",
    path="logConfig",
    rule="flow-logs",
    right=is_written,
    reason="traffic between nodes leaves no trace to follow up an intrusion by",
    remedy="Write logConfig with an aggregation interval and a sampling rate.",
)
