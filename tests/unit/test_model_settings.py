"""Settings of models that cannot be used: field, value, reason and remedy of each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.changing import problem

GROWS = ("tpuPools.0.slices", 4)
CANARY = {"name": "next", "weight": 10, "image": "vllm/vllm-tpu:v0.28.0"}
LORA = {"adapters": [{"name": "sql", "uri": "hf://org/sql"}]}

CASES: dict[str, tuple[list[tuple[str, Any]], str]] = {
    "a flag that has a setting": (
        [("models.0.extraArgs", ["--max_num_seqs=64"])],
        (
            "models[0].extraArgs: '--max_num_seqs=64': it has a setting, which probes, routing and the policies "
            "read as well. Write it as server.maxNumSeqs."
        ),
    ),
    "a shortened flag that has a setting": (
        [("models.0.extraArgs", ["--trust-remote"])],
        (
            "models[0].extraArgs: '--trust-remote': it has a setting, which probes, routing and the policies read"
            " as well. Write server.trustRemoteCode: true."
        ),
    ),
    "a KV cache that v6e has not": (
        [("models.0.server", {"kvCacheDtype": "fp8_e4m3"})],
        (
            "models[0].server.kvCacheDtype: 'fp8_e4m3': v6e has no such KV cache: its fp8 is e5m2, and the server"
            " ends while it compiles. Write one of auto, bfloat16, fp8, fp8_e5m2."
        ),
    ),
    "a quantization for CUDA": (
        [("models.0.server", {"quantization": "gptq"})],
        (
            "models[0].server.quantization: 'gptq': gptq has CUDA kernels only, and vLLM refuses the model "
            "configuration at start. Write one of tpu_int8, compressed-tensors, awq, fp8, mxfp4, or leave it out "
            "for weights as they are."
        ),
    ),
    "a tensor parallel size that leaves chips over": (
        [("models.0.server", {"tensorParallelSize": 3})],
        (
            "models[0].server.tensorParallelSize: 3: a 2x2 slice of ct6e-standard-4t has 4 cores, and servers of "
            "this size do not fill it. Write one of 1, 2, 4."
        ),
    ),
    "a cache of weights on a disk": (
        [("models.0.weights", {"cache": "persistentVolume", "volume": {"storageClass": "premium-rwo"}})],
        (
            "models[0].weights.volume.storageClass: 'premium-rwo': it makes disks, which one node writes to; each server has a "
            "node of its own, so the second one, and every rolling update, waits in ContainerCreating with a Multi-Attach error. "
            "Write nothing, for Filestore in the stack's network, the name of a class of your own, or weights.cache: hyperdiskMl "
            "for a disk that is only read."
        ),
    ),
    "a cache that vLLM cannot fill": (
        [("models.0.uri", "s3://bucket/model"), ("models.0.weights", {"cache": "persistentVolume"})],
        (
            "models[0].uri: 's3://bucket/model': weights.cache: persistentVolume lets vLLM load from Hugging "
            "Face, and this is elsewhere. Write hf://ORGANIZATION/MODEL or hf://ORGANIZATION/MODEL:REVISION, or "
            "cache: none."
        ),
    ),
    "a disk cache without a disk": (
        [("models.0.weights", {"cache": "hyperdiskMl"})],
        (
            "models[0].weights.disk: not set: the disk and cache: hyperdiskMl go together. Write both or neither "
            "of them."
        ),
    ),
    "adapters beside a cache": (
        [("models.0.weights", {"cache": "persistentVolume"}), ("models.0.lora", LORA)],
        (
            "models[0].weights.cache: 'persistentVolume': KServe loads adapters through its storage initializer, "
            "which this cache turns off. Write none or hyperdiskMl, or leave lora out."
        ),
    ),
    "an adapter as an image": (
        [("models.0.lora", {"adapters": [{"name": "sql", "uri": "oci://r/sql:v1"}]})],
        (
            "models[0].lora.adapters[0].uri: 'oci://r/sql:v1': KServe mounts one model image a pod, which is the "
            "base model's. Write hf://, s3:// or pvc://."
        ),
    ),
    "replicas beside an autoscaler": (
        [GROWS, ("models.0.autoscaling", {"maxReplicas": 3, "source": "managed-prometheus"})],
        (
            "models[0].replicas: 1: the autoscaler counts the servers, and each update would set them back in the"
            " middle of load. Write autoscaling.minReplicas instead."
        ),
    ),
    "priority of two sorts": (
        [("models.0.priority", {"className": "a", "value": 1})],
        (
            "models[0].priority.className: 'a': a priority is an existing class or the value of a new one. Write "
            "className or value, one of the two."
        ),
    ),
    "a check that outlasts its interval": (
        [("models.0.healthCheck", {"intervalSeconds": 5})],
        (
            "models[0].healthCheck.timeoutSeconds: 15: it is longer than intervalSeconds 5, and the API server "
            "refuses the policy. Write at most 5."
        ),
    ),
    "a picker that weighs nothing": (
        [("models.0.endpointPicker", {"prefixCacheWeight": 0, "loadWeight": 0})],
        (
            "models[0].endpointPicker.prefixCacheWeight: 0: with both weights 0 all servers score the same. Write"
            " a weight such as 2.0, or leave endpointPicker out."
        ),
    ),
    "prefixes that nobody keeps": (
        [("models.0.endpointPicker", {}), ("models.0.server", {"enablePrefixCaching": False})],
        (
            "models[0].endpointPicker.prefixCacheWeight: 2.0: the servers keep no prefixes "
            "(server.enablePrefixCaching: false), and requests would be sent after them. Write 0, or "
            "enablePrefixCaching: true."
        ),
    ),
    "a canary under the model's name": (
        [("tpuPools.0.slices", 2), ("models.0.canary", {**CANARY, "name": "qwen2-5-3b"})],
        (
            "models[0].canary.name: 'qwen2-5-3b': the model itself has this name. Write a name of its own, such "
            "as its version."
        ),
    ),
    "a canary that is the model": (
        [("tpuPools.0.slices", 2), ("models.0.canary", {"name": "next"})],
        (
            "models[0].canary.uri: not set: it is the same as the model, so nothing can be learned from it. Write"
            " at least one of uri, image, server and extraArgs."
        ),
    ),
    "a canary without a slice": (
        [("models.0.canary", CANARY)],
        (
            "models[0].replicas: 1: the models on pool v6e-2x2 need 2 slices and it has 1. Write fewer replicas, "
            "or tpuPools slices: 2."
        ),
    ),
    "a multi-host pool that nobody asked for": (
        [("tpuPools.0.topology", "4x4")],
        (
            "models[0].pool: 'v6e-2x2': pool v6e-2x2 is a multi-host slice, which vLLM on TPU does not serve "
            "reliably. Write a pool with a single-host topology, or models[0].multiHost.experimental: true if you try it anyway."
        ),
    ),
    "several hosts on one": (
        [("models.0.multiHost", {"experimental": True})],
        (
            "models[0].multiHost: 'set': pool v6e-2x2 is a slice of one host, whose chips one pod has to itself. "
            "Write it for a model on a multi-host pool."
        ),
    ),
    "several hosts with an autoscaler": (
        [("models.0.multiHost", {"experimental": True}), ("models.0.endpointPicker", {})],
        (
            "models[0].endpointPicker: 'set': a server over several hosts is tried alone, on a pool that holds "
            "one slice. Write it for a model without multiHost."
        ),
    ),
    "metrics of pods on an older cluster": (
        [
            GROWS,
            (
                "models.0",
                {
                    "name": "m",
                    "uri": "hf://a/b",
                    "servedName": "m",
                    "pool": "v6e-2x2",
                    "autoscaling": {"maxReplicas": 2},
                },
            ),
        ],
        (
            "models[0].autoscaling.source: 'pods': GKE reads metrics of pods from 1.35.1-gke.1396000 on, in the "
            "RAPID channel first; before, the autoscaler's metrics stay unknown and nothing is scaled. Write "
            "cluster.minimumVersion: 1.35.1-gke.1396000, releaseChannel: RAPID, or managed-prometheus."
        ),
    ),
}


@pytest.mark.parametrize(("changes", "message"), CASES.values(), ids=CASES.keys())
def test_message(changes: list[tuple[str, Any]], message: str) -> None:
    """One line that says what to write instead."""
    assert problem(*changes) == f"platform.{message}"


@pytest.mark.parametrize("part", ["multiHost", "prefill"])
def test_experimental_parts_say_why(part: str) -> None:
    """What does not work reliably is turned on in so many words, by somebody who has read the reason."""
    text = problem((f"models.0.{part}", {}))
    assert text.startswith(f"platform.models[0].{part}.experimental: False: ")
    assert text.endswith(f". Write experimental: true if you try it anyway, or leave {part} out.")
    assert "KServe" in text


@pytest.mark.parametrize(
    ("scaling", "field"),
    [
        ({"minReplicas": 4, "maxReplicas": 2}, "minReplicas"),
        ({"minReplicas": 2, "maxReplicas": 2}, "maxReplicas"),
        ({"maxReplicas": 2, "queueLength": None, "kvCachePercent": None}, "queueLength"),
    ],
)
def test_autoscalers_have_room_and_a_reason(scaling: dict[str, Any], field: str) -> None:
    """Limits apart from each other, and a metric to scale by."""
    text = problem(GROWS, ("models.0.autoscaling", scaling))
    assert text.startswith(f"platform.models[0].autoscaling.{field}: ")
