"""What a namespace of inference servers must let through when NetworkPolicies close it, and Pod Security's labels.

Owns the addresses, ports and namespaces that GKE itself needs. Does not own the ports of servers (`vllm.py`, `kserve.py`).
Sources: GKE's guides to network policies (Workload Identity and the metadata server), to NodeLocal DNSCache and to managed
collection; Kubernetes' Pod Security Standards and Pod Security Admission (2026).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from rules.finding import Finding
from rules.network import HEALTH_CHECK_RANGES

NETWORK_POLICY_API_VERSION: Final = "networking.k8s.io/v1"
NAMESPACE_LABEL: Final = "kubernetes.io/metadata.name"
"""Label that the API server itself puts on every namespace: its name."""

DNS_PORT: Final = 53
HTTPS_PORT: Final = 443
METADATA_SERVERS: Final = (("169.254.169.252/32", 988), ("169.254.169.252/32", 987), ("169.254.169.254/32", 80))
"""Where pods get their identity and TPU libraries their topology: GKE's metadata server, with and without Dataplane V2."""
MONITORING_NAMESPACES: Final = ("gmp-system", "gke-gmp-system")
"""Where managed Prometheus runs its collectors: Standard and Autopilot clusters."""

ENFORCE: Final = "pod-security.kubernetes.io/enforce"
WARN: Final = "pod-security.kubernetes.io/warn"
AUDIT: Final = "pod-security.kubernetes.io/audit"
PROFILES: Final = ("privileged", "baseline", "restricted")


def pod_security_labels(enforced: str) -> dict[str, str]:
    """Labels of a namespace that refuses pods below `enforced`, and tells of those below restricted."""
    return {ENFORCE: enforced, WARN: "restricted", AUDIT: "restricted"}


def check_pod_security(enforced: str | None) -> list[Finding]:
    """Whether a namespace refuses at least what the baseline profile forbids; None is without a label."""
    if enforced in ("baseline", "restricted"):
        return []
    return [
        Finding(
            path=f"metadata.labels[{ENFORCE}]",
            value=enforced,
            reason="whoever may create pods here may create privileged ones, and with one of those the node is theirs "
            "(CIS GKE 1.9, 4.2.1)",
            remedy="Write baseline, or restricted where no image runs as root.",
            rule="pod-security",
        )
    ]


def check_load_balancer_ingress(policies: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Whether NetworkPolicies that together close all pods of a namespace still let Google's health checks in.

    Args:
        policies: `spec` of each NetworkPolicy of a namespace with routed backends, all values known.
    """
    specs = list(policies)
    closed = any(_closes(spec) for spec in specs)
    sources = [source for spec in specs for rule in _mappings(spec.get("ingress")) for source in _sources(rule)]
    if not closed or None in sources or any(_covers(str(source)) for source in sources):
        return []
    return [
        Finding(
            path="spec.ingress",
            value=", ".join(sorted(str(source) for source in sources)) or None,
            reason="all pods of the namespace are closed and none is open to Google's health checks: every backend stays "
            "UNHEALTHY and the Gateway answers 503 although all pods are Ready",
            remedy=f"Allow {' and '.join(HEALTH_CHECK_RANGES)} and the proxy-only subnet's range on the serving ports.",
            rule="load-balancer-ingress",
        )
    ]


def _closes(spec: Mapping[str, Any]) -> bool:
    """Whether a policy closes every pod of its namespace to what no policy lets in."""
    kinds: object = spec.get("policyTypes")
    concerns_ingress = not isinstance(kinds, list) or not kinds or "Ingress" in kinds
    return spec.get("podSelector") in (None, {}) and concerns_ingress


def _sources(rule: Mapping[str, Any]) -> list[str | None]:
    """Ranges an ingress rule lets in; None is everywhere."""
    peers = _mappings(rule.get("from"))
    if not peers:
        return [None]
    return [
        str(cast("Mapping[str, Any]", peer["ipBlock"]).get("cidr"))
        for peer in peers
        if isinstance(peer.get("ipBlock"), Mapping)
    ]


def _covers(cidr: str) -> bool:
    return cidr in {"0.0.0.0/0", *HEALTH_CHECK_RANGES}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    if not isinstance(value, list):
        return []
    return [cast("Mapping[str, Any]", item) for item in cast("list[object]", value) if isinstance(item, Mapping)]
