"""Who reaches an HTTP service, and what it reaches: routes, the edge, networks, its place in the stack."""

from __future__ import annotations

from sandbox.plugin.values import has_unknowns
from tests.committed import committed
from tests.components.http_services.graphs import example, named, server, with_service
from tests.components.recording import Graph, build


def test_what_a_service_may_reach_is_opened_for_its_pods_alone() -> None:
    """A database at another port took `isolation.egress: open`, which opens everything for every pod."""
    built = with_service(
        egress=[
            {"cidr": "10.60.0.5/32", "ports": [5432, 6432]},
            {"namespace": "caches", "ports": [6379]},
            {"cidr": "192.0.2.0/24", "protocol": "UDP"},
        ]
    )
    deployment = named(built, "Deployment", "inference")
    opened = named(built, "NetworkPolicy", "inference-allowed-egress")
    spec = opened.inputs["spec"]
    labels = deployment.inputs["spec"]["template"]["metadata"]["labels"]
    assert spec["podSelector"]["matchLabels"].items() <= labels.items()
    assert spec["policyTypes"] == ["Egress"]
    assert spec["egress"] == [
        {
            "to": [{"ipBlock": {"cidr": "10.60.0.5/32"}}],
            "ports": [{"protocol": "TCP", "port": 5432}, {"protocol": "TCP", "port": 6432}],
        },
        {
            "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "caches"}}}],
            "ports": [{"protocol": "TCP", "port": 6379}],
        },
        {"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "ports": [{"protocol": "UDP"}]},
    ]
    assert built.waits_for(deployment, opened), "its first connection would fail"
    (closed,) = [
        each for each in built.manifests_of("NetworkPolicy") if each.object_key[1:] == ("inference", "default-deny")
    ]
    assert built.waits_for(opened, closed)


def test_no_model_no_controllers(graph: Graph) -> None:
    """cert-manager, LeaderWorkerSet and KServe are for models; services alone get along without."""
    assert graph.of_type("kubernetes:helm.sh/v3:Release") == []
    assert graph.of_type("platform:index:TpuModel") == []
    assert graph.of_type("platform:index:InferenceControllers") == []


def test_both_reports_services_are_reachable() -> None:
    """The outputs say where."""
    outputs = build(example(), stack="http-services").outputs
    assert outputs["services"] == {
        "inference": "http://203.0.113.10/inference/inference",
        "impetus": "http://203.0.113.10/inference/impetus",
    }
    assert outputs["models"] == {}


def test_routes_rewrite_the_prefix_and_nothing_else(graph: Graph) -> None:
    """Under /NAMESPACE/NAME, to the path that the server itself has."""
    rules = named(graph, "HTTPRoute", "impetus").inputs["spec"]["rules"]
    pairs = {
        rule["matches"][0]["path"]["value"]: rule["filters"][0]["urlRewrite"]["path"]["replacePrefixMatch"]
        for rule in rules
    }
    assert pairs == {
        "/inference/impetus/v1": "/v1",
        "/inference/impetus/api/models": "/api/models",
        "/inference/impetus/api/health": "/api/health",
    }
    assert {frozenset(rule) for rule in rules} == {frozenset({"matches", "filters", "backendRefs"})}


def test_everything_can_be_served() -> None:
    """`/` opens every path under the service's own."""
    service = example()["services"][0]
    graph = with_service(endpoints={**service["endpoints"], "serving": ["/"]})
    (rule,) = named(graph, "HTTPRoute", "inference").inputs["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/inference/inference"}}]
    assert rule["filters"][0]["urlRewrite"]["path"]["replacePrefixMatch"] == "/"


def test_https_everywhere_or_nowhere() -> None:
    """A server that speaks TLS is probed, checked, scraped and called with TLS."""
    graph = with_service(scheme="HTTPS")
    container = server(graph, "inference")
    probed = {container[p]["httpGet"]["scheme"] for p in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert probed == {"HTTPS"}
    assert named(graph, "Service", "inference").inputs["spec"]["ports"][0]["appProtocol"] == "https"
    config = named(graph, "HealthCheckPolicy", "inference").inputs["spec"]["default"]["config"]
    assert (config["type"], set(config)) == ("HTTPS", {"type", "httpsHealthCheck"})
    (scraped,) = named(graph, "PodMonitoring", "inference").inputs["spec"]["endpoints"]
    assert scraped["scheme"] == "https"


def test_the_network_lets_the_services_ports_in(graph: Graph) -> None:
    """Firewall and NetworkPolicies open what the load balancer calls and what is scraped, and nothing of vLLM's."""
    firewall = graph.one("gcp:compute/firewall:Firewall", "network-load-balancer").inputs
    assert firewall["allows"] == [{"protocol": "tcp", "ports": ["8000", "8080"]}]
    for name in ("allow-load-balancer", "allow-monitoring"):
        (rule,) = named(graph, "NetworkPolicy", name).inputs["spec"]["ingress"]
        assert [port["port"] for port in rule["ports"]] == [8000, 8080]


def test_services_stand_beside_models() -> None:
    """A stack can have both; their ports are opened once each."""
    settings = committed("dev")
    settings["services"] = [{**example()["services"][1], "name": "extra"}]
    graph = build(settings)
    assert set(graph.outputs["models"]) == {"qwen2-5-3b"}
    assert set(graph.outputs["services"]) == {"extra"}
    firewall = graph.one("gcp:compute/firewall:Firewall", "network-load-balancer").inputs
    assert firewall["allows"][0]["ports"] == ["8000", "9002", "9003", "8080"]


def test_the_first_preview_shows_every_object(graph: Graph) -> None:
    """Policies judge what a preview knows."""
    for resource in graph.objects:
        assert not has_unknowns(dict(resource.inputs)), resource.urn


def test_the_route_comes_after_its_service_and_the_autoscaler_after_its_target(graph: Graph) -> None:
    """A route to a Service that does not exist yet holds up its Gateway."""
    route, service = named(graph, "HTTPRoute", "inference"), named(graph, "Service", "inference")
    assert graph.waits_for(route, service)
    assert graph.waits_for(route, graph.one("kubernetes:gateway.networking.k8s.io/v1:Gateway"))
    scaler = named(graph, "HorizontalPodAutoscaler", "inference")
    assert graph.waits_for(scaler, named(graph, "Deployment", "inference"))
    assert graph.waits_for(named(graph, "Deployment", "inference"), named(graph, "ServiceAccount", "inference"))


def test_the_edge_guards_services_too() -> None:
    """Incident: a policy made here is an output, and `make up` ended in a traceback instead of a guarded service."""
    found = build({**example(), "edge": {"cloudArmor": {"requestsPerMinute": 60}}}, stack="http-services", preview=True)
    for policy in found.manifests_of("GCPBackendPolicy"):
        assert "securityPolicy" in policy.inputs["spec"]["default"]
    assert len(found.manifests_of("GCPBackendPolicy")) == 2
