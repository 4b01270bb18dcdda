"""NetworkPolicies of a namespace with inference servers, as plain objects.

Owns who may reach the pods and what they may reach. Of single pods only what a plain HTTP service may reach beside the rest is
said, whose labels are ours: labels of what KServe makes change with its versions, and a policy that misses its pods fails
silently. On Dataplane V2 the load balancer's requests arrive from the
proxy-only subnet and its health checks from Google's ranges, never from a node; the node's own probes always pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rules import isolation
from rules.network import HEALTH_CHECK_RANGES

Spec = Mapping[str, Any]
_EVERY_POD: Spec = {}


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where pods may open connections to.

    Attributes:
        cidr: A range outside the cluster; None where it is a namespace.
        namespace: A namespace of the cluster; None where it is a range.
        ports: Ports there; empty for every one.
        protocol: TCP or UDP.
    """

    cidr: str | None
    namespace: str | None
    ports: tuple[int, ...]
    protocol: str

    @property
    def peer(self) -> Mapping[str, Any]:
        """The peer of a NetworkPolicy's rule."""
        if self.cidr is not None:
            return {"ipBlock": {"cidr": self.cidr}}
        return {"namespaceSelector": {"matchLabels": {isolation.NAMESPACE_LABEL: self.namespace}}}

    @property
    def on(self) -> list[dict[str, Any]]:
        """The ports of a NetworkPolicy's rule; one without a number means every port of the protocol."""
        return [{"protocol": self.protocol, "port": port} for port in self.ports] or [{"protocol": self.protocol}]


def default_deny(*, egress: bool) -> Spec:
    """Closes every pod: what no other policy allows is refused."""
    return {"podSelector": _EVERY_POD, "policyTypes": ["Ingress", *(["Egress"] if egress else [])]}


def allow_load_balancer(proxy_cidrs: Sequence[str], ports: Sequence[int]) -> Spec:
    """Lets Google's health checks and the load balancer's proxies reach servers and endpoint pickers."""
    peers = [{"ipBlock": {"cidr": cidr}} for cidr in (*HEALTH_CHECK_RANGES, *proxy_cidrs)]
    return {
        "podSelector": _EVERY_POD,
        "policyTypes": ["Ingress"],
        "ingress": [{"from": peers, "ports": _tcp(ports)}],
    }


def allow_namespaces(namespaces: Sequence[str], ports: Sequence[int]) -> Spec:
    """Lets pods of other namespaces, such as metrics collectors, reach these ports."""
    values = {"key": isolation.NAMESPACE_LABEL, "operator": "In", "values": list(namespaces)}
    peers = [{"namespaceSelector": {"matchExpressions": [values]}}]
    return {
        "podSelector": _EVERY_POD,
        "policyTypes": ["Ingress"],
        "ingress": [{"from": peers, "ports": _tcp(ports)}],
    }


def allow_ports(ports: Sequence[int]) -> Spec:
    """Lets everybody reach these ports: for webhooks, whose callers' address GKE does not promise."""
    return {"podSelector": _EVERY_POD, "policyTypes": ["Ingress"], "ingress": [{"ports": _tcp(ports)}]}


def allow_own_pods(*, egress: bool) -> Spec:
    """Pods of the namespace reach each other: endpoint picker to servers, leader to workers."""
    peers = [{"podSelector": _EVERY_POD}]
    spec: dict[str, Any] = {
        "podSelector": _EVERY_POD,
        "policyTypes": ["Ingress", *(["Egress"] if egress else [])],
        "ingress": [{"from": peers}],
    }
    return {**spec, "egress": [{"to": peers}]} if egress else spec


def allow_egress() -> Spec:
    """Names, HTTPS to anywhere, and the metadata server that identities and TPU libraries ask.

    No addresses stand at names and HTTPS: those of NodeLocal DNSCache, of the API server and of model hubs differ from
    cluster to cluster and change.
    """
    names = [{"protocol": protocol, "port": isolation.DNS_PORT} for protocol in ("UDP", "TCP")]
    metadata = [
        {"to": [{"ipBlock": {"cidr": cidr}}], "ports": _tcp([port])} for cidr, port in isolation.METADATA_SERVERS
    ]
    return {
        "podSelector": _EVERY_POD,
        "policyTypes": ["Egress"],
        "egress": [{"ports": names}, {"ports": _tcp([isolation.HTTPS_PORT])}, *metadata],
    }


def allow_destinations(selected: Mapping[str, str], destinations: Sequence[Destination]) -> Spec:
    """Lets pods with these labels open connections to what one of them needs.

    A range never means pods: Dataplane V2 is Cilium's, whose policies match ranges to addresses outside the cluster alone
    (Cilium's documentation on IP and CIDR based policies, 2026), and a Service's address is its pods' by then.
    """
    return {
        "podSelector": {"matchLabels": dict(selected)},
        "policyTypes": ["Egress"],
        "egress": [{"to": [each.peer], "ports": each.on} for each in destinations],
    }


def _tcp(ports: Sequence[int]) -> list[dict[str, Any]]:
    return [{"protocol": "TCP", "port": port} for port in ports]
