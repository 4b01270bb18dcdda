"""Every way in which settings of models and their servers can be wrong, and the whole message that a person reads."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.changing import ANY_MODEL, ANY_POOL, problem

CASES: dict[str, tuple[list[tuple[str, Any]], str]] = {
    "latest image": (
        [("models.0.image", "vllm/vllm-tpu:latest")],
        (
            "platform.models[0].image: 'vllm/vllm-tpu:latest': an image without a fixed tag changes under a running model. "
            "Write a tag or a digest, such as vllm/vllm-tpu:v0.27.0."
        ),
    ),
    "image without a tag behind a port": (
        [("models.0.image", "registry.example.com:5000/vllm-tpu")],
        (
            "platform.models[0].image: 'registry.example.com:5000/vllm-tpu': an image without a fixed tag changes under a "
            "running model. Write a tag or a digest, such as vllm/vllm-tpu:v0.27.0."
        ),
    ),
    "weights in a place KServe does not read": (
        [("models.0.uri", "gs://bucket/model")],
        (
            "platform.models[0].uri: 'gs://bucket/model': KServe's LLMInferenceService has no loader for it ('unsupported schema "
            "in model URI'), and no pod is made. Write pvc://CLAIM/PATH with a volume of the bucket or a Hyperdisk ML disk, or "
            "hf://ORGANIZATION/MODEL."
        ),
    ),
    "vLLM flag that does not exist": (
        [("models.0.extraArgs", ["--seed=1", "--prefix-cache-block-size=32"])],
        (
            "platform.models[0].extraArgs: '--prefix-cache-block-size=32': vLLM has no --prefix-cache-block-size: it ends "
            "with 'unrecognized arguments' and the pod crash-loops. Write --block-size."
        ),
    ),
    "vLLM flag that the platform sets": (
        [("models.0.extraArgs", ["--tensor_parallel_size", "8"])],
        (
            "platform.models[0].extraArgs: '--tensor_parallel_size': probes, health checks, routes and node pools are made "
            "for the value that the platform sets. Write the topology of a pool with as many chips."
        ),
    ),
    "port": (
        [("models.0.extraArgs", ["--port=9000"])],
        (
            "platform.models[0].extraArgs: '--port=9000': probes, health checks, routes and node pools are made for the "
            "value that the platform sets. Write nothing here: KServe fixes the port."
        ),
    ),
    "long name": (
        [("models.0.name", "m" * 39)],
        (
            f"platform.models[0].name: '{'m' * 39}': it has 39 letters. Write at most 38. It is: Name of the "
            "LLMInferenceService; part of the URL and of every object KServe makes for it"
        ),
    ),
    "startup budget": (
        [("models.0.startupMinutes", 1)],
        (
            "platform.models[0].startupMinutes: 1: this is out of bounds. Write 15 or more. It is: How long a server may "
            "take until it answers: loading weights and compiling for the TPU"
        ),
    ),
    "two models of one name": (
        [("tpuPools.0.slices", 2), ("models.1", ANY_MODEL)],
        "platform.models[1].name: 'qwen2-5-3b': another model has this name. Write a name of its own.",
    ),
    "two pools of one name": (
        [("tpuPools.1", ANY_POOL)],
        "platform.tpuPools[1].name: 'v6e-2x2': another pool has this name. Write a name of its own.",
    ),
    "no such pool": (
        [("models.0.pool", "v5e")],
        "platform.models[0].pool: 'v5e': there is no such pool in tpuPools. Write one of: v6e-2x2.",
    ),
    "more replicas than slices": (
        [("models.0.replicas", 2)],
        (
            "platform.models[0].replicas: 2: the models on pool v6e-2x2 need 2 slices and it has 1. "
            "Write fewer replicas, or tpuPools slices: 2."
        ),
    ),
    "two models on one slice": (
        [("models.1", {**ANY_MODEL, "name": "second"})],
        (
            "platform.models[1].replicas: 1: the models on pool v6e-2x2 need 2 slices and it has 1. "
            "Write fewer replicas, or tpuPools slices: 2."
        ),
    ),
    "weights beyond any single host": (
        [("models.0.uri", "hf://meta-llama/Llama-3.1-405B-Instruct")],
        (
            "platform.models[0].uri: 'hf://meta-llama/Llama-3.1-405B-Instruct': 405 billion parameters of 2 bytes are 754 GiB of "
            "weights, and 4 chips of 32 GiB leave vLLM 115 GiB: the server runs out of memory while it loads them. Write a "
            "smaller or quantised model: this one needs 32 chips, and a single v6e host has 8. A server over several hosts "
            "(topology: 4x8 of ct6e-standard-4t) is experimental and needs models[0].multiHost.experimental: true."
        ),
    ),
    "weights that a larger host holds": (
        [("models.0.uri", "hf://meta-llama/Llama-3.1-70B-Instruct")],
        (
            "platform.models[0].uri: 'hf://meta-llama/Llama-3.1-70B-Instruct': 70 billion parameters of 2 bytes are 130 GiB of "
            "weights, and 4 chips of 32 GiB leave vLLM 115 GiB: the server runs out of memory while it loads them. Write a "
            "smaller or quantised model, or a pool with machineType: ct6e-standard-8t and topology: 2x4."
        ),
    ),
    "weights of a canary": (
        [
            ("tpuPools.0.slices", 2),
            ("models.0.canary", {"name": "second", "uri": "hf://meta-llama/Llama-3.1-70B-Instruct"}),
        ],
        (
            "platform.models[0].canary.uri: 'hf://meta-llama/Llama-3.1-70B-Instruct': 70 billion parameters of 2 bytes are 130 "
            "GiB of weights, and 4 chips of 32 GiB leave vLLM 115 GiB: the server runs out of memory while it loads them. Write "
            "a smaller or quantised model, or a pool with machineType: ct6e-standard-8t and topology: 2x4."
        ),
    ),
    "a context beyond the memory": (
        [("models.0.maxModelLength", 10000000)],
        (
            "platform.models[0].maxModelLength: 10000000: 3 billion parameters of 2 bytes are 6 GiB of weights, and 4 chips of "
            "32 GiB leave vLLM 115 GiB: the KV cache holds 1596341 tokens, so vLLM ends at start with 'max seq len is larger "
            "than the maximum number of tokens that can be stored in KV cache'. Write at most 1596341, or take a slice with more "
            "chips."
        ),
    ),
    "model on a multi-host pool": (
        [("tpuPools.0.topology", "4x4")],
        (
            "platform.models[0].pool: 'v6e-2x2': pool v6e-2x2 is a multi-host slice, which vLLM on TPU does not serve "
            "reliably. Write a pool with a single-host topology, or models[0].multiHost.experimental: true if you try it anyway."
        ),
    ),
}


@pytest.mark.parametrize(("changes", "message"), CASES.values(), ids=CASES.keys())
def test_message(changes: list[tuple[str, Any]], message: str) -> None:
    """Field, value, reason, remedy, in one line, and only for what is wrong."""
    assert problem(*changes) == message
