"""Parts of a GKE cluster that its settings choose, as the provider takes them.

Owns how a choice becomes a block of the cluster. A choice that is off is written out where GKE's default could change, and
left out where it means nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rules import encryption


@dataclass(frozen=True, kw_only=True)
class MaintenanceArgs:
    """When GKE may upgrade the cluster.

    Attributes:
        start: Beginning of the first window, RFC 3339.
        end: End of the first window.
        recurrence: How it recurs, RFC 5545.
        exclusions: Name, first moment, last moment and scope of times without upgrades.
    """

    start: str
    end: str
    recurrence: str
    exclusions: tuple[tuple[str, str, str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class EncryptionArgs:
    """Keys of one's own.

    Attributes:
        secrets_key: Cloud KMS key of Kubernetes Secrets; None for Google's.
        boot_disk_key: Cloud KMS key of boot disks; None for Google's.
        grant: Whether the service agents are given the right to use them.
    """

    secrets_key: str | None = None
    boot_disk_key: str | None = None
    grant: bool = True


@dataclass(frozen=True, kw_only=True)
class OperationsArgs:
    """What GKE watches and reports.

    Attributes:
        logging: Components whose logs are kept.
        monitoring: Components whose metrics are kept.
        managed_prometheus: Whether managed Prometheus runs.
        cost_allocation: Whether costs are broken down by namespace and label.
        security_posture: Whether workloads are audited for insecure settings.
        notification_topic: Pub/Sub topic of upgrades and security bulletins.
    """

    logging: tuple[str, ...] = ("SYSTEM_COMPONENTS", "WORKLOADS")
    monitoring: tuple[str, ...] = ("SYSTEM_COMPONENTS",)
    managed_prometheus: bool = True
    cost_allocation: bool = True
    security_posture: bool = True
    notification_topic: str | None = None


def addons_config(*, filestore: bool) -> Any:
    """The add-on that programs Gateways' load balancers, and Filestore's driver."""
    addons: dict[str, Any] = {"http_load_balancing": {"disabled": False}}
    return {**addons, "gcp_filestore_csi_driver_config": {"enabled": True}} if filestore else addons


def maintenance_policy(wanted: MaintenanceArgs | None) -> Any:
    """The window and the exclusions; None lets GKE choose."""
    if wanted is None:
        return None
    return {
        "recurring_window": {"start_time": wanted.start, "end_time": wanted.end, "recurrence": wanted.recurrence},
        "maintenance_exclusions": [
            {"exclusion_name": name, "start_time": begin, "end_time": until, "exclusion_options": {"scope": scope}}
            for name, begin, until, scope in wanted.exclusions
        ],
    }


def database_encryption(key: str | None) -> Any:
    """Encryption of Kubernetes Secrets with a key of one's own."""
    return None if key is None else {"state": encryption.ENCRYPTED, "key_name": key}


def monitoring_config(wanted: OperationsArgs) -> Any:
    """Metrics of components, and managed Prometheus."""
    return {
        "enable_components": list(wanted.monitoring),
        "managed_prometheus": {"enabled": wanted.managed_prometheus},
    }


def security_posture_config(enabled: bool) -> Any:
    """Audit of workloads; scanning for vulnerabilities is off because GKE ends it (Artifact Analysis took over)."""
    return {"mode": "BASIC" if enabled else "DISABLED", "vulnerability_mode": "VULNERABILITY_DISABLED"}


def notification_config(topic: str | None) -> Any:
    """Upgrades and security bulletins for a Pub/Sub topic."""
    if topic is None:
        return None
    events = ["UPGRADE_AVAILABLE_EVENT", "UPGRADE_EVENT", "SECURITY_BULLETIN_EVENT"]
    return {"pubsub": {"enabled": True, "topic": topic, "filter": {"event_types": events}}}


def master_authorized_networks_config(networks: Iterable[tuple[str, str]]) -> Any:
    """Who reaches the control plane by address. Not for one without addresses: the provider sends no network then and reads
    none back, so that the block would differ at every preview.

    Google Cloud's public addresses, every customer's machines among them, are let in beside these networks unless that is
    switched off (GKE's page on network isolation, 2026); private nodes come in by the private address and need it not.
    """
    blocks = [{"display_name": label, "cidr_block": cidr} for label, cidr in networks]
    return {"cidr_blocks": blocks, "gcp_public_cidrs_access_enabled": False}


def control_plane_endpoints_config(*, dns_endpoint: bool, addresses: bool) -> Any:
    """Ways into the control plane: by a name where IAM decides, by addresses where networks do."""
    if not dns_endpoint:
        return None
    return {"dns_endpoint_config": {"allow_external_traffic": True}, "ip_endpoints_config": {"enabled": addresses}}
