"""Small manifests for the tests of the check."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from policies.check.result import Result, check
from policies.pack import POLICIES

NAMES = (
    "httproute-features",
    "inference-pool-gateway-class",
    "backend-health-check",
    "kserve-managed-route",
    "tpu-node-pool",
    "exemptions-in-use",
)
PACK = [policy for policy in POLICIES if policy.name in NAMES]
"""A few policies, so that the tests of the machinery do not change with the rules."""
REGIONAL = "gke-l7-regional-external-managed"


def gateway(class_name: str = REGIONAL, name: str = "inference") -> str:
    """A Gateway."""
    return (
        f"apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: {name}, namespace: gateways}}\n"
        f"spec: {{gatewayClassName: {class_name}}}\n"
    )


def route(rule: str = "", parent: str = "inference") -> str:
    """A route to an InferencePool; `rule` adds to its one rule."""
    return (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: qwen, namespace: models}\nspec:\n"
        f"  parentRefs: [{{name: {parent}, namespace: gateways}}]\n"
        "  rules:\n"
        "    - backendRefs: [{group: inference.networking.k8s.io, kind: InferencePool, name: pool}]\n"
        f"{rule}"
    )


TIMEOUT = "      timeouts: {request: 0s}\n"


def judge(*documents: str, **options: Any) -> Result:
    """What the check finds in these documents, given as standard input."""
    return check(["-"], BytesIO("---\n".join(documents).encode()), PACK, **options)


def names(result: Result) -> set[str]:
    """The policies that found something."""
    return {finding.policy.name for finding in result.findings}
