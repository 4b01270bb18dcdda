"""Every routed backend has a HealthCheckPolicy that attaches, and its content can succeed."""

from __future__ import annotations

from typing import Any

import pytest

from policies.health_checks import HEALTH_CHECK_CONTENT, HEALTH_CHECK_MISSING
from tests.policies.harness import UNKNOWN, Made, kubernetes, run
from tests.policies.objects import POOL_GROUP, gateway, health, llm, pool_ref, route, service_health, service_ref

TARGET = {"group": POOL_GROUP, "kind": "InferencePool", "name": "qwen-inference-pool"}


def test_a_routed_pool_without_a_policy_is_refused() -> None:
    """Incident: three Ready pods, three UNHEALTHY backends, 'no healthy upstream' for a day."""
    message = run(HEALTH_CHECK_MISSING, gateway(), route()).only
    assert message.startswith(
        "[missing] HTTPRoute models/qwen: spec.rules[0].backendRefs[0] is 'InferencePool models/qwen-inference-pool'"
    )
    assert "no healthy upstream" in message
    assert f"targetRef {{group: '{POOL_GROUP}', kind: InferencePool, name: qwen-inference-pool}}" in message


def test_pool_and_service_each_need_their_own() -> None:
    """They are two backend services with two health checks."""
    message = run(HEALTH_CHECK_MISSING, gateway(), route(pool_ref(), service_ref()), health()).only
    assert "'Service models/qwen-kserve-workload-svc'" in message
    assert not run(
        HEALTH_CHECK_MISSING, gateway(), route(pool_ref(), service_ref()), health(), service_health()
    ).violations


@pytest.mark.parametrize(
    ("policy", "hint"),
    [
        (
            health({"kind": "Service", "group": "", "name": "qwen-inference-pool"}),
            "its targetRef.kind is 'Service' instead of 'InferencePool'",
        ),
        (health({**TARGET, "group": "inference.networking.x-k8s.io"}), f"instead of '{POOL_GROUP}'"),
        (health(namespace="gateways"), "its metadata.namespace is 'gateways' instead of 'models'"),
        (health({**TARGET, "namespace": "other"}), "its targetRef.namespace is 'other' instead of 'models'"),
        (
            health({"kind": "Service", "group": "", "name": "qwen-inference-pool-ip-6a587483"}),
            "shadow Service of the pool",
        ),
    ],
)
def test_a_policy_that_misses_does_not_count_and_is_named(policy: Made, hint: str) -> None:
    """Incident: a policy on the pool's shadow Service was created, and nothing attached."""
    message = run(HEALTH_CHECK_MISSING, gateway(), route(), policy).only
    assert "names it but does not attach" in message
    assert hint in message


@pytest.mark.parametrize(
    "router",
    [{"scheduler": {}, "route": {"http": {}}}, {"scheduler": {}, "route": {"http": {"refs": [{"name": "not-here"}]}}}],
)
def test_what_kserve_generates_needs_policies_too(router: object) -> None:
    """KServe makes pool and Service but no HealthCheckPolicy for either."""
    result = run(HEALTH_CHECK_MISSING, gateway(), llm(router))
    assert [("inference-pool'" in m, "workload-svc'" in m) for m in result.messages] == [(True, False), (False, True)]
    assert not run(HEALTH_CHECK_MISSING, gateway(), llm(router), health(), service_health()).violations


def test_a_service_without_a_scheduler_has_no_pool() -> None:
    """Only its workload Service is routed."""
    assert not run(HEALTH_CHECK_MISSING, llm({"route": {"http": {}}}), service_health()).violations


def test_a_pool_of_ones_own_is_checked_by_its_name() -> None:
    """`scheduler.pool.ref` names it."""
    router = {"scheduler": {"pool": {"ref": {"name": "mine"}}}, "route": {"http": {}}}
    assert "InferencePool models/mine" in run(HEALTH_CHECK_MISSING, llm(router), service_health()).only


@pytest.mark.parametrize(
    "stack",
    [
        [gateway("istio"), route()],
        [llm({})],
        [route({"group": "apps.example.com", "kind": "Thing", "name": "a"})],
        [gateway(), route(), llm(), health()],
        [route(parent=[{"name": "elsewhere"}]), health()],
    ],
)
def test_near_misses_pass(stack: list[Made]) -> None:
    """Other controllers' Gateways, unrouted services, unknown kinds, and services whose routes speak for themselves."""
    assert not run(HEALTH_CHECK_MISSING, *stack).violations


@pytest.mark.parametrize(
    ("stack", "path"),
    [
        ([route(pool_ref(UNKNOWN)), health()], "spec.rules[0].backendRefs[0].name"),
        ([route({**pool_ref(), "kind": UNKNOWN}), health()], "spec.rules[0].backendRefs[0].kind"),
        ([route(UNKNOWN), health()], "spec.rules[0].backendRefs[0]"),
        ([route(), health({**TARGET, "name": UNKNOWN})], "spec.targetRef.name"),
        ([route(), health({**TARGET, "group": UNKNOWN})], "spec.targetRef.group"),
        ([route(), health(UNKNOWN)], "spec.targetRef"),  # pyright: ignore[reportArgumentType]
        ([llm({"scheduler": UNKNOWN, "route": {"http": {}}}), service_health()], "spec.router.scheduler"),
    ],
)
def test_unknown_is_not_green(stack: list[Made], path: str) -> None:
    """A reference nobody can read may miss."""
    result = run(HEALTH_CHECK_MISSING, *stack)
    assert result.rules == ["undecided"]
    assert f"{path}" in result.only
    assert "cannot decide at preview whether" in result.only


def http(**check: Any) -> dict[str, Any]:
    """An HTTP check."""
    return {"type": "HTTP", "httpHealthCheck": check}


@pytest.mark.parametrize(
    ("made", "rule", "text"),
    [
        (health(timeoutSec=30), "times", "longer than the interval of 15 s"),
        (health(checkIntervalSec=None, timeoutSec=15), "times", "interval of 5 s (the default, as it is not written)"),
        (health(config=http(port=8000, requestPath="/health")), "port", "portSpecification is missing"),
        (
            health(config=http(portSpecification="USE_SERVING_PORT")),
            "request-path",
            "asks for '/', which vLLM answers with 404",
        ),
        (
            health(config=http(portSpecification="USE_SERVING_PORT", requestPath="/")),
            "request-path",
            "requestPath is '/'",
        ),
        (
            health(config={"type": "HTTPS", "httpHealthCheck": {}}),
            "type",
            "type is HTTPS, whose settings belong in httpsHealthCheck",
        ),
        (health({**TARGET, "group": "inference.networking.x-k8s.io"}), "target", "retired group"),
        (health({"kind": "InferencePool", "name": "a"}), "target", "spec.targetRef.group is missing"),
        (
            health({"group": "apps", "kind": "Deployment", "name": "a"}),
            "target",
            "attaches a HealthCheckPolicy to no such kind",
        ),
        (health({**TARGET, "namespace": "other"}), "target", "only within its namespace"),
    ],
)
def test_what_is_wrong_inside_a_policy(made: Made, rule: str, text: str) -> None:
    """The API server takes most of these; the backend then never turns healthy."""
    result = run(HEALTH_CHECK_CONTENT, made)
    assert result.rules == [rule]
    assert text in result.only


@pytest.mark.parametrize(
    ("made", "path"),
    [
        (health(config=http(portSpecification="USE_SERVING_PORT", requestPath=UNKNOWN)), "requestPath"),
        (health(config=UNKNOWN), "spec.default.config"),
        (health(timeoutSec=UNKNOWN), "spec.default.timeoutSec"),
        (health({**TARGET, "kind": UNKNOWN}), "spec.targetRef.kind"),
    ],
)
def test_unknown_content_is_undecided(made: Made, path: str) -> None:
    """Each of these fields decides whether a backend turns healthy."""
    result = run(HEALTH_CHECK_CONTENT, made)
    assert result.rules == ["undecided"]
    assert f"{path} is '(unknown)'" in result.only


def test_what_decides_nothing_may_be_unknown() -> None:
    """A port that is there is there, whatever its number."""
    check = {"portSpecification": "USE_FIXED_PORT", "port": UNKNOWN, "requestPath": "/health", "host": UNKNOWN}
    assert not run(HEALTH_CHECK_CONTENT, health(config=http(**check), logConfig=UNKNOWN)).violations
    other = kubernetes("example.com/v1", "HealthCheckPolicy", "a", spec={})
    assert not run(HEALTH_CHECK_CONTENT, other).violations
