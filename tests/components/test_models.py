"""Every setting of a model, turned on, and what it makes of the graph."""

from __future__ import annotations

import pulumi
import pytest

from rules import monitoring, vllm_flags
from tests.committed import committed, one_slice
from tests.components.model_graphs import arguments, container, served, service, template
from tests.components.recording import build


def test_a_server_asks_for_its_share_of_the_node() -> None:
    """Requests keep the node's other pods and itself alive; with limits GKE reports how much of them is used."""
    resources = container(served({}))["resources"]
    assert resources["requests"] == {
        "google.com/tpu": "4",
        "cpu": "152",
        "memory": "593Gi",
        "ephemeral-storage": "10Gi",
    }
    assert resources["limits"] == {"google.com/tpu": "4", "cpu": "179", "memory": "593Gi"}


def test_resources_are_as_set() -> None:
    """The limit of memory is what is asked for, that of CPU what the node has."""
    wanted = {"cpu": "35500m", "memory": "200Gi", "ephemeralStorage": "30Gi"}
    resources = container(served({"resources": wanted}))["resources"]
    assert resources["requests"] == {
        "google.com/tpu": "4",
        "cpu": "35500m",
        "memory": "200Gi",
        "ephemeral-storage": "30Gi",
    }
    assert resources["limits"] == {"google.com/tpu": "4", "cpu": "179", "memory": "200Gi"}


def test_a_machine_of_unknown_size_gets_what_is_written_alone() -> None:
    """Nobody knows a share of an unknown size; chips are known."""
    pool, zone = (
        {"machineType": "tpu7x-standard-4t", "topology": "2x2x1"},
        {"region": "us-central1", "zone": "us-central1-c"},
    )
    settings = committed("dev")
    settings |= zone
    settings["tpuPools"][0] |= pool
    assert container(build(settings))["resources"]["limits"] == {"google.com/tpu": "4"}
    settings["models"][0]["resources"] = {"cpu": "100", "memory": "300Gi"}
    resources = container(build(settings))["resources"]
    assert resources["requests"]["cpu"] == "100"
    assert resources["limits"] == {"google.com/tpu": "4", "memory": "300Gi"}


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
    assert int(service(graph).delete_timeout.removesuffix("s")) > pod["terminationGracePeriodSeconds"], (
        "a destroy gives up on a server that finishes its answers"
    )


def test_gke_reads_the_tpu_metrics_of_every_server() -> None:
    """GKE reads libtpu's metrics of containers that declare its port: without it idle TPUs are never told."""
    several = service(served({"multiHost": {"experimental": True}}, pool={"topology": "4x4"})).inputs["spec"]
    containers = [several[part]["containers"][0] for part in ("template", "worker")]
    for server in (container(served({})), *containers):
        (port,) = server["ports"]
        assert (port["containerPort"], port["protocol"]) == (monitoring.TPU_METRICS_PORT, "TCP")


def test_the_longest_answer_follows_from_the_context() -> None:
    """GKE cuts answers after 30 s: a longer context gets as long as a loaded server takes to fill it."""
    for length, seconds in ((8192, 600), (32768, 2185), (131072, 8739)):
        graph = served({"maxModelLength": length})
        assert {p.inputs["spec"]["default"]["timeoutSec"] for p in graph.manifests_of("GCPBackendPolicy")} == {seconds}
        assert template(graph)["terminationGracePeriodSeconds"] <= 3600, "a node upgrade waits an hour"


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


def test_a_model_that_cannot_be_updated_in_place_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Incident in waiting: a rolling update whose new server finds no slice stays Pending for ever, without a word."""
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    build(one_slice())
    assert [text for text in said if text.startswith("models: qwen2-5-3b: an update of it starts a new server before")]
    assert any("maxSlices: 2" in text for text in said)
    said.clear()
    for stack in ("dev", "prod"):
        build(committed(stack), stack=stack)
    assert not [text for text in said if "an update of it" in text]
