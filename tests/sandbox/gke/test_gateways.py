"""What GKE says about a Gateway and an InferencePool."""

from __future__ import annotations

import ipaddress

from sandbox.gke import gateways, pools
from tests.sandbox.gke.objects import NOW, POOL_REF, SERVICE_REF, Object, condition, gateway, pool, route, snapshot


def judged(gate: Object, *routes: Object, subnet: bool = True) -> Object:
    """The status of `gate`; the project has one address, `llm-gateway`, and a proxy-only subnet unless told otherwise."""
    world = snapshot(gateways=[gate], routes=list(routes))
    lookup = {"llm-gateway": "203.0.113.77"}.get
    return gateways.status(gate, world, lookup, NOW, proxy_subnet=lambda: subnet)


def test_named_address() -> None:
    """A reserved address is found by its name, and routes are counted."""
    status = judged(gateway(addresses=[{"type": "NamedAddress", "value": "llm-gateway"}]), route(SERVICE_REF))
    assert status["addresses"] == [{"type": "IPAddress", "value": "203.0.113.77"}]
    assert condition(status["conditions"], "Programmed")["status"] == "True"
    (listener,) = status["listeners"]
    assert listener["attachedRoutes"] == 1
    assert condition(listener["conditions"], "Programmed")["status"] == "True"


def test_missing_address_is_gwcer106() -> None:
    """A global address for a regional Gateway, or one of another project: the Gateway is accepted, never programmed."""
    status = judged(gateway(addresses=[{"type": "NamedAddress", "value": "global-one"}]))
    programmed = condition(status["conditions"], "Programmed")
    assert programmed["status"] == "False"
    assert 'GWCER106: Address "global-one" does not exist' in programmed["message"]
    assert status["addresses"] == []
    assert condition(status["listeners"][0]["conditions"], "Programmed")["status"] == "False"


def test_a_regional_address_does_not_exist_for_a_global_gateway() -> None:
    """The incident in the other direction: reserved in the region, asked for by a global class."""
    asked: Object = {"type": "NamedAddress", "value": "llm-gateway"}
    status = judged(gateway("gke-l7-global-external-managed", addresses=[asked]))
    programmed = condition(status["conditions"], "Programmed")
    assert (programmed["status"], programmed["reason"]) == ("False", "AddressNotUsable")
    assert 'GWCER106: Address "llm-gateway" does not exist' in programmed["message"]


def test_an_address_without_a_value_is_chosen() -> None:
    """Since Gateway API 1.3 `value` may be left out: such a Gateway gets any address of the type, and a name has none."""
    status = judged(gateway(addresses=[{"type": "IPAddress"}]))
    assert status["addresses"] == judged(gateway())["addresses"]
    assert condition(status["conditions"], "Programmed")["status"] == "True"
    status = judged(gateway(addresses=[{"type": "NamedAddress"}]))
    assert condition(status["conditions"], "Programmed")["reason"] == "AddressNotUsable"


def test_regional_gateway_without_proxies() -> None:
    """The incident: without a proxy-only subnet a regional Gateway is never programmed; global classes need none."""
    status = judged(gateway(), subnet=False)
    programmed = condition(status["conditions"], "Programmed")
    assert (programmed["status"], programmed["reason"]) == ("False", "Invalid")
    assert "active proxy-only subnetwork is required" in programmed["message"]
    assert status["addresses"] == []
    assert condition(status["listeners"][0]["conditions"], "Programmed")["status"] == "False"
    other = judged(gateway("gke-l7-global-external-managed"), subnet=False)
    assert condition(other["conditions"], "Programmed")["status"] == "True"


def test_made_up_addresses_are_stable_and_for_documentation_only() -> None:
    """An address of the sandbox must never be somebody's."""
    first = judged(gateway())["addresses"][0]["value"]
    assert judged(gateway())["addresses"][0]["value"] == first
    assert ipaddress.ip_address(first) in ipaddress.ip_network("203.0.113.0/24")
    internal = judged(gateway("gke-l7-rilb"))["addresses"][0]["value"]
    assert ipaddress.ip_address(internal) in ipaddress.ip_network("198.51.100.0/24")


def test_pool_is_accepted_by_the_gateway_of_its_route() -> None:
    """KServe's InferencePoolReady waits for a parent with exactly this name and namespace."""
    gate, obj = gateway(), route(POOL_REF)
    status = pools.status(pool(), snapshot(gateways=[gate], routes=[obj]), [gate], NOW)
    (parent,) = status["parents"]
    assert parent["parentRef"] == {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "namespace": "infra",
        "name": "gw",
    }
    assert condition(parent["conditions"], "Accepted")["status"] == "True"
    assert condition(parent["conditions"], "ResolvedRefs")["status"] == "True"


def test_pool_without_a_route_has_no_parent() -> None:
    """Without a route nothing connects it to a Gateway."""
    gate = gateway()
    world = snapshot(gateways=[gate], routes=[route(SERVICE_REF)])
    assert pools.status(pool(), world, [gate], NOW) == {"parents": []}


def test_pool_behind_a_global_gateway_is_not_accepted() -> None:
    """The incident: an address, a route, and a pool that never becomes healthy."""
    gate, obj = gateway("gke-l7-global-external-managed"), route(POOL_REF)
    (parent,) = pools.status(pool(), snapshot(gateways=[gate], routes=[obj]), [gate], NOW)["parents"]
    accepted = condition(parent["conditions"], "Accepted")
    assert (accepted["status"], accepted["reason"]) == ("False", "NotSupportedByParent")


def test_pool_whose_picker_is_missing() -> None:
    """Requests to a pool without endpoint picker fail or go astray, by failureMode."""
    gate, obj, orphan = gateway(), route(POOL_REF), pool()
    orphan["spec"]["endpointPickerRef"]["name"] = "gone"
    (parent,) = pools.status(orphan, snapshot(gateways=[gate], routes=[obj]), [gate], NOW)["parents"]
    resolved = condition(parent["conditions"], "ResolvedRefs")
    assert resolved["status"] == "False"
    assert "llm/gone" in resolved["message"]


def test_pool_whose_picker_has_another_port() -> None:
    """A Service of the right name is not enough: the pool names the port of the call too."""
    gate, obj, odd = gateway(), route(POOL_REF), pool()
    odd["spec"]["endpointPickerRef"]["port"] = {"number": 9002}
    (parent,) = pools.status(odd, snapshot(gateways=[gate], routes=[obj]), [gate], NOW)["parents"]
    resolved = condition(parent["conditions"], "ResolvedRefs")
    assert (resolved["status"], "has no port 9002" in resolved["message"]) == ("False", True)


def test_route_to_the_retired_group_does_not_connect_the_pool() -> None:
    """The incident: KServe's managed route names the alpha group, and the v1 pool waits for a parent forever."""
    gate, obj = gateway(), route({**POOL_REF, "group": "inference.networking.x-k8s.io"})
    assert pools.status(pool(), snapshot(gateways=[gate], routes=[obj]), [gate], NOW) == {"parents": []}


def test_a_refused_route_makes_the_gateway_unhealthy() -> None:
    """The whole Gateway stands still; Programmed stays, because the last configuration goes on serving."""
    status = judged(gateway(), route(SERVICE_REF, timeouts={"request": "0s"}))
    healthy = condition(status["conditions"], "networking.gke.io/GatewayHealthy")
    assert (healthy["status"], healthy["reason"]) == ("False", "Error")
    assert "GWCER104" in healthy["message"]
    assert condition(status["conditions"], "Programmed")["status"] == "True"
    status = judged(gateway(), route(SERVICE_REF))
    assert condition(status["conditions"], "networking.gke.io/GatewayHealthy")["reason"] == "Healthy"
