"""Faults in what closes a stack off: namespaces, network policies, firewalls, rights, secrets, and what protects it."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.harness import Made, kubernetes
from tests.policies.mutations.mutation import EVERY_STACK, GONE, Mutation
from tests.policies.mutations.stacks import OPTIONS, PROD, SERVICES

NAMESPACED: Final = EVERY_STACK | {SERVICES}
ENTRY: Final = "allow-load-balancer"


def extra(name: str, made: Made, *, policy: str, rule: str, **more: Any) -> Mutation:
    """A resource that should not be there."""
    return Mutation(name=name, kind=made.token.rsplit(":", 1)[-1], added=made, policy=policy, rule=rule, **more)


def advised(name: str, kind: str, *path: str | int, value: Any, policy: str, rule: str, **more: Any) -> Mutation:
    """A fault that is only advised against."""
    return Mutation(name=name, kind=kind, path=path, value=value, policy=policy, rule=rule, advised=True, **more)


MUTATIONS: Final = (
    advised(
        "a namespace that takes any pod",
        "Namespace",
        "metadata",
        "labels",
        "pod-security.kubernetes.io/enforce",
        value="privileged",
        resource="namespace",
        policy="namespace-pod-security",
        rule="pod-security",
        stacks=NAMESPACED,
    ),
    extra(
        "a namespace that everybody reaches",
        Made(
            "kubernetes:core/v1:Namespace",
            "open",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "open"}},
        ),
        policy="namespace-network-policy",
        rule="network-policy",
        advised=True,
    ),
    Mutation(
        name="health checks that are not let in",
        kind="NetworkPolicy",
        resource=ENTRY,
        path=("spec", "ingress", 0, "from"),
        value=[{"ipBlock": {"cidr": "10.0.0.0/8"}}],
        policy="load-balancer-ingress",
        rule="load-balancer-ingress",
        stacks=NAMESPACED,
    ),
    Mutation(
        name="no way in for the load balancer",
        kind="NetworkPolicy",
        resource=ENTRY,
        policy="load-balancer-ingress",
        rule="load-balancer-ingress",
        stacks=NAMESPACED,
    ),
    extra(
        "SSH for everybody",
        Made(
            "gcp:compute/firewall:Firewall",
            "ssh",
            {"direction": "INGRESS", "sourceRanges": ["0.0.0.0/0"], "allows": [{"protocol": "tcp", "ports": ["22"]}]},
        ),
        policy="firewall-open",
        rule="open-to-everybody",
    ),
    extra(
        "a key of a service account",
        Made("gcp:serviceaccount/key:Key", "ci", {"serviceAccountId": "ci"}),
        policy="service-account-keys",
        rule="service-account-key",
    ),
    Mutation(
        name="metrics rights that read every Secret",
        kind="ClusterRole",
        resource="monitoring-reader",
        path=("rules", 0),
        value={"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
        policy="scoped-rights",
        rule="secret-read",
    ),
    Mutation(
        name="the metrics reader as administrator",
        kind="ClusterRoleBinding",
        resource="monitoring-reader",
        path=("roleRef", "name"),
        value="cluster-admin",
        policy="scoped-rights",
        rule="cluster-admin",
    ),
    Mutation(
        name="a secret for everybody",
        kind="SecretIamMember",
        resource="hugging-face",
        path=("member",),
        value="allUsers",
        policy="scoped-rights",
        rule="public-grant",
        stacks=frozenset({OPTIONS}),
        undecidable=False,
    ),
    advised(
        "a cluster that can be deleted",
        "Cluster",
        "deletionProtection",
        value=False,
        policy="deletion-protection",
        rule="deletion-protection",
        stacks=frozenset({PROD, OPTIONS}),
    ),
    advised(
        "an alert about every cluster of the project",
        "AlertPolicy",
        "conditions",
        0,
        "conditionPrometheusQueryLanguage",
        "query",
        value='max(kubernetes_io:container_cpu_limit_utilization{namespace_name="inference"}) > 0.9',
        resource="cpu",
        policy="alert-scope",
        rule="wide",
        stacks=frozenset({PROD}),
    ),
    advised(
        "no window for upgrades",
        "Cluster",
        "maintenancePolicy",
        value=GONE,
        policy="hardening-advised",
        rule="maintenance-window",
        stacks=frozenset({PROD}),
        undecidable=False,
    ),
    extra(
        "the pool CRD of GKE",
        kubernetes(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "inferencepools.inference.networking.k8s.io",
            spec={"group": "inference.networking.k8s.io"},
        ),
        policy="gke-owned-crd",
        rule="crd-owner",
    ),
    extra(
        "a priority that nobody reads",
        kubernetes("inference.networking.x-k8s.io/v1alpha2", "InferenceObjective", "batch", spec={"priority": -1}),
        policy="inference-api-version",
        rule="retired-api",
    ),
)
