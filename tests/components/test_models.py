"""Every setting of a model, turned on, and what it makes of the graph."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from rules import endpoint_picker, vllm, vllm_flags
from tests.components.recording import Graph, Resource, build, committed

Changes = dict[str, Any]


def served(changes: Changes, *, pool: Changes | None = None, **stack: Any) -> Graph:
    """The graph of dev with a changed model, pool and stack; a value of None leaves a setting out."""
    settings = committed("dev")
    model = {**settings["models"][0], **changes}
    settings["models"] = [{name: value for name, value in model.items() if value is not None}]
    settings["tpuPools"] = [{**settings["tpuPools"][0], **(pool or {})}]
    for name, value in stack.items():
        settings[name] = {**settings.get(name, {}), **value}
    return build(settings)


def service(graph: Graph, name: str = "qwen2-5-3b") -> Resource:
    """The LLMInferenceService of that name."""
    return graph.one("kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService", name)


def template(graph: Graph, name: str = "qwen2-5-3b") -> dict[str, Any]:
    """The pod of its servers."""
    return service(graph, name).inputs["spec"]["template"]


def container(graph: Graph, name: str = "qwen2-5-3b") -> dict[str, Any]:
    """The server in that pod."""
    return template(graph, name)["containers"][0]


def arguments(graph: Graph, name: str = "qwen2-5-3b") -> list[str]:
    """The server's arguments behind the model."""
    return container(graph, name)["args"]


FLAGS = {
    "dtype": ("bfloat16", "--dtype=bfloat16"),
    "quantization": ("fp8", "--quantization=fp8"),
    "kvCacheDtype": ("fp8_e5m2", "--kv-cache-dtype=fp8_e5m2"),
    "gpuMemoryUtilization": (0.85, "--gpu-memory-utilization=0.85"),
    "maxNumSeqs": (64, "--max-num-seqs=64"),
    "maxNumBatchedTokens": (4096, "--max-num-batched-tokens=4096"),
    "blockSize": (32, "--block-size=32"),
    "toolCallParser": ("hermes", "--tool-call-parser=hermes"),
    "reasoningParser": ("qwen3", "--reasoning-parser=qwen3"),
    "chatTemplate": ("/mnt/models/t.jinja", "--chat-template=/mnt/models/t.jinja"),
    "trustRemoteCode": (True, "--trust-remote-code"),
    "enablePrefixCaching": (False, "--no-enable-prefix-caching"),
}


def test_every_flag_has_a_setting_that_writes_it() -> None:
    """A flag that a setting stands for is written once and as vLLM knows it; by default only what follows is written."""
    plain = arguments(served({}))
    assert [argument.partition("=")[0] for argument in plain] == [
        "--served-model-name",
        "--port",
        "--tensor-parallel-size",
        "--max-model-len",
        "--shutdown-timeout",
        "--enable-prefix-caching",
    ]
    line = arguments(served({"server": {name: value for name, (value, _) in FLAGS.items()}}))
    assert {written for _, written in FLAGS.values()} <= set(line)
    assert "--enable-auto-tool-choice" in line, "a parser of tool calls does nothing without it"
    assert vllm_flags.unrecognized(line) == []
    names = [argument.partition("=")[0] for argument in line]
    assert len(names) == len(set(names))


def test_a_smaller_tensor_parallel_size_runs_several_copies_in_one_pod() -> None:
    """GKE gives a pod all chips of a node: copies that need fewer share a server instead of leaving chips idle."""
    line = arguments(served({"server": {"tensorParallelSize": 2}}))
    assert {"--tensor-parallel-size=2", "--data-parallel-size=2"} <= set(line)
    assert not any(argument.startswith("--data-parallel-size") for argument in arguments(served({})))


def test_shared_memory_replaces_the_presets_gibibyte() -> None:
    """KServe's preset has 1 GiB of /dev/shm: the volume keeps its name, so that the merge changes its size."""
    (volume,) = template(served({"server": {"sharedMemoryGib": 32}}))["volumes"]
    assert volume == {"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "32Gi"}}


def test_weights_are_kept_in_a_shared_volume() -> None:
    """With a cache vLLM loads the weights itself, once: KServe's initializer would load them for each server."""
    changes = {"uri": "hf://Qwen/Qwen2.5-3B-Instruct:main", "weights": {"cache": "persistentVolume"}}
    graph = served({**changes, "compileCache": {"kind": "persistentVolume"}})
    spec, server = service(graph).inputs["spec"], container(graph)
    assert spec["storageInitializer"] == {"enabled": False}
    assert "initContainers" not in spec["template"]
    assert server["command"] == ["vllm", "serve", "Qwen/Qwen2.5-3B-Instruct"]
    assert "--revision=main" in server["args"]
    mounts = {mount["name"]: mount["mountPath"] for mount in server["volumeMounts"]}
    environment = {entry["name"]: entry["value"] for entry in server["env"]}
    assert environment == {"HF_HUB_CACHE": mounts["weights-cache"], "VLLM_XLA_CACHE_PATH": mounts["compile-cache"]}
    claims = {claim.object_key[2]: claim for claim in graph.manifests_of("PersistentVolumeClaim")}
    assert claims.keys() == {"qwen2-5-3b-weights", "qwen2-5-3b-compiled"}
    for claim in claims.values():
        assert claim.inputs["spec"]["accessModes"] == ["ReadWriteMany"]
        assert graph.waits_for(service(graph), claim), "a pod whose claim does not exist stays Pending"
    (made,) = graph.manifests_of("StorageClass")
    assert made.inputs["parameters"]["network"] == graph.one("gcp:compute/network:Network").inputs["name"]
    assert {claim.inputs["spec"]["storageClassName"] for claim in claims.values()} == {made.object_key[2]}
    cluster = graph.one("gcp:container/cluster:Cluster").inputs
    assert cluster["addonsConfig"]["gcpFilestoreCsiDriverConfig"] == {"enabled": True}
    assert "file.googleapis.com" in {api.inputs["service"] for api in graph.of_type("gcp:projects/service:Service")}


def test_existing_claims_are_used_and_not_made() -> None:
    """A claim that others fill is only named."""
    weights = {"cache": "persistentVolume", "volume": {"claim": "hub"}}
    graph = served({"weights": weights})
    assert not graph.manifests_of("PersistentVolumeClaim")
    claims = [volume.get("persistentVolumeClaim") for volume in template(graph)["volumes"]]
    assert {"claimName": "hub"} in claims


def test_weights_on_a_hyperdisk_ml_are_read_by_all_servers() -> None:
    """One disk, read-only, on many nodes: KServe mounts its claim as it mounts any pvc:// address."""
    disk = {"name": "qwen-weights", "size": "100Gi", "path": "qwen2.5/3b"}
    graph = served({"weights": {"cache": "hyperdiskMl", "disk": disk}})
    assert service(graph).inputs["spec"]["model"]["uri"] == "pvc://qwen2-5-3b-disk/qwen2.5/3b"
    assert "storageInitializer" not in service(graph).inputs["spec"]
    (volume,), (claim,) = graph.manifests_of("PersistentVolume"), graph.manifests_of("PersistentVolumeClaim")
    handle = "projects/tpu-inference-dev/zones/us-east5-b/disks/qwen-weights"
    assert volume.inputs["spec"]["csi"]["volumeHandle"] == handle
    assert volume.inputs["spec"]["accessModes"] == claim.inputs["spec"]["accessModes"] == ["ReadOnlyMany"]
    assert volume.inputs["spec"]["claimRef"]["name"] == claim.object_key[2]
    assert claim.inputs["spec"]["volumeName"] == volume.object_key[2]


@pytest.mark.parametrize("uri", ["s3://bucket/model", "pvc://claim/model", "oci://registry.example.com/model:v1"])
def test_other_sources_are_left_to_kserve(uri: str) -> None:
    """Addresses that KServe loads or mounts itself are passed on as they are."""
    graph = served({"uri": uri})
    assert service(graph).inputs["spec"]["model"]["uri"] == uri
    assert container(graph)["command"] == ["vllm", "serve", "/mnt/models"]
    assert ("initContainers" in template(graph)) == uri.startswith("s3://")


def test_a_token_reaches_whoever_loads_the_weights() -> None:
    """Gated models need the token where they are loaded: in KServe's initializer, or in vLLM with a cache."""
    secrets = {"huggingFaceToken": {"secret": "hugging-face-token"}}
    own = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hugging-face-token", "key": "HF_TOKEN"}}}
    versions = {"minimumVersion": "1.34"}
    graph = served({}, secrets=secrets, cluster=versions)
    assert template(graph)["initContainers"][0]["env"] == [own]
    assert "env" not in container(graph)
    cached = served({"weights": {"cache": "persistentVolume"}}, secrets=secrets, cluster=versions)
    assert own in container(cached)["env"]


def test_a_server_finishes_its_answers_before_it_is_killed() -> None:
    """The load balancer drains no longer than the pod lives, and vLLM is given the time between the two."""
    graph = served({"longestRequestSeconds": 1200, "shutdown": {"drainSeconds": 30}})
    pod, (pool, workload) = template(graph), graph.manifests_of("GCPBackendPolicy")
    (sleep,) = [int(container(graph)["lifecycle"]["preStop"]["exec"]["command"][1])]
    (finish,) = [int(a.partition("=")[2]) for a in arguments(graph) if a.startswith("--shutdown-timeout")]
    assert (sleep, finish) == (30, 1200)
    assert sleep + finish < pod["terminationGracePeriodSeconds"]
    for policy in (pool, workload):
        default = policy.inputs["spec"]["default"]
        assert default["timeoutSec"] == 1200
        assert finish < default["connectionDraining"]["drainingTimeoutSec"] < pod["terminationGracePeriodSeconds"]
    picker = service(graph).inputs["spec"]["router"]["scheduler"]["template"]
    assert picker["terminationGracePeriodSeconds"] >= pod["terminationGracePeriodSeconds"]


def test_the_longest_answer_follows_from_the_context() -> None:
    """GKE cuts answers after 30 s: a longer context gets as long as a loaded server takes to fill it."""
    for length, seconds in ((8192, 600), (32768, 2185), (131072, 8739)):
        graph = served({"maxModelLength": length})
        assert {p.inputs["spec"]["default"]["timeoutSec"] for p in graph.manifests_of("GCPBackendPolicy")} == {seconds}
        assert template(graph)["terminationGracePeriodSeconds"] <= 3600, "a node upgrade waits an hour"


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


def test_priority_is_a_class_that_is_made_or_exists() -> None:
    """The class of a model is made under the namespace's name, since it belongs to the whole cluster."""
    graph = served({"priority": {"value": 1000, "preempt": False}})
    (made,) = graph.manifests_of("PriorityClass")
    assert made.object_key == ("PriorityClass", "", "inference-qwen2-5-3b")
    assert (made.inputs["value"], made.inputs["preemptionPolicy"]) == (1000, "Never")
    assert template(graph)["priorityClassName"] == made.object_key[2]
    named = served({"priority": {"className": "production"}})
    assert not named.manifests_of("PriorityClass")
    assert template(named)["priorityClassName"] == "production"


def test_health_check_numbers_are_settings() -> None:
    """The defaults are those with which three backends became healthy; others are written into both policies."""
    numbers = ("checkIntervalSec", "timeoutSec", "healthyThreshold", "unhealthyThreshold")
    other = {"intervalSeconds": 10, "timeoutSeconds": 5, "healthyThreshold": 2, "unhealthyThreshold": 3}
    for changes, expected in (({}, [15, 15, 1, 2]), ({"healthCheck": other}, [10, 5, 2, 3])):
        for policy in served(changes).manifests_of("HealthCheckPolicy"):
            assert [policy.inputs["spec"]["default"][number] for number in numbers] == expected


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
        "cpu": "2",
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
    assert main["resources"]["requests"] == {"cpu": "2", "memory": "4Gi"}


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


@pytest.mark.parametrize(
    "weights", [{"cache": "persistentVolume"}, {"cache": "hyperdiskMl", "disk": {"name": "weights", "size": "100Gi"}}]
)
def test_a_canary_shares_the_models_volumes(weights: dict[str, Any]) -> None:
    """A second Filestore instance would cost a terabyte more, and a disk has one PersistentVolume."""
    canary = {"name": "next", "weight": 10, "image": "vllm/vllm-tpu:v0.28.0"}
    changes = {"canary": canary, "weights": weights, "compileCache": {"kind": "persistentVolume"}}
    graph = served(changes, pool={"slices": 2})
    assert not [
        claim for claim in graph.manifests_of("PersistentVolumeClaim") if claim.object_key[2].startswith("next")
    ]
    for part in ("model", "storageInitializer"):
        first, second = (service(graph, name).inputs["spec"].get(part) for name in ("qwen2-5-3b", "next"))
        assert first == second
    assert template(graph)["volumes"] == template(graph, "next")["volumes"]


def test_lora_adapters_are_passed_on_without_a_shells_quotes() -> None:
    """KServe writes the adapters' flags for the shell of its preset; a command of one's own has to write them itself."""
    lora = {
        "adapters": [{"name": "sql", "uri": "hf://org/sql-lora"}, {"name": "law", "uri": "pvc://adapters/law"}],
        "maxRank": 32,
        "maxAdapters": 2,
        "maxCpuAdapters": 4,
    }
    graph = served({"lora": lora, "endpointPicker": {}})
    spec = service(graph).inputs["spec"]
    assert spec["model"]["lora"] == lora
    line = arguments(graph)
    assert line[line.index("--lora-modules") + 1 :] == ["sql=/mnt/lora/sql", "law=/mnt/lora/law"]
    assert {"--enable-lora", "--max-lora-rank=32", "--max-loras=2", "--max-cpu-loras=4"} <= set(line)
    plugins = [plugin["type"] for plugin in spec["router"]["scheduler"]["config"]["inline"]["plugins"]]
    assert "lora-affinity-scorer" in plugins


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
        assert part["resources"]["limits"] == {"google.com/tpu": "4"}
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


def test_a_model_that_cannot_be_updated_in_place_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Incident in waiting: a rolling update whose new server finds no slice stays Pending for ever, without a word."""
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    settings = committed("dev")
    build(settings)
    assert [text for text in said if text.startswith("models: qwen2-5-3b: an update of it starts a new server before")]
    assert any("maxSlices: 2" in text for text in said)
    said.clear()
    pool = {key: value for key, value in settings["tpuPools"][0].items() if key != "slices"}
    build({**settings, "tpuPools": [{**pool, "minSlices": 1, "maxSlices": 2}]})
    assert not [text for text in said if "an update of it" in text]
    said.clear()
    build(committed("prod"), stack="prod")
    assert not [text for text in said if "an update of it" in text]
