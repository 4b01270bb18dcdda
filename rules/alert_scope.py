"""Whether an alert is about one cluster or Gateway, or about whatever in the project has the same metrics and logs.

Owns the reading of conditions: PromQL queries, and filters of metrics and log entries. Does not own the conditions themselves
(`alerting.py`). A condition is read as text, since neither language has to be understood for it: PromQL names what it reads in
braces, and both compare labels with quoted words.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from rules.finding import Finding
from rules.monitoring import GATEWAY_PREFIX

CLUSTER_LABELS: Final = frozenset({"cluster", "cluster_name"})
"""What managed Prometheus' own series, and those of GKE, call the cluster."""
GATEWAY_LABELS: Final = frozenset({"url_map_name", "forwarding_rule_name", "backend_target_name", "target_proxy_name"})
"""Labels of load balancers' series whose values are names that GKE made of a Gateway's."""
_SELECTOR: Final = re.compile(r"\{([^{}]*)\}")
_COMPARED: Final = re.compile(
    r"""([\w.]+)["']?\]?\s*(=~|!=|!~|=)\s*(?:monitoring\.regex\.full_match\()?["']((?:[^"'\\]|\\.)*)["']"""
)
_OF_PODS: Final = re.compile(r"\bip_in_net\(")
"""Log entries of health checks name no cluster; the address of an endpoint is the next best."""


def check_query(
    query: str, clusters: Collection[str], gateways: Collection[tuple[str, str]], path: str
) -> list[Finding]:
    """Whether all that a PromQL query reads is of one of the clusters, or of one of the Gateways (namespace and name)."""
    selectors = _SELECTOR.findall(query)
    wide = [each for each in selectors if not _is_scoped(each, clusters, gateways)]
    if selectors and not wide:
        return []
    return [_finding(path, f"{{{wide[0]}}}" if wide else query)]


def check_filter(
    text: str, clusters: Collection[str], gateways: Collection[tuple[str, str]], path: str
) -> list[Finding]:
    """Whether a filter of metrics or log entries takes those of one of the clusters or Gateways alone."""
    return [] if _OF_PODS.search(text) or _is_scoped(text, clusters, gateways) else [_finding(path, text)]


def _is_scoped(text: str, clusters: Collection[str], gateways: Collection[tuple[str, str]]) -> bool:
    for label, operator, value in _COMPARED.findall(text):
        name = label.rpartition(".")[2]
        if name in CLUSTER_LABELS and operator == "=" and value in clusters:
            return True
        if name in GATEWAY_LABELS and operator in {"=", "=~"} and any(_means(value, *each) for each in gateways):
            return True
    return False


def _means(pattern: str, namespace: str, gateway: str) -> bool:
    """Whether an expression matches names that GKE makes of this Gateway, and none that it makes of another."""

    def matches(middle: str) -> bool:
        try:
            return re.fullmatch(pattern, f"{GATEWAY_PREFIX}ab1c-{middle}-0123456789ab") is not None
        except re.error:
            return False

    return matches(f"{namespace}-{gateway}") and not matches("-".join(("x" * len(namespace), "x" * len(gateway))))


def _finding(path: str, value: str) -> Finding:
    return Finding(
        path=path,
        value=value if len(value) <= 200 else f"{value[:199]}…",
        reason="it is about every cluster and Gateway of the project: whoever is on call for this one is woken by another's, and "
        "does not see whose it is",
        remedy="Compare cluster or cluster_name with the cluster's name, or url_map_name with the Gateway's namespace and name.",
        rule="wide",
    )
