"""Timeouts and other refused features, in HTTPRoutes, inline routes, configs, and KServe's own preset."""

from __future__ import annotations

from typing import Any

import pytest

from policies.routes import MANAGED_ROUTE, ROUTE_FEATURES
from tests.policies.harness import UNKNOWN, Made, kubernetes, run
from tests.policies.objects import llm, llm_config, pool_ref, route

ZERO = {"request": "0s", "backendRequest": "0s"}
PRESET = "kserve-config-llm-router-route"


def inline(rule: Any) -> dict[str, Any]:
    """A router with an inline route of one rule."""
    return {"route": {"http": {"spec": {"rules": [rule]}}}}


@pytest.mark.parametrize(
    ("made", "path"),
    [
        (route(rule={"timeouts": ZERO}), "spec.rules[0].timeouts"),
        (llm(inline({"timeouts": ZERO})), "spec.router.route.http.spec.rules[0].timeouts"),
        (llm_config(PRESET, router=inline({"timeouts": ZERO})), "spec.router.route.http.spec.rules[0].timeouts"),
    ],
    ids=["HTTPRoute", "LLMInferenceService", "LLMInferenceServiceConfig"],
)
def test_timeouts_are_refused_wherever_a_route_is_written(made: Made, path: str) -> None:
    """Incident: GWCER104 on every route that KServe made, because of timeouts that mean 'none'."""
    message = run(ROUTE_FEATURES, made).only
    assert message.startswith("[timeouts] ")
    assert f"{path} is {{'request': '0s', 'backendRequest': '0s'}}" in message
    assert "GWCER104" in message
    assert "GCPBackendPolicy" in message


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ({"retry": {"attempts": 1}}, "retry"),
        ({"matches": [{"path": {"type": "RegularExpression", "value": "^/.*$"}}]}, "regular-expression"),
        ({"matches": [{"method": "GET"}]}, "method-match"),
        (
            {"filters": [{"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath"}}}]},
            "replace-full-path",
        ),
        ({"backendRefs": [{**pool_ref(), "group": "inference.networking.x-k8s.io"}]}, "backend-group"),
    ],
)
def test_other_refused_features(rule: dict[str, Any], name: str) -> None:
    """Same error code, same silence from kubectl."""
    assert run(ROUTE_FEATURES, route(rule=rule)).rules == [name]


@pytest.mark.parametrize(
    ("made", "path"),
    [
        (route(rule={"timeouts": UNKNOWN}), "spec.rules[0].timeouts"),
        (route(rule={"timeouts": {"request": UNKNOWN}}), "spec.rules[0].timeouts.request"),
        (route(rule={"matches": UNKNOWN}), "spec.rules[0].matches"),
        (route(rule={"matches": [{"path": {"type": UNKNOWN}}]}), "spec.rules[0].matches[0].path.type"),
        (kubernetes("gateway.networking.k8s.io/v1", "HTTPRoute", "a", spec={"rules": UNKNOWN}), "spec.rules"),
        (kubernetes("gateway.networking.k8s.io/v1", "HTTPRoute", "a", spec={"rules": [UNKNOWN]}), "spec.rules[0]"),
        (kubernetes("gateway.networking.k8s.io/v1", "HTTPRoute", "a", spec={"rules": "all"}), "spec.rules"),
        (kubernetes("gateway.networking.k8s.io/v1", "HTTPRoute", "a", spec=UNKNOWN), "spec.rules"),
        (llm({"route": UNKNOWN}), "spec.router.route.http.spec.rules"),
    ],
)
def test_unknown_routes_are_undecided(made: Made, path: str) -> None:
    """A rule nobody can see may carry timeouts."""
    result = run(ROUTE_FEATURES, made)
    assert set(result.rules) == {"undecided"}
    assert f"{path} is '(unknown)': cannot decide at preview whether GKE refuses the route" in result.messages[0]


@pytest.mark.parametrize(
    "made",
    [
        route(),
        route(pool_ref(UNKNOWN)),
        route(rule={"matches": [{"path": {"type": "PathPrefix", "value": UNKNOWN}}], "name": UNKNOWN}),
        kubernetes("gateway.networking.k8s.io/v1", "HTTPRoute", "a", spec={}),
        kubernetes("gateway.networking.k8s.io/v1", "GRPCRoute", "a", spec={"rules": [{"timeouts": ZERO}]}),
        kubernetes("example.com/v1", "HTTPRoute", "a", spec={"rules": [{"timeouts": ZERO}]}),
        llm(),
    ],
)
def test_near_misses_pass(made: Made) -> None:
    """Unknown names and paths decide nothing; other kinds and groups are not ours."""
    assert not run(ROUTE_FEATURES, made).violations


@pytest.mark.parametrize(
    "router",
    [
        {"route": {"http": {}}},
        {"route": {}},
        {"route": {"http": {"spec": {"parentRefs": []}}}},
        {"route": {"http": {"refs": []}}},
    ],
)
def test_a_route_from_the_preset_is_refused(router: object) -> None:
    """Nobody wrote the timeouts: KServe's preset brings them whenever a route has neither references nor rules."""
    message = run(MANAGED_ROUTE, llm(router)).only
    assert message.startswith(
        "[managed-route] LLMInferenceService models/qwen: spec.router.route is 'managed by KServe'"
    )
    assert f"its preset {PRESET} puts 'timeouts' on every rule" in message
    assert "router.route.http.refs" in message


@pytest.mark.parametrize("namespace", ["models", "kserve"])
def test_an_override_of_the_preset_is_taken(namespace: str) -> None:
    """KServe looks in the service's namespace first, then in its own."""
    assert not run(MANAGED_ROUTE, llm({"route": {"http": {}}}), llm_config(PRESET, namespace)).violations


def test_an_override_elsewhere_does_not_count() -> None:
    """And the message says where it was seen."""
    message = run(MANAGED_ROUTE, llm({"route": {"http": {}}}), llm_config(PRESET, "other")).only
    assert "the one in other does not count there" in message


@pytest.mark.parametrize(
    "router", [{"route": {"http": {"refs": [{"name": "a"}]}}}, inline({"name": "mine"}), {"scheduler": {}}, {}]
)
def test_own_routes_and_none_pass(router: object) -> None:
    """References, rules of one's own, or no route at all keep the preset out."""
    assert not run(MANAGED_ROUTE, llm(router)).violations


def test_unknown_references_are_undecided() -> None:
    """An empty list of references brings the preset back."""
    assert (
        "spec.router.route.http.refs is '(unknown)'"
        in run(MANAGED_ROUTE, llm({"route": {"http": {"refs": UNKNOWN}}})).only
    )
