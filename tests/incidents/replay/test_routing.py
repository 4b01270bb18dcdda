"""Gateways that never serve: wrong class, refused fields, no classes at all (deployment report 1, 3, 4 and 9)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import yaml

from rules.gateway import GATEWAY_API_VERSION, INFERENCE_POOL, INFERENCE_POOL_API_VERSION, REGIONAL_EXTERNAL
from rules.load_balancer import GATEWAY_HEALTHY, NO_ROUTE
from sandbox.balancer import state
from sandbox.toolchain import Tools
from tests.incidents.replay.conftest import PICKER, SERVERS
from tests.incidents.replay.place import SECONDS, Place, rule, to_service
from tests.sandbox.support import StartCluster, eventually, serves

PROMPT = '{"prompt": "Hello", "max_tokens": 4}'
SERVED = '"object":"list"'
GLOBAL = ("gke-l7-global-external-managed", "gke-l7-gxlb")


@pytest.mark.parametrize("class_name", GLOBAL)
def test_a_pool_behind_a_global_class(models: Place, class_name: str) -> None:
    """The Gateway gets its address and looks provisioned; the route is refused, the pool never accepted, nothing served."""
    models.gateway(class_name, class_name)
    models.answers(class_name, "/v1/completions", 404, NO_ROUTE, PROMPT)
    backend = models.pool(class_name, SERVERS, PICKER)
    models.health_check(class_name, backend)
    models.route(class_name, class_name, rule(backend))
    models.until(GATEWAY_API_VERSION, "Gateway", class_name, "Programmed", "True")
    gateway = models.client.get(GATEWAY_API_VERSION, "Gateway", class_name, models.name) or {}
    assert gateway["status"]["addresses"], "an external address, as if all was well"
    models.until(
        GATEWAY_API_VERSION, "HTTPRoute", class_name, "ResolvedRefs", "False", "does not support InferencePool"
    )
    models.until(INFERENCE_POOL_API_VERSION, INFERENCE_POOL, class_name, "Accepted", "False", "NotSupportedByParent")
    eventually(lambda: models.gateway_state(class_name).get("state") == state.BLOCKED, "nothing is programmed")
    assert models.health(backend) == [], "no backend service, so no healthy backend"
    assert models.ask(class_name, "/v1/completions", PROMPT) == (404, NO_ROUTE), "what it had: no route at all"


def test_a_pool_behind_a_regional_class(models: Place) -> None:
    """The same with the class that takes InferencePools: accepted, healthy, served."""
    models.gateway("regional")
    backend = models.pool("regional", SERVERS, PICKER)
    models.health_check("regional", backend)
    models.route("regional", "regional", rule(backend))
    models.until(INFERENCE_POOL_API_VERSION, INFERENCE_POOL, "regional", "Accepted", "True")
    models.until_health(backend, "HEALTHY")
    models.answers("regional", "/v1/completions", 200, "text_completion", PROMPT)


def test_timeouts_in_a_route_hold_up_its_gateway(models: Place) -> None:
    """GWCER104 on the route, the whole Gateway stuck with what it had; a route added later is not served until it is gone."""
    models.gateway("timeouts")
    backend = models.service("timeouts", SERVERS)
    models.health_check("timeouts", to_service("timeouts"))
    models.route("first", "timeouts", rule(backend, "/health"))
    models.answers("timeouts", "/health", 200)

    timeouts = {"request": "0s", "backendRequest": "0s"}
    models.route("managed", "timeouts", rule(backend, "/v1/completions", timeouts=timeouts))
    told = models.until(GATEWAY_API_VERSION, "HTTPRoute", "managed", "Accepted", "False", "GWCER104")
    assert told.endswith("is misconfigured, err: GWCER104: Timeouts are not supported.")
    models.route("later", "timeouts", rule(backend, "/v1/models"))
    models.until(GATEWAY_API_VERSION, "Gateway", "timeouts", GATEWAY_HEALTHY, "False", "GWCER104")
    eventually(lambda: models.gateway_state("timeouts").get("state") == state.BLOCKED, "the load balancer is held up")
    assert models.ask("timeouts", "/v1/models") == (404, NO_ROUTE)
    assert models.ask("timeouts", "/health")[0] == 200, "what was served before still is"

    models.patch(GATEWAY_API_VERSION, "HTTPRoute", "managed", {"spec": {"rules": [rule(backend, "/v1/completions")]}})
    models.until(GATEWAY_API_VERSION, "Gateway", "timeouts", GATEWAY_HEALTHY, "True")
    models.answers("timeouts", "/v1/models", 200, SERVED)
    models.answers("timeouts", "/v1/completions", 200, "text_completion", PROMPT)


def test_a_cluster_without_the_gateway_api(start_cluster: StartCluster, tools: Tools) -> None:
    """No GatewayClass, and a Gateway stays Unknown: nobody is there for it. Switched on, GKE takes it up by itself.

    The CRDs are there because somebody else's chart has installed them, as in the report.
    """
    cluster = start_cluster(gateway_api=False)
    client = cluster.client
    for crd in gateway_crds(tools):
        client.create(crd)
    place = Place(cluster, "default")
    for kind in ("Gateway", "GatewayClass"):
        eventually(lambda kind=kind: serves(client, GATEWAY_API_VERSION, kind), f"{kind} is served")
    assert client.list(GATEWAY_API_VERSION, "GatewayClass") == []
    place.gateway("gw")
    assert place.condition(GATEWAY_API_VERSION, "Gateway", "gw", "Accepted")[0] == "Unknown"
    assert place.condition(GATEWAY_API_VERSION, "Gateway", "gw", "Programmed") == (
        "Unknown",
        "Pending",
        "Waiting for controller",
    )

    cluster.update(dataclasses.replace(cluster.spec, gateway_api=True))

    def classes() -> set[str]:
        return {item["metadata"]["name"] for item in client.list(GATEWAY_API_VERSION, "GatewayClass")}

    eventually(lambda: REGIONAL_EXTERNAL in classes(), "the classes appear", timeout=SECONDS)
    place.until(GATEWAY_API_VERSION, "Gateway", "gw", "Programmed", "True")


def gateway_crds(tools: Tools) -> list[dict[str, Any]]:
    """The CRDs of GatewayClass and Gateway."""
    group = GATEWAY_API_VERSION.partition("/")[0]
    wanted = {f"{plural}.{group}" for plural in ("gatewayclasses", "gateways")}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # these files are long; libyaml is 10 times as fast
    texts = (file.read_text() for file in (tools.crds / "gateway-api").glob("*.yaml"))
    return [
        made
        for text in texts
        if any(f"name: {name}\n" in text for name in wanted)
        for made in yaml.load_all(text, Loader=loader)
        if made and made["metadata"]["name"] in wanted
    ]
