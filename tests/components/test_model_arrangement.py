"""Which servers a model has, and what chooses between them: autoscaling, canaries, groups, prefill, the endpoint picker."""

from __future__ import annotations

import pytest

from rules import endpoint_picker, vllm
from sandbox.kubernetes.conditions import parse_wait_for
from tests.components.model_graphs import arguments, container, served, service, template


def test_several_servers_have_a_disruption_budget() -> None:
    """Node upgrades take one server at a time; a budget for a single one would only block them."""
    assert not served({}).manifests_of("PodDisruptionBudget")
    graph = served({"replicas": 3}, pool={"slices": 4})
    (budget,) = graph.manifests_of("PodDisruptionBudget")
    selector = {"app.kubernetes.io/name": "qwen2-5-3b", "app.kubernetes.io/part-of": "llminferenceservice"}
    selected = {**selector, "kserve.io/component": "workload"}
    assert budget.inputs["spec"] == {"maxUnavailable": 1, "selector": {"matchLabels": selected}}
    (constraint,) = template(graph)["topologySpreadConstraints"]
    assert constraint["labelSelector"] == {"matchLabels": selected}
    assert constraint["whenUnsatisfiable"] == "ScheduleAnyway", "a pool lies in one zone"


@pytest.mark.parametrize("source", ["pods", "managed-prometheus"])
def test_the_autoscaler_owns_the_number_of_servers(source: str) -> None:
    """KServe keeps the Deployment's replicas only where the service names none; else the two scale against each other."""
    scaling = {"minReplicas": 1, "maxReplicas": 3, "source": source, "queueLength": 4, "kvCachePercent": 70}
    graph = served(
        {"replicas": None, "autoscaling": scaling},
        pool={"slices": 4},
        cluster={"minimumVersion": "1.35.1-gke.1396000"},
    )
    assert "replicas" not in service(graph).inputs["spec"]
    (autoscaler,) = graph.manifests_of("HorizontalPodAutoscaler")
    spec = autoscaler.inputs["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "qwen2-5-3b-kserve"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 3)
    names = [metric["pods"]["metric"]["name"] for metric in spec["metrics"]]
    targets = [metric["pods"]["target"]["averageValue"] for metric in spec["metrics"]]
    assert targets == ["4", "700m"]
    objects = graph.manifests_of("AutoscalingMetric")
    if source == "managed-prometheus":
        assert names == [
            f"prometheus.googleapis.com|vllm:{n}|gauge" for n in ("num_requests_waiting", "kv_cache_usage_perc")
        ]
        assert not objects
        return
    profile = graph.one("gcp:container/cluster:Cluster").inputs["podAutoscaling"]
    assert profile == {"hpaProfile": "PERFORMANCE"}, "GKE reads pods in this profile alone"
    (pods,) = [metric["pod"] for metric in objects[0].inputs["spec"]["metrics"]]
    own = objects[0].object_key[2]
    assert names == [f"autoscaling.gke.io|{own}|{each['gauge']['name']}" for each in pods["containers"][0]["metrics"]]
    assert pods["selector"]["matchLabels"].items() <= service(graph).inputs["spec"]["labels"].items()
    assert pods["containers"][0]["endpoint"] == {"port": 8000, "path": "/metrics"}


def test_the_picker_knows_caches_and_load() -> None:
    """Three servers share prompts' beginnings only if the picker compares them: cache 2.0, load 1.0, blocks as the servers'."""
    graph = served({"endpointPicker": {}})
    scheduler = service(graph).inputs["spec"]["router"]["scheduler"]
    config = scheduler["config"]["inline"]
    assert endpoint_picker.check_config(config) == []
    plugins = {plugin["type"]: plugin.get("parameters", {}) for plugin in config["plugins"]}
    producer = plugins["approx-prefix-cache-producer"]
    assert (producer["maxPrefixBlocksToMatch"], producer["lruCapacityPerServer"]) == (256, 31250)
    assert f"--block-size={producer['blockSizeTokens']}" in arguments(graph)
    assert producer["maxPrefixTokensToMatch"] == 256 * producer["blockSizeTokens"]
    assert plugins["prefix-cache-scorer"] == {}, "KServe removes parameters from it"
    assert plugins["utilization-detector"] == {
        "queueDepthThreshold": 5,
        "kvCacheUtilThreshold": 0.8,
        "metricsStalenessThreshold": "200ms",
    }
    (profile,) = config["schedulingProfiles"]
    weights = {each["pluginRef"]: each["weight"] for each in profile["plugins"] if "weight" in each}
    assert weights == {"prefix-cache-scorer": 2.0, "load-aware-scorer": 1.0}


def test_the_pickers_own_settings() -> None:
    """Resources and replicas of the picker, and other numbers, each where the image reads it."""
    wanted = {
        "prefixCacheWeight": 3,
        "loadWeight": 0.5,
        "loadThreshold": 64,
        "maxPrefixBlocks": 128,
        "lruCapacityPerServer": 1000,
        "autoTune": True,
        "queueDepthThreshold": 8,
        "kvCacheUtilizationThreshold": 0.9,
        "metricsStalenessMilliseconds": 500,
        "replicas": 2,
        "cpu": "1250m",
        "memory": "4Gi",
    }
    graph = served({"endpointPicker": wanted, "server": {"blockSize": 64}})
    scheduler = service(graph).inputs["spec"]["router"]["scheduler"]
    plugins = {p["type"]: p.get("parameters", {}) for p in scheduler["config"]["inline"]["plugins"]}
    assert plugins["approx-prefix-cache-producer"] == {
        "autoTune": True,
        "blockSizeTokens": 64,
        "maxPrefixBlocksToMatch": 128,
        "maxPrefixTokensToMatch": 8192,
        "lruCapacityPerServer": 1000,
    }
    assert plugins["load-aware-scorer"] == {"threshold": 64}
    assert plugins["utilization-detector"]["metricsStalenessThreshold"] == "500ms"
    assert scheduler["replicas"] == 2
    (main,) = scheduler["template"]["containers"]
    assert main["resources"]["requests"] == {"cpu": "1250m", "memory": "4Gi"}


def test_a_canary_gets_its_share_and_a_path_of_its_own() -> None:
    """Two services, one route with weights between their pools; the canary answers alone under its own name as well."""
    canary = {
        "name": "qwen-next",
        "weight": 10,
        "image": "vllm/vllm-tpu:v0.28.0",
        "replicas": 1,
        "extraArgs": ["--seed=1"],
    }
    graph = served({"canary": canary}, pool={"slices": 2})
    routes = {route.object_key[2]: route for route in graph.manifests_of("HTTPRoute")}
    shared, own = (routes[name].inputs["spec"]["rules"] for name in ("qwen2-5-3b", "qwen-next"))
    for rule in shared[:2]:
        weights = {reference["name"]: reference["weight"] for reference in rule["backendRefs"]}
        assert weights == {"qwen2-5-3b-inference-pool": 90, "qwen-next-inference-pool": 10}
    assert {r["name"] for rule in own for r in rule["backendRefs"]} == {
        "qwen-next-inference-pool",
        "qwen-next-kserve-workload-svc",
    }
    assert own[0]["matches"][0]["path"]["value"] == "/inference/qwen-next/v1/completions"
    assert container(graph, "qwen-next")["image"] == "vllm/vllm-tpu:v0.28.0"
    names = {service(graph, name).inputs["spec"]["model"]["name"] for name in ("qwen2-5-3b", "qwen-next")}
    assert names == {"Qwen/Qwen2.5-3B-Instruct"}, "clients ask for one name"
    assert len(graph.manifests_of("HealthCheckPolicy")) == len(graph.manifests_of("GCPBackendPolicy")) == 4
    for name in ("qwen2-5-3b", "qwen-next"):
        assert graph.waits_for(routes["qwen2-5-3b"], service(graph, name)), (
            "a route to a missing pool stalls the Gateway"
        )


def test_live_requests_meet_no_canary_that_is_not_there() -> None:
    """KServe makes a pool only for a service whose own route exists, and a live route to a pool that never comes holds up the
    whole Gateway: the canary's route is there first, and the load balancer knows it.
    """
    graph = served({"canary": {"name": "qwen-next", "image": "vllm/vllm-tpu:v0.28.0"}}, pool={"slices": 2})
    routes = {route.object_key[2]: route for route in graph.manifests_of("HTTPRoute")}
    live, own = routes["qwen2-5-3b"], routes["qwen-next"]
    assert own.urn in live.dependencies
    assert not graph.waits_for(own, live)
    assert service(graph, "qwen-next").urn in own.dependencies
    conditions = parse_wait_for(own.inputs["metadata"]["annotations"]["pulumi.com/waitFor"])
    assert own.create_timeout == "15m", "a wait without an end would hold up every later update"

    def lacks(resolved: str, reconciled: str) -> bool:
        found = [{"type": "ResolvedRefs", "status": resolved}, {"type": "Reconciled", "status": reconciled}]
        said = {
            "controllerName": "networking.gke.io/gateway",
            "conditions": [{"type": "Accepted", "status": "True"}, *found],
        }
        other = {"controllerName": "example.com/mesh", "conditions": [{"type": "ResolvedRefs", "status": "False"}]}
        return any(condition.lack({"status": {"parents": [other, said]}}) for condition in conditions)

    assert not lacks("True", "True")
    assert lacks("False", "True")
    assert lacks("True", "False")
    assert all(condition.lack({}) for condition in conditions), "GKE has said nothing yet"


def test_nobody_waits_for_a_route_that_no_other_needs() -> None:
    """An update ends once everything is applied; whether requests are answered is told by verification, with reasons."""
    graph = served({"canary": {"name": "qwen-next", "image": "vllm/vllm-tpu:v0.28.0"}}, pool={"slices": 2})
    (live,) = [route for route in graph.manifests_of("HTTPRoute") if route.object_key[2] == "qwen2-5-3b"]
    for route in (live, *served({}).manifests_of("HTTPRoute")):
        assert "annotations" not in route.inputs["metadata"]
        assert route.create_timeout == ""


def test_a_server_over_several_hosts_is_a_group_of_pods() -> None:
    """Hosts = pipeline stages, chips of a host = tensor parallel size; the preset that KServe lacks is made with it."""
    graph = served({"multiHost": {"experimental": True}}, pool={"topology": "4x4"})
    spec = service(graph).inputs["spec"]
    assert spec["parallelism"] == {"pipeline": 4, "tensor": 4}
    leader, worker = (spec[part]["containers"][0] for part in ("template", "worker"))
    assert "--pipeline-parallel-size=4" in leader["command"][2]
    assert "--tensor-parallel-size=4" in leader["command"][2]
    assert "ray start --address=$LWS_LEADER_ADDRESS:6379" in worker["command"][2]
    assert "startupProbe" in leader
    assert "startupProbe" not in worker
    for part in (leader, worker):
        assert part["resources"]["limits"] == {"google.com/tpu": "4", "cpu": "179", "memory": "593Gi"}
        assert part["resources"]["requests"]["cpu"] == "152", "each pod has a node, and the share of it"
        assert {"name": vllm.MULTI_HOST_VARIABLE, "value": "ray"} in part["env"]
    (preset,) = graph.manifests_of("LLMInferenceServiceConfig")
    assert preset.object_key[1:] == ("inference", "kserve-config-llm-worker-pipeline-parallel")
    assert graph.waits_for(service(graph), preset), "else the service is ConfigNotFound"


def test_prefill_servers_read_and_others_generate() -> None:
    """KServe's sidecar takes port 8000 of the pods that generate, so their server moves to the port behind it."""
    prefill = {"experimental": True, "replicas": 1, "extraArgs": ["--seed=3"]}
    graph = served({"prefill": prefill}, pool={"slices": 2})
    spec = service(graph).inputs["spec"]
    reading = spec["prefill"]["template"]["containers"][0]
    assert spec["prefill"]["replicas"] == 1
    assert {"--port=8000", "--seed=3"} <= set(reading["args"])
    assert "--port=8001" in arguments(graph)
    assert container(graph)["readinessProbe"]["httpGet"]["port"] == 8001
    assert {
        p.inputs["spec"]["default"]["config"]["httpHealthCheck"]["port"]
        for p in graph.manifests_of("HealthCheckPolicy")
    } == {8000}
