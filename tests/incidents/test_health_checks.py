"""Incidents of health checks, in somebody else's program: pods Ready, backends UNHEALTHY."""

from __future__ import annotations

from typing import Any

import pytest

from tests.incidents.harness import UNKNOWN, Somebody

CHECK = "spec/default/config/httpHealthCheck"
POOL = "InferencePool models/qwen-inference-pool"
SERVICE = "Service models/qwen-kserve-workload-svc"


@pytest.mark.parametrize(
    ("resource", "backend"), [("pool-health", POOL), ("service-health", SERVICE)], ids=["InferencePool", "Service"]
)
def test_a_backend_without_health_check_policy(somebody: Somebody, resource: str, backend: str) -> None:
    """Invariant: every routed backend has a HealthCheckPolicy (issues 5 and 13: GKE asks for '/', vLLM answers 404)."""
    result = somebody.preview({resource: None})
    result.is_blocked_by("backend-health-check")
    result.says(
        f"is '{backend}': no HealthCheckPolicy in the stack targets it", "an httpHealthCheck of /health on port 8000"
    )


@pytest.mark.parametrize(
    ("changes", "differences"),
    [
        (
            {
                "pool-health/spec/targetRef/group": "inference.networking.x-k8s.io",
                "service-health/spec/targetRef/kind": "Deployment",
            },
            (
                "its targetRef.group is 'inference.networking.x-k8s.io' instead of 'inference.networking.k8s.io'",
                "its targetRef.kind is 'Deployment' instead of 'Service'",
            ),
        ),
        (
            {
                "pool-health/spec/targetRef": {"group": "", "kind": "Service", "name": "qwen-inference-pool-ip-3a1f"},
                "service-health/metadata/namespace": "gateways",
                "service-health/spec/targetRef/namespace": "models",
            },
            (
                "it targets GKE's shadow Service of the pool, to which nothing attaches",
                "its metadata.namespace is 'gateways' instead of 'models'",
            ),
        ),
    ],
    ids=["group-and-kind", "shadow-and-namespace"],
)
def test_a_policy_aimed_past_its_backend(
    somebody: Somebody, changes: dict[str, Any], differences: tuple[str, ...]
) -> None:
    """Invariant: a policy that the API server takes and GKE leaves unattached does not count (issue 13)."""
    result = somebody.preview(changes)
    result.is_blocked_by("backend-health-check", "health-check-policy")
    for difference in differences:
        result.says("no HealthCheckPolicy in the stack targets it", "names it but does not attach", difference)


def test_a_health_check_of_the_root_path(somebody: Somebody) -> None:
    """Invariant: a health check asks for a path that vLLM serves; '/' is none, and is the default (issues 5 and 13)."""
    result = somebody.preview({f"pool-health/{CHECK}/requestPath": "/", f"service-health/{CHECK}/requestPath": None})
    result.is_blocked_by("health-check-policy")
    result.says("models/pool-health: ", "requestPath is '/'", "vLLM answers with 404", "/health for vLLM")
    result.says("models/service-health: ", "requestPath is missing", "vLLM answers with 404")


def test_what_cannot_be_decided_is_not_green(somebody: Somebody) -> None:
    """Invariant: a health check whose path or target is only known later blocks (issues 5 and 13)."""
    result = somebody.preview(
        {f"pool-health/{CHECK}/requestPath": UNKNOWN, "service-health/spec/targetRef/name": UNKNOWN}
    )
    result.is_blocked_by("health-check-policy", "backend-health-check")
    result.says("[undecided] HealthCheckPolicy models/pool-health: ", "requestPath is '(unknown)'")
    result.says("[undecided] HealthCheckPolicy models/service-health: ", f"whether this policy covers {SERVICE}")


def test_near_misses_of_a_health_check_pass(somebody: Somebody) -> None:
    """Invariant: another served path, the serving port, and an unknown host header are not in the way (issue 5)."""
    somebody.preview(
        {
            f"pool-health/{CHECK}/requestPath": "/v1/models",
            f"service-health/{CHECK}": {
                "portSpecification": "USE_SERVING_PORT",
                "requestPath": "/health",
                "host": UNKNOWN,
            },
        }
    ).passes()
