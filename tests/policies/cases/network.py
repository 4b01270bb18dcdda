"""Firewall rules, Pod Security labels of namespaces, and what NetworkPolicies let through."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.harness import UNKNOWN, Made, kubernetes
from tests.policies.objects import gateway, route

ENFORCE: Final = "pod-security.kubernetes.io/enforce"
HEALTH_CHECKS: Final = [{"ipBlock": {"cidr": "35.191.0.0/16"}}, {"ipBlock": {"cidr": "130.211.0.0/22"}}]
HERE: Final = "models"


def firewall(sources: Any = ("0.0.0.0/0",), ports: Any = ("10250",), protocol: Any = "tcp", **fields: Any) -> Made:
    """A firewall rule with one entry."""
    entry = {"protocol": protocol} | ({} if ports is None else {"ports": _listed(ports)})
    props = {"name": "rule", "network": "n", "sourceRanges": _listed(sources), "allows": [entry], **fields}
    return Made("gcp:compute/firewall:Firewall", "rule", {k: v for k, v in props.items() if v is not None})


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def namespace(**labels: Any) -> Made:
    """A Namespace with these labels."""
    metadata = {"name": HERE, "labels": {name.replace("__", "/").replace("_", "-"): v for name, v in labels.items()}}
    return Made("kubernetes:core/v1:Namespace", "ns", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


def labelled(value: Any) -> Made:
    """A Namespace with a value for the enforced profile."""
    made = namespace()
    return Made(made.token, made.name, {**made.props, "metadata": {"name": HERE, "labels": {ENFORCE: value}}})


def policy(name: str = "deny", where: Any = HERE, **spec: Any) -> Made:
    """A NetworkPolicy; without further fields it closes every pod."""
    body = {"podSelector": {}, "policyTypes": ["Ingress"], **spec}
    return kubernetes("networking.k8s.io/v1", "NetworkPolicy", name, where, spec=body)


def allowing(peers: Any, name: str = "allow") -> Made:
    """A NetworkPolicy that lets these peers in."""
    return policy(name, ingress=[{"from": peers}])


SERVED: Final = (gateway(), route())
ISTIO: Final = (gateway("istio"), route())

CASES: Final[Cases] = {
    "firewall-open": [
        fail("open-to-everybody", "10250 (the kubelet)", firewall()),
        fail("open-to-everybody", "every port", firewall(ports=None)),
        fail("open-to-everybody", "every port", firewall(protocol="all", ports=None)),
        fail("open-to-everybody", "22 (SSH)", firewall(ports=("20-30",))),
        fail("open-to-everybody", "node ports", firewall(ports=("30000-32767",))),
        fail("open-to-everybody", "::/0", firewall(sources=("::/0",))),
        missing("open-to-everybody", "0.0.0.0/0", firewall(sources=None)),
        unknown("undecided", "whom the rule lets in", firewall(sources=(UNKNOWN,))),
        unknown("undecided", "what the rule opens", firewall(ports=(UNKNOWN,))),
        good(firewall(sources=("35.191.0.0/16", "130.211.0.0/22"))),
        good(firewall(direction="EGRESS", sources=None)),
        near(firewall(ports=("443",))),
        near(firewall(protocol="icmp", ports=None)),
        near(firewall(sources=None, sourceTags=["nodes"])),
        near(firewall(disabled=True)),
        near(firewall(sources=(UNKNOWN, "10.0.0.0/8"), allows=[], denies=[{"protocol": "all"}], direction="EGRESS")),
    ],
    "namespace-pod-security": [
        fail("pod-security", "4.2.1", labelled("privileged")),
        fail("pod-security", "'Baseline'", labelled("Baseline")),
        missing("pod-security", "is missing", namespace()),
        unknown("undecided", "which pods", labelled(UNKNOWN)),
        good(labelled("baseline")),
        good(labelled("restricted")),
        near(Made("gcp:storage/namespace:Namespace", "a", {})),
        near(kubernetes("example.com/v1", "Namespace", "a")),
        near(Made("team:index:Namespace", "a", {"name": "a"})),
    ],
    "load-balancer-ingress": [
        fail("load-balancer-ingress", "although all pods are Ready", *SERVED, policy()),
        fail("load-balancer-ingress", "10.0.0.0/8", *SERVED, policy(), allowing([{"ipBlock": {"cidr": "10.0.0.0/8"}}])),
        fail("load-balancer-ingress", "35.191.0.0/16", *SERVED, allowing([{"podSelector": {}}])),
        missing("", "", *SERVED),
        unknown("undecided", "health checks", *SERVED, policy(), policy("allow", ingress=UNKNOWN)),
        good(*SERVED, policy(), allowing(HEALTH_CHECKS)),
        good(*SERVED, policy(), policy("open", ingress=[{}])),
        near(*SERVED, policy(where="elsewhere")),
        near(*SERVED, policy(podSelector={"matchLabels": {"app": "database"}})),
        near(*SERVED, policy(policyTypes=["Egress"])),
        near(*ISTIO, policy()),
    ],
}
