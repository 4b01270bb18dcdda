"""What a Gateway's load balancer serves, and what keeps a change out."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from sandbox.balancer import programming
from sandbox.balancer.programming import Program
from sandbox.gke.model import Snapshot, by_key
from tests.sandbox.gke.objects import POOL_REF, SERVICE_REF, gateway, named, pool, route

Object = dict[str, Any]


def world(gate: Object, *routes: Object) -> Snapshot:
    """A cluster with the Service, the pool and the picker that the routes name."""
    ports = [{"port": 8000}]
    services = [named(name, spec={"ports": ports, "selector": {"app": name}}) for name in ("svc", "epp")]
    made = pool()
    made["spec"] |= {"targetPorts": [{"number": 8000}], "selector": {"matchLabels": {"app": "m"}}}
    made["spec"]["endpointPickerRef"] = {"name": "epp", "port": {"number": 8000}}
    return Snapshot(
        gateways=by_key([gate]),
        routes=by_key(routes),
        pools=by_key([made]),
        services=by_key(services),
        namespaces={("", "llm"): {"metadata": {"name": "llm", "labels": {}}}},
    )


def programmed(gate: Object, *routes: Object) -> Program:
    """What is served; through JSON, as it is kept."""
    source = programming.sources(gate, world(gate, *routes), {"HealthCheckPolicy": [], "GCPBackendPolicy": []}, [gate])
    return programming.program(json.loads(json.dumps(source)), stuck=None, address="203.0.113.1")


def test_pool_and_service() -> None:
    """Both kinds of backend, and the pool's endpoint picker as a third one to be checked."""
    program = programmed(gateway(), route(POOL_REF, SERVICE_REF))
    assert set(program.backends) == {"InferencePool/llm/pool", "Service/llm/svc:8000", "EndpointPicker/llm/epp"}
    (listener,) = program.listeners
    assert listener.matches[0].backends == (("InferencePool/llm/pool", 1), ("Service/llm/svc:8000", 1))


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (route(SERVICE_REF, timeouts={"request": "0s"}), "GWCER104"),
        (route({"name": "gone", "port": 8000}), "GWCER102"),
        (route({**POOL_REF, "group": "inference.networking.x-k8s.io"}), "not supported"),
    ],
    ids=["timeouts", "missing", "retired-group"],
)
def test_one_bad_route_is_a_problem_of_the_gateway(bad: Object, words: str) -> None:
    """The incidents: a refused field, a missing Service and the retired pool all hold up every other route."""
    gate, good = gateway(), route(SERVICE_REF)
    good["metadata"]["name"] = "good"
    assert programming.problem(gate, world(gate, good)) is None
    assert words in (programming.problem(gate, world(gate, good, bad)) or "")


def test_pool_behind_a_global_gateway_is_never_programmed() -> None:
    """The incident: the Gateway has an address, and the pool behind it never gets a request."""
    gate = gateway("gke-l7-global-external-managed")
    assert "does not support InferencePool" in (programming.problem(gate, world(gate, route(POOL_REF))) or "")


def test_route_that_is_not_admitted_is_left_out_without_harm() -> None:
    """A listener that takes no routes of this namespace just does not serve them."""
    gate = gateway(allowed="Same")
    assert programming.problem(gate, world(gate, route(SERVICE_REF))) is None
    assert programmed(gate, route(SERVICE_REF)).listeners[0].matches == ()


def test_gateway_without_an_address_is_not_programmed() -> None:
    """GWCER106: the reserved address is missing, so there is no load balancer."""
    gate = gateway()
    assert not programming.has_address(gate)
    message = "GWCER106: Address does not exist"
    gate["status"] = {"conditions": [{"type": "Programmed", "status": "False", "reason": "X", "message": message}]}
    assert programming.problem(gate, world(gate)) == message


def test_hostnames_of_listener_and_route_meet() -> None:
    """The narrower of two names is served; without one in common, nothing."""
    gate, obj = gateway(), route(SERVICE_REF)
    gate["spec"]["listeners"][0]["hostname"] = "*.example.com"
    obj["spec"]["hostnames"] = ["api.example.com", "other.org"]
    assert programmed(gate, obj).listeners[0].matches[0].hosts == ("api.example.com",)
    obj["spec"]["hostnames"] = ["other.org"]
    assert programmed(gate, obj).listeners[0].matches == ()
    obj["spec"]["hostnames"] = []
    assert programmed(gate, obj).listeners[0].matches[0].hosts == ("*.example.com",)


@pytest.mark.parametrize("stuck_first", [True, False])
def test_settings_of_a_gateway_that_takes_changes_win(*, stuck_first: bool) -> None:
    """A backend of two Gateways is checked once: not by what the blocked one still has of long ago."""
    fresh = programmed(gateway(), route(SERVICE_REF))
    key = "Service/llm/svc:8000"
    old = dataclasses.replace(fresh.backends[key], timeout=5.0)
    stuck = dataclasses.replace(fresh, name="stuck", backends={key: old, "other": old}, problem="GWCER104")
    found = programming.backends([stuck, fresh] if stuck_first else [fresh, stuck])
    assert found[key] == fresh.backends[key]
    assert found["other"] == old


def test_a_missing_certificate_is_a_problem_of_the_gateway() -> None:
    """Also of one that has been programmed: it keeps changes of its routes out."""
    gate = gateway()
    tls = {"certificateRefs": [{"name": "edge"}]}
    gate["spec"]["listeners"].append({"name": "https", "port": 443, "protocol": "HTTPS", "tls": tls})
    gate["status"] = {"conditions": [{"type": "Programmed", "status": "True", "reason": "Programmed"}]}
    held = dataclasses.replace(world(gate), secrets={})
    assert "GWCER102: Secret infra/edge not found" in (programming.problem(gate, held) or "")
    made = {"metadata": {}, "data": {"tls.crt": "x", "tls.key": "x"}}
    assert programming.problem(gate, dataclasses.replace(held, secrets={("infra", "edge"): made})) is None
