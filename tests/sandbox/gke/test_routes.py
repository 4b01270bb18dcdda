"""What GKE says about an HTTPRoute."""

from __future__ import annotations

import dataclasses

import pytest

from sandbox.gke import routes
from sandbox.gke.model import by_key
from tests.sandbox.gke.objects import (
    NOW,
    POOL_REF,
    SERVICE_REF,
    Object,
    condition,
    gateway,
    named,
    pool,
    route,
    snapshot,
)


def judged(obj: Object, gate: Object | None = None, services: list[Object] | None = None) -> list[Object]:
    """The conditions of `obj` at the Gateway."""
    gate = gate or gateway()
    status = routes.status(obj, snapshot(gateways=[gate], routes=[obj], services=services), [gate], NOW)
    (parent,) = status["parents"]
    assert parent["controllerName"] == "networking.gke.io/gateway"
    return parent["conditions"]


def test_a_route_gke_takes() -> None:
    """Accepted, resolved and reconciled, for the generation that was judged."""
    conditions = judged(route(POOL_REF, SERVICE_REF))
    assert {item["type"]: item["status"] for item in conditions} == {
        "Accepted": "True",
        "ResolvedRefs": "True",
        "Reconciled": "True",
    }
    assert condition(conditions, "Reconciled")["reason"] == "ReconciliationSucceeded"
    assert all(item["observedGeneration"] == 3 for item in conditions)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"timeouts": {"request": "0s"}}, "Timeouts are not supported."),
        ({"matches": [{"path": {"type": "RegularExpression", "value": "^/.*$"}}]}, "Paths must start with a '/'"),
        ({"matches": [{"method": "POST"}]}, "method"),
    ],
    ids=["timeouts", "regex", "method"],
)
def test_unsupported_features_fail_with_gwcer104(rule: Object, words: str) -> None:
    """The incident: KServe's preset writes `timeouts: 0s`, GKE refuses the whole route, and only its status says so."""
    conditions = judged(route(SERVICE_REF, **rule))
    for kind in ("Accepted", "Reconciled"):
        assert condition(conditions, kind)["status"] == "False"
        assert 'HTTPRoute "llm/route" is misconfigured, err: GWCER104' in condition(conditions, kind)["message"]
        assert words in condition(conditions, kind)["message"]
    assert condition(conditions, "ResolvedRefs")["status"] == "True"


@pytest.mark.parametrize(
    ("backend", "reason", "words"),
    [
        ({"name": "other", "port": 8000}, "BackendNotFound", 'GWCER102: Service "llm/other" not found'),
        ({"name": "svc", "port": 80}, "BackendNotFound", 'Service "llm/svc" has no port 80'),
        ({**POOL_REF, "name": "other"}, "BackendNotFound", 'InferencePool "llm/other" not found'),
        ({**POOL_REF, "group": "inference.networking.x-k8s.io"}, "InvalidKind", "inference.networking.x-k8s.io"),
        ({"name": "svc", "namespace": "infra", "port": 8000}, "RefNotPermitted", "no ReferenceGrant permits"),
    ],
    ids=["no-service", "no-port", "no-pool", "retired-group", "other-namespace"],
)
def test_backends_that_cannot_be_used(backend: Object, reason: str, words: str) -> None:
    """The route stays accepted; ResolvedRefs tells which backend and why."""
    conditions = judged(route(backend))
    resolved = condition(conditions, "ResolvedRefs")
    assert (resolved["status"], resolved["reason"]) == ("False", reason)
    assert words in resolved["message"]
    assert condition(conditions, "Accepted")["status"] == "True"
    assert condition(conditions, "Reconciled")["status"] == "False"


@pytest.mark.parametrize("port", [None, {"number": 9002}], ids=["no-service", "no-port"])
def test_pool_without_its_picker_holds_up_the_gateway(port: Object | None) -> None:
    """The incident: the route is accepted and resolved, and nothing is programmed until the picker's Service is there."""
    gate, obj, odd = gateway(), route(POOL_REF), pool()
    odd["spec"]["endpointPickerRef"] |= {"port": port} if port else {"name": "late"}
    held = dataclasses.replace(snapshot(gateways=[gate], routes=[obj]), pools=by_key([odd]))
    (parent,) = routes.status(obj, held, [gate], NOW)["parents"]
    assert condition(parent["conditions"], "Accepted")["status"] == "True"
    assert condition(parent["conditions"], "ResolvedRefs")["status"] == "True"
    reconciled = condition(parent["conditions"], "Reconciled")
    name = odd["spec"]["endpointPickerRef"]["name"]
    words = f"no-error-isolation: missing neg status in annotation of extension service llm/{name}"
    assert (reconciled["reason"], words in reconciled["message"]) == ("ReconciliationFailed", True)
    assert words in (routes.blocking(gate, held) or "")
    services = {**held.services, ("llm", name): named(name, spec={"ports": [{"port": 9002}]})}
    assert routes.blocking(gate, dataclasses.replace(held, services=services)) is None, "it heals with the Service"


def test_global_class_takes_no_inference_pool() -> None:
    """Only the regional classes serve InferencePools."""
    conditions = judged(route(POOL_REF), gateway("gke-l7-global-external-managed"))
    assert "does not support InferencePool" in condition(conditions, "ResolvedRefs")["message"]
    assert (
        condition(judged(route(SERVICE_REF), gateway("gke-l7-global-external-managed")), "ResolvedRefs")["status"]
        == "True"
    )


def test_namespaces_a_listener_does_not_allow() -> None:
    """`from: Same` keeps routes of other namespaces out."""
    conditions = judged(route(SERVICE_REF), gateway(allowed="Same"))
    assert condition(conditions, "Accepted")["reason"] == "NotAllowedByListeners"


def test_selector_of_a_listener() -> None:
    """`from: Selector` goes by the labels of the route's namespace."""
    gate = gateway(allowed="Selector")
    names = gate["spec"]["listeners"][0]["allowedRoutes"]["namespaces"]
    names["selector"] = {"matchLabels": {"team": "x"}}
    assert condition(judged(route(SERVICE_REF), gate), "Accepted")["status"] == "True"
    names["selector"] = {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["x"]}]}
    assert condition(judged(route(SERVICE_REF), gate), "Accepted")["status"] == "False"


def test_listener_that_does_not_exist() -> None:
    """A wrong sectionName attaches to nothing."""
    obj = route(SERVICE_REF)
    obj["spec"]["parentRefs"][0]["sectionName"] = "https"
    accepted = condition(judged(obj), "Accepted")
    assert (accepted["reason"], accepted["message"]) == ("NoMatchingParent", "Gateway gw has no listener https.")


def test_status_of_other_controllers_is_kept_and_repeats_write_nothing() -> None:
    """Two controllers share one status; an unchanged judgement keeps its times."""
    gate, obj = gateway(), route(SERVICE_REF)
    foreign = {"parentRef": {"name": "istio"}, "controllerName": "istio.io/gateway", "conditions": []}
    obj["status"] = {"parents": [foreign]}
    world = snapshot(gateways=[gate], routes=[obj])
    obj["status"] = routes.status(obj, world, [gate], NOW)
    assert foreign in obj["status"]["parents"]
    assert routes.status(obj, world, [gate], "2026-02-02T00:00:00Z") == obj["status"]


def test_gateway_of_another_controller_is_left_alone() -> None:
    """GKE writes nothing about Gateways it does not serve."""
    gate, obj = gateway("istio"), route(SERVICE_REF)
    assert routes.status(obj, snapshot(gateways=[gate], routes=[obj]), [], NOW) == {"parents": []}
