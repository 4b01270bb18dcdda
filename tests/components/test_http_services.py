"""Plain HTTP services: the graph of the example environment, and of every option."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from rules import autoscaling, health, probes
from rules.server import Check, Server, check_agreement
from sandbox.home import CHECKOUT
from sandbox.plugin.values import has_unknowns
from tests.components.recording import KEY, Graph, Resource, build, committed

EXAMPLE = CHECKOUT / "examples" / "http-services" / "Pulumi.http-services.yaml"


def example() -> dict[str, Any]:
    """The settings of the example environment."""
    settings: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())["config"][KEY]
    return settings


@pytest.fixture(scope="module")
def graph() -> Graph:
    """The example environment in its first preview."""
    return build(example(), stack="http-services", preview=True)


def with_service(**changes: Any) -> Graph:
    """The example's first service alone, changed."""
    settings = example()
    service = {**settings["services"][0], **changes}
    settings["services"] = [{key: value for key, value in service.items() if value is not None}]
    return build(settings, stack="http-services")


def named(graph: Graph, kind: str, name: str) -> Resource:
    """The object of that kind and name."""
    (found,) = [resource for resource in graph.manifests_of(kind) if resource.inputs["metadata"]["name"] == name]
    return found


def pod(graph: Graph, name: str) -> dict[str, Any]:
    """The pod of a service."""
    spec: dict[str, Any] = named(graph, "Deployment", name).inputs["spec"]["template"]["spec"]
    return spec


def server(graph: Graph, name: str) -> dict[str, Any]:
    """The one container of a service."""
    (container,) = pod(graph, name)["containers"]
    return container


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


@pytest.mark.parametrize(("name", "served"), [("inference", {"/ready", "/healthz"}), ("impetus", set[str]())])
def test_probes_health_check_and_metrics_come_from_one_declaration(graph: Graph, name: str, served: set[str]) -> None:
    """Probes on /readyz and /health, with a server on /ready and /healthz, kept scaled pods without traffic for days."""
    declared = next(service for service in example()["services"] if service["name"] == name)
    paths = declared["endpoints"]
    container = server(graph, name)
    asked = {kind: container[kind]["httpGet"] for kind in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert asked["readinessProbe"]["path"] == paths["readiness"]
    assert asked["livenessProbe"]["path"] == paths["liveness"]
    assert asked["startupProbe"]["path"] == paths.get("startup", paths["readiness"])
    assert {probe["port"] for probe in asked.values()} == {declared["port"]}
    assert served <= {probe["path"] for probe in asked.values()}
    policy = named(graph, "HealthCheckPolicy", name).inputs["spec"]
    check = policy["default"]["config"]["httpHealthCheck"]
    assert policy["targetRef"] == {"group": "", "kind": "Service", "name": name}
    assert check == {
        "requestPath": paths["readiness"],
        "port": declared["port"],
        "portSpecification": health.FIXED_PORT,
    }
    known = Server(label="it", ports=frozenset({declared["port"]}), tls=False, paths=frozenset({paths["readiness"]}))
    assert check_agreement(Check(type="HTTP", path=check["requestPath"], port=check["port"]), known) == []
    (scraped,) = named(graph, "PodMonitoring", name).inputs["spec"]["endpoints"]
    assert (scraped["path"], scraped["port"]) == (paths["metrics"], container["ports"][0]["name"])


def test_the_reports_numbers(graph: Graph) -> None:
    """Probe numbers, resources and the disk are those that the reports ran with."""
    first, second = server(graph, "inference"), server(graph, "impetus")
    numbers = ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold")
    assert [first["startupProbe"][n] for n in numbers] == [10, 10, 5, 12]
    assert [first["readinessProbe"][n] for n in numbers] == [30, 10, 5, 3]
    assert [first["livenessProbe"][n] for n in numbers] == [60, 30, 5, 3]
    assert [second["startupProbe"][n] for n in numbers] == [10, 10, 5, 30]
    assert [second["readinessProbe"][n] for n in numbers] == [15, 5, 3, 3]
    assert [second["livenessProbe"][n] for n in numbers] == [30, 10, 5, 3]
    assert second["resources"]["requests"] == {"cpu": "1", "memory": "4Gi"}
    assert second["resources"]["limits"] == {"cpu": "4", "memory": "16Gi"}
    assert {entry["name"]: entry["value"] for entry in second["env"]}["IMPETUS_PORT"] == "8080"


def test_the_disk_goes_with_one_pod_and_recreate(graph: Graph) -> None:
    """A rolling update of a pod with a ReadWriteOnce disk waits for ever for the disk that the old pod holds."""
    claim = named(graph, "PersistentVolumeClaim", "impetus").inputs
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert claim["spec"]["resources"] == {"requests": {"storage": "100Gi"}}
    assert claim["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}, "it binds only after its pod is there"
    deployment = named(graph, "Deployment", "impetus").inputs["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    assert pod(graph, "impetus")["volumes"] == [{"name": "models", "persistentVolumeClaim": {"claimName": "impetus"}}]
    assert server(graph, "impetus")["volumeMounts"] == [{"name": "models", "mountPath": "/models"}]
    assert pod(graph, "impetus")["securityContext"]["fsGroup"] == pod(graph, "impetus")["securityContext"]["runAsUser"]


def test_a_share_goes_with_many_pods() -> None:
    """Filestore can be written from every node: any number of pods, and a rolling update.

    GKE's own classes take the network called default, and the cluster has no driver for any unless it is switched on.
    """
    graph = with_service(volume={"accessMode": "ReadWriteMany", "size": "1Ti"})
    claim = named(graph, "PersistentVolumeClaim", "inference")
    (made,) = graph.manifests_of("StorageClass")
    assert claim.inputs["spec"]["accessModes"] == ["ReadWriteMany"]
    assert claim.inputs["spec"]["storageClassName"] == made.object_key[2] == "inference-inference-shared"
    assert graph.waits_for(claim, made)
    network = graph.one("gcp:compute/network:Network").inputs["name"]
    assert made.inputs["parameters"]["network"] == network
    cluster = graph.one("gcp:container/cluster:Cluster").inputs
    assert cluster["addonsConfig"]["gcpFilestoreCsiDriverConfig"] == {"enabled": True}
    assert "file" in {service.name for service in graph.of_type("gcp:projects/service:Service")}
    assert named(graph, "Deployment", "inference").inputs["spec"]["strategy"]["type"] == "RollingUpdate"


def test_a_class_of_ones_own_is_named() -> None:
    """Whoever runs the storage knows its classes; nothing is made beside them."""
    graph = with_service(volume={"accessMode": "ReadWriteMany", "storageClass": "team-nfs"})
    assert named(graph, "PersistentVolumeClaim", "inference").inputs["spec"]["storageClassName"] == "team-nfs"
    assert graph.manifests_of("StorageClass") == []


def test_nothing_is_scraped_without_managed_prometheus() -> None:
    """The cluster then has no PodMonitoring, and the update would end at the first one."""
    settings = example()
    settings["cluster"]["managedPrometheus"] = False
    settings["monitoring"] = {}
    for service in settings["services"]:
        service.pop("alerts", None)
        service.pop("autoscaling", None)
    assert build(settings, stack="http-services").manifests_of("PodMonitoring") == []


def test_scaling_by_cpu_and_the_reports_metrics(graph: Graph) -> None:
    """From 2 up, by CPU, P95 latency below 350 ms, fewer than 10 requests in flight, less than 1 % errors."""
    spec = named(graph, "HorizontalPodAutoscaler", "inference").inputs["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "inference"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 6)
    cpu, *own = spec["metrics"]
    assert cpu["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    assert {m["pods"]["metric"]["name"]: m["pods"]["target"]["averageValue"] for m in own} == {
        "prometheus.googleapis.com|inference_latency_p95_seconds|gauge": "350m",
        "prometheus.googleapis.com|inference_in_flight_requests|gauge": "10",
        "prometheus.googleapis.com|inference_error_ratio|gauge": "10m",
    }
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == autoscaling.SCALE_DOWN_WINDOW_SECONDS
    assert "replicas" not in named(graph, "Deployment", "inference").inputs["spec"], "the autoscaler owns it"
    assert [r.object_key[2] for r in graph.manifests_of("HorizontalPodAutoscaler")] == ["inference"]


def test_metrics_straight_from_the_pods() -> None:
    """GKE's own way needs no adapter: an object names the gauge, the endpoint is the declared one."""
    metrics = [{"metric": "inference_in_flight_requests", "average": "10", "source": "pods"}]
    settings = example()
    settings["cluster"]["releaseChannel"] = "RAPID"
    settings["services"] = [{**settings["services"][0], "autoscaling": {"metrics": metrics, "cpuPercent": None}}]
    graph = build(settings, stack="http-services")
    (metric,) = named(graph, "HorizontalPodAutoscaler", "inference").inputs["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == "autoscaling.gke.io|inference|inference-in-flight-requests"
    (entry,) = named(graph, "AutoscalingMetric", "inference").inputs["spec"]["metrics"]
    (container,) = entry["pod"]["containers"]
    assert container["endpoint"] == {"port": 8000, "path": "/metrics"}
    gauge = {"name": "inference-in-flight-requests", "prometheusMetricName": "inference_in_flight_requests"}
    assert container["metrics"] == [{"gauge": gauge}]
    labels = named(graph, "Deployment", "inference").inputs["spec"]["selector"]
    assert entry["pod"]["selector"] == labels


def test_a_metric_that_the_pods_share() -> None:
    """One value of the namespace alone: queries of the adapter would else add up every namespace's."""
    metrics = [{"metric": "queue_depth", "average": "5", "source": "external"}]
    graph = with_service(autoscaling={"metrics": metrics})
    _, metric = named(graph, "HorizontalPodAutoscaler", "inference").inputs["spec"]["metrics"]
    assert metric == {
        "type": "External",
        "external": {
            "metric": {
                "name": "prometheus.googleapis.com|queue_depth|gauge",
                "selector": {"matchLabels": {"resource.labels.namespace": "inference"}},
            },
            "target": {"type": "AverageValue", "averageValue": "5"},
        },
    }


def test_a_server_ends_after_its_last_answer(graph: Graph) -> None:
    """It serves on while the load balancer learns of its end, then as long as that drains it."""
    backend = named(graph, "GCPBackendPolicy", "inference").inputs["spec"]["default"]
    draining = backend["connectionDraining"]["drainingTimeoutSec"]
    wait = server(graph, "inference")["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert wait == autoscaling.PRE_STOP_SECONDS
    assert pod(graph, "inference")["terminationGracePeriodSeconds"] >= wait + draining
    assert backend["timeoutSec"] == 300
    assert backend["logging"] == {"enabled": True}


def test_rollouts_wait_for_the_load_balancer(graph: Graph) -> None:
    """Ready for the kubelet is not healthy for the load balancer; the old pods stay until it is both."""
    gates = pod(graph, "inference")["readinessGates"]
    assert gates == [{"conditionType": probes.NEG_READINESS_GATE}]
    strategy = named(graph, "Deployment", "inference").inputs["spec"]["strategy"]["rollingUpdate"]
    assert strategy == {"maxSurge": 1, "maxUnavailable": 0}
    assert "readinessGates" not in pod(with_service(loadBalancerReadiness=False), "inference")


def test_pods_are_confined_and_have_no_token(graph: Graph) -> None:
    """Whoever takes over a server can ask the API server for nothing."""
    for name in ("inference", "impetus"):
        assert named(graph, "ServiceAccount", name).inputs["automountServiceAccountToken"] is False
        assert pod(graph, name)["automountServiceAccountToken"] is False
        assert pod(graph, name)["serviceAccountName"] == name
        assert pod(graph, name)["securityContext"]["runAsNonRoot"] is True
        assert server(graph, name)["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert graph.one("kubernetes:core/v1:Namespace", "namespace").inputs["metadata"]["labels"][
        "pod-security.kubernetes.io/enforce"
    ] == ("restricted")


def test_pods_are_spread_and_drained_one_at_a_time(graph: Graph) -> None:
    """Two pods on one node are one pod when the node goes."""
    keys = [entry["topologyKey"] for entry in pod(graph, "inference")["topologySpreadConstraints"]]
    assert keys == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    budget = named(graph, "PodDisruptionBudget", "inference").inputs["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == named(graph, "Deployment", "inference").inputs["spec"]["selector"]
    assert [r.object_key[2] for r in graph.manifests_of("PodDisruptionBudget")] == ["inference"], "one pod has none"


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


def test_secrets_come_by_reference() -> None:
    """The value is in a Secret; the program knows its name alone. The order is fixed: another one would roll the pods."""
    secret = {"DB_PASSWORD": {"secret": "db", "key": "password"}, "API_KEY": {"secret": "api", "key": "key"}}
    container = server(with_service(secretEnvironment=secret, environment={"B": "2", "A": "1"}), "inference")
    assert container["env"] == [
        {"name": "A", "value": "1"},
        {"name": "B", "value": "2"},
        {"name": "API_KEY", "valueFrom": {"secretKeyRef": {"name": "api", "key": "key"}}},
        {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
    ]


def test_command_arguments_and_user() -> None:
    """What the image does is replaced only where it is asked for."""
    graph = with_service(command=["python"], args=["-m", "api"], userId=4711, environment=None)
    container = server(graph, "inference")
    assert (container["command"], container["args"]) == (["python"], ["-m", "api"])
    assert "env" not in container
    assert pod(graph, "inference")["securityContext"]["runAsUser"] == 4711
    plain = server(with_service(), "inference")
    assert "command" not in plain
    assert "args" not in plain


def test_a_fixed_number_of_pods() -> None:
    """Without an autoscaler the Deployment says how many; one pod has no budget, for none could be drained."""
    graph = with_service(autoscaling=None, replicas=3)
    assert named(graph, "Deployment", "inference").inputs["spec"]["replicas"] == 3
    assert graph.manifests_of("HorizontalPodAutoscaler") == []
    assert graph.manifests_of("PodDisruptionBudget")
    assert with_service(autoscaling=None, replicas=1).manifests_of("PodDisruptionBudget") == []


def test_a_service_without_metrics_is_not_scraped() -> None:
    """A PodMonitoring on a path that answers 404 fills the log and nothing else."""
    endpoints = {k: v for k, v in example()["services"][0]["endpoints"].items() if k != "metrics"}
    graph = with_service(endpoints=endpoints, autoscaling={"maxReplicas": 3})
    assert graph.manifests_of("PodMonitoring") == []


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
