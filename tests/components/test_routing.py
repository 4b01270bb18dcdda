"""From the Gateway to the server: what a request passes, and what each hop was told about the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from rules import gateway, health, vllm
from tests.components.recording import Graph, Resource

Target = tuple[str, str, str]
"""Group, kind and name."""


def backends(route: Resource) -> set[Target]:
    """Everything a route sends requests to."""
    references = [reference for rule in route.inputs["spec"]["rules"] for reference in rule.get("backendRefs", [])]
    return {(reference["group"], reference["kind"], reference["name"]) for reference in references}


def model_routes(graph: Graph) -> list[Resource]:
    """The routes to models; the redirect of port 80 has no backend (test_gateway.py)."""
    return [route for route in graph.manifests_of("HTTPRoute") if backends(route)]


def target(policy: Resource) -> Target:
    """What a policy is attached to."""
    reference = policy.inputs["spec"]["targetRef"]
    return reference["group"], reference["kind"], reference["name"]


def server(graph: Graph) -> Mapping[str, Any]:
    """The server container of the one model."""
    service = graph.manifests_of("LLMInferenceService")[0]
    containers: list[Mapping[str, Any]] = service.inputs["spec"]["template"]["containers"]
    assert [container["name"] for container in containers] == ["main"], "KServe merges its preset into `main` alone"
    return containers[0]


def test_no_route_has_timeouts(graph: Graph) -> None:
    """KServe's own route carries `timeouts: 0s`, and GKE then refuses the route and stalls its Gateway (GWCER104)."""
    for route in model_routes(graph):
        for rule in route.inputs["spec"]["rules"]:
            assert rule.keys() == {"matches", "filters", "backendRefs"}


def test_routes_ask_for_nothing_that_gke_refuses(graph: Graph) -> None:
    """The rules of the platform have no finding about its own routes."""
    for route in graph.manifests_of("HTTPRoute"):
        assert gateway.check_route_rules(route.inputs["spec"]["rules"]) == []


def test_routes_use_the_served_pool_group(graph: Graph) -> None:
    """The alpha group of InferencePool is retired: a route to it has no backend."""
    for route in model_routes(graph):
        groups = {group for group, kind, _ in backends(route) if kind == "InferencePool"}
        assert groups == {"inference.networking.k8s.io"}


def test_the_route_is_handed_to_kserve(graph: Graph) -> None:
    """With a route by reference KServe makes none of its own; it must be the route that exists."""
    service = graph.manifests_of("LLMInferenceService")[0]
    route = model_routes(graph)[0]
    assert service.inputs["spec"]["router"]["route"] == {"http": {"refs": [{"name": route.object_key[2]}]}}
    assert route.object_key[1] == service.object_key[1], "a reference has no namespace"


def test_routes_are_attached_to_the_gateway(graph: Graph) -> None:
    """Gateway and routes share a namespace, and the listener lets in routes of that namespace."""
    entry = graph.manifests_of("Gateway")[0]
    listener = entry.inputs["spec"]["listeners"][0]["name"]
    for route in model_routes(graph):
        assert route.inputs["spec"]["parentRefs"] == [{"name": entry.object_key[2], "sectionName": listener}]
        assert route.object_key[1] == entry.object_key[1]
    for listener in entry.inputs["spec"]["listeners"]:
        assert listener["allowedRoutes"] == {"namespaces": {"from": "Same"}}


def test_every_backend_has_one_health_check(graph: Graph) -> None:
    """Without a HealthCheckPolicy the load balancer asks for `/`, which vLLM answers with 404: no healthy upstream."""
    routed = {
        (*backend, route.object_key[1]) for route in graph.manifests_of("HTTPRoute") for backend in backends(route)
    }
    for kind in ("HealthCheckPolicy", "GCPBackendPolicy"):
        covered = [(*target(policy), policy.object_key[1]) for policy in graph.manifests_of(kind)]
        assert len(covered) == len(set(covered)), f"two {kind} objects for one backend: GKE takes either"
        assert set(covered) == routed


def test_policies_attach(graph: Graph) -> None:
    """The API server takes a policy with a wrong group, and GKE leaves it unattached without a word."""
    for policy in graph.manifests_of("HealthCheckPolicy"):
        group, kind, _ = target(policy)
        assert health.check_target_ref(group, kind, None, policy.object_key[1]) == []
        assert health.check_health_check_policy(policy.inputs["spec"]) == []
        assert (group, kind) in {("inference.networking.k8s.io", "InferencePool"), ("", "Service")}


def test_probe_health_check_and_server_agree(graph: Graph) -> None:
    """A health check on a path the server does not serve took hours to find: all of them are the served one."""
    container = server(graph)
    probed = [container[probe]["httpGet"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")]
    assert probed == [{"path": "/health", "port": 8000, "scheme": "HTTP"}] * 3
    assert "--port=8000" in container["args"]
    for policy in graph.manifests_of("HealthCheckPolicy"):
        assert policy.inputs["spec"]["default"]["config"] == {
            "type": "HTTP",
            "httpHealthCheck": {"requestPath": "/health", "portSpecification": "USE_FIXED_PORT", "port": 8000},
        }
    assert probed[0]["path"] in vllm.PROBE_PATHS


def test_what_the_load_balancer_calls_is_open(graph: Graph) -> None:
    """Proxies call servers and the endpoint picker, health checks call both: all from outside the VPC's own ranges."""
    firewall = graph.one("gcp:compute/firewall:Firewall", "network-load-balancer").inputs
    assert firewall["allows"] == [{"protocol": "tcp", "ports": ["8000", "9002", "9003"]}]
    proxies = graph.one("gcp:compute/subnetwork:Subnetwork", "network-proxies").inputs["ipCidrRange"]
    assert set(firewall["sourceRanges"]) == {"35.191.0.0/16", "130.211.0.0/22", proxies}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/completions", "InferencePool"),
        ("/v1/chat/completions", "InferencePool"),
        ("/v1/models", "Service"),
        ("/health", "Service"),
    ],
)
def test_what_is_served_where(dev: Graph, path: str, kind: str) -> None:
    """Completions go past the endpoint picker, everything else straight to the Service; each under the model's path."""
    rules = dev.manifests_of("HTTPRoute")[0].inputs["spec"]["rules"]
    matches = [rule for rule in rules if rule["matches"][0]["path"]["value"] == f"/inference/qwen2-5-3b{path}"]
    assert len(matches) == 1
    (rule,) = matches
    rewrite = rule["filters"][0]["urlRewrite"]["path"]
    assert rewrite == {"type": "ReplacePrefixMatch", "replacePrefixMatch": path}
    assert [(reference["kind"], reference["port"]) for reference in rule["backendRefs"]] == [(kind, 8000)]
    assert path in vllm.ENDPOINTS


def test_backend_timeout_is_long_enough_to_stream(graph: Graph) -> None:
    """GKE cuts a request after 30 s unless a GCPBackendPolicy says otherwise: long answers broke off in the middle."""
    for policy in graph.manifests_of("GCPBackendPolicy"):
        assert policy.inputs["spec"]["default"]["timeoutSec"] == 600


def test_gateway_class_takes_an_inference_pool(graph: Graph) -> None:
    """On a global external class the Gateway gets an address and the pool never becomes healthy."""
    for entry in graph.manifests_of("Gateway"):
        assert gateway.takes(entry.inputs["spec"]["gatewayClassName"], "InferencePool")


def test_gateway_has_the_reserved_address(graph: Graph) -> None:
    """The address outlives the Gateway, so that a replacement keeps it; it lies in the Gateway's region."""
    address = graph.one("gcp:compute/address:Address")
    entry = graph.manifests_of("Gateway")[0]
    assert entry.inputs["spec"]["addresses"] == [{"type": "NamedAddress", "value": address.inputs["name"]}]
    assert address.inputs["region"] == "us-east5"
    assert address.inputs["addressType"] == "EXTERNAL"


def test_prod_speaks_https(prod: Graph) -> None:
    """Models are served on the HTTPS listener with the regional certificate; nothing is served in the clear."""
    assert prod.manifests_of("Gateway")[0].inputs["spec"]["listeners"][:1] == [
        {
            "name": "https",
            "protocol": "HTTPS",
            "port": 443,
            "tls": {
                "mode": "Terminate",
                "options": {"networking.gke.io/cert-manager-certs": "inference-prod"},
            },
            "allowedRoutes": {"namespaces": {"from": "Same"}},
        }
    ]


def test_dev_speaks_plain_http_because_it_says_so(dev: Graph) -> None:
    """Without a certificate plain HTTP must be asked for, and dev sets allowPlainHttp."""
    listeners = dev.manifests_of("Gateway")[0].inputs["spec"]["listeners"]
    assert [(listener["protocol"], listener["port"]) for listener in listeners] == [("HTTP", 80)]


def test_startup_budget_covers_compilation(graph: Graph) -> None:
    """A server on v6e takes minutes to compile: a shorter startup window restarts it for ever. dev and prod: an hour."""
    probe = server(graph)["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == 3600
