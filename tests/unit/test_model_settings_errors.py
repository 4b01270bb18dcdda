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
            f"platform.models[0].name: '{'m' * 39}': string should have at most 38 characters. It is: Name of the "
            "LLMInferenceService; part of the URL and of every object KServe makes for it"
        ),
    ),
    "startup budget": (
        [("models.0.startupMinutes", 1)],
        (
            "platform.models[0].startupMinutes: 1: input should be greater than or equal to 15. It is: How long a server may "
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
    "model on a multi-host pool": (
        [("tpuPools.0.topology", "4x4")],
        (
            "platform.models[0].pool: 'v6e-2x2': pool v6e-2x2 is a multi-host slice, which vLLM on TPU does not serve "
            "reliably. Write a pool with a single-host topology."
        ),
    ),
}


@pytest.mark.parametrize(("changes", "message"), CASES.values(), ids=CASES.keys())
def test_message(changes: list[tuple[str, Any]], message: str) -> None:
    """Field, value, reason, remedy, in one line, and only for what is wrong."""
    assert problem(*changes) == message
