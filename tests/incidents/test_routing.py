"""Incidents of Gateways and routes, in somebody else's program: blocked before anything exists."""

from __future__ import annotations

from tests.incidents.harness import UNKNOWN, Somebody

CLASS = "gateway/spec/gatewayClassName"
TIMEOUTS = {"request": "0s", "backendRequest": "0s"}
SERVICE_RULE = {"backendRefs": [{"name": "qwen-kserve-workload-svc", "port": 8000}]}


def test_right_is_not_blocked(somebody: Somebody) -> None:
    """Invariant: the program that every test here changes in one place passes without a word of the pack."""
    somebody.preview().passes()


def test_a_global_gateway_class_in_front_of_an_inference_pool(somebody: Somebody) -> None:
    """Invariant: an InferencePool is only ever behind a regional class (issues 1 and 9: address assigned, 503 for ever)."""
    result = somebody.preview({CLASS: "gke-l7-global-external-managed"})
    result.is_blocked_by("inference-pool-gateway-class")
    result.says(
        "Gateway models/entry: spec.gatewayClassName is 'gke-l7-global-external-managed'",
        "503 'no healthy upstream'",
        "Write gke-l7-regional-external-managed or gke-l7-rilb.",
    )


def test_an_update_is_stopped_by_its_own_preview(somebody: Somebody) -> None:
    """Invariant: `pulumi up` with the pack creates nothing when the stack as a whole is wrong (issue 1).

    Policies over a whole stack speak after the last resource. Had they nothing to say at preview, they would speak when
    everything exists.
    """
    result = somebody.up({CLASS: "gke-l7-gxlb"})
    result.is_blocked_by("inference-pool-gateway-class")
    result.says("spec.gatewayClassName is 'gke-l7-gxlb'")


def test_timeouts_in_a_route(somebody: Somebody) -> None:
    """Invariant: no route, wherever it is written, has `timeouts`, not even of 0 s (issue 4: GWCER104)."""
    result = somebody.preview(
        {
            "route/spec/rules/0/timeouts": TIMEOUTS,
            "model/spec/router/route/http": {"spec": {"rules": [{**SERVICE_RULE, "timeouts": TIMEOUTS}]}},
            "preset/spec/router/route/http/spec/rules/0/timeouts": TIMEOUTS,
        }
    )
    result.is_blocked_by("httproute-features")
    for where in (
        "HTTPRoute models/qwen: spec.rules[0].timeouts is ",
        "LLMInferenceService models/qwen: spec.router.route.http.spec.rules[0].timeouts is ",
        "LLMInferenceServiceConfig models/team-route: spec.router.route.http.spec.rules[0].timeouts is ",
    ):
        result.says(where, "GWCER104", "GCPBackendPolicy")


def test_the_managed_route_of_kserve(somebody: Somebody) -> None:
    """Invariant: KServe's own route, which nobody wrote and which has timeouts, is not used as it is (issue 4)."""
    result = somebody.preview({"model/spec/router/route": {}})
    result.is_blocked_by("kserve-managed-route")
    result.says(
        "LLMInferenceService models/qwen: spec.router.route is 'managed by KServe'",
        "kserve-config-llm-router-route puts 'timeouts' on every rule",
        "router.route.http.refs",
    )


def test_a_class_that_cannot_be_known_is_not_green(somebody: Somebody) -> None:
    """Invariant: a GatewayClass that another resource decides later blocks (issue 1); the SDK alone lets it pass."""
    result = somebody.preview({CLASS: UNKNOWN})
    result.is_blocked_by("inference-pool-gateway-class")
    result.says("[undecided] Gateway models/entry: spec.gatewayClassName is '(unknown)'", "as a constant")


def test_a_route_that_cannot_be_known_is_not_green(somebody: Somebody) -> None:
    """Invariant: nor does a route pass whose timeouts, or whose origin, is only known later (issue 4)."""
    result = somebody.preview(
        {"route/spec/rules/0/timeouts/request": UNKNOWN, "model/spec/router/route/http/refs": UNKNOWN}
    )
    result.is_blocked_by("httproute-features", "kserve-managed-route", "backend-health-check")
    result.says("[undecided] HTTPRoute models/qwen: spec.rules[0].timeouts.request is '(unknown)'")
    result.says("[undecided] LLMInferenceService models/qwen: spec.router.route.http.refs is '(unknown)'")


def test_near_misses_of_a_route_pass(somebody: Somebody) -> None:
    """Invariant: what only looks like issues 1 and 4 passes: the internal class, and a managed route whose preset is ours."""
    somebody.preview(
        {
            CLASS: "gke-l7-rilb",
            "model/spec/router/route": {"http": {}},
            "preset/metadata/name": "kserve-config-llm-router-route",
        }
    ).passes()


def test_a_global_gateway_without_inference_pools_passes(somebody: Somebody) -> None:
    """Invariant: a global class is wrong in front of an InferencePool only (issue 1)."""
    somebody.preview(
        {
            CLASS: "gke-l7-global-external-managed",
            "model": None,
            "route/spec/rules/0": SERVICE_RULE,
            "pool-health": None,
            "pool-patience": None,
            "proxies": None,
        }
    ).passes()
