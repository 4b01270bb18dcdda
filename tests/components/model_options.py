"""Models with each option turned on, for tests that ask others about their graphs: the pack, a real API server."""

from __future__ import annotations

from typing import Any, Final

from tests.committed import one_slice

EVERY_FLAG: Final[dict[str, Any]] = {
    "tensorParallelSize": 2,
    "dtype": "bfloat16",
    "quantization": "fp8",
    "kvCacheDtype": "fp8_e5m2",
    "gpuMemoryUtilization": 0.85,
    "maxNumSeqs": 64,
    "maxNumBatchedTokens": 4096,
    "blockSize": 32,
    "toolCallParser": "hermes",
    "reasoningParser": "qwen3",
    "chatTemplate": "/mnt/models/t.jinja",
    "trustRemoteCode": True,
    "sharedMemoryGib": 32,
}
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "flags": {"server": EVERY_FLAG, "extraArgs": ["--seed=7"]},
    "volumes": {"weights": {"cache": "persistentVolume"}, "compileCache": {"kind": "persistentVolume"}},
    "resources": {"resources": {"cpu": "35500m", "memory": "200Gi", "ephemeralStorage": "30Gi"}},
    "disk": {"weights": {"cache": "hyperdiskMl", "disk": {"name": "weights", "size": "100Gi", "path": "qwen"}}},
    "autoscaler": {"replicas": None, "autoscaling": {"maxReplicas": 3}},
    "adapter": {"replicas": None, "autoscaling": {"maxReplicas": 3, "source": "managed-prometheus"}},
    "priority": {"priority": {"value": 1000}, "replicas": 3, "allowRoot": False},
    "shutdown": {"shutdown": {"drainSeconds": 60, "finishSeconds": 900}, "longestRequestSeconds": 1800},
    "picker": {"endpointPicker": {"replicas": 2, "cpu": "1250m"}, "healthCheck": {"timeoutSeconds": 5}},
    "canary": {"canary": {"name": "next", "weight": 10, "image": "vllm/vllm-tpu:v0.28.0"}},
    "lora": {"lora": {"adapters": [{"name": "sql", "uri": "hf://org/sql"}], "maxRank": 32}, "endpointPicker": {}},
    "prefill": {"prefill": {"experimental": True, "extraArgs": ["--seed=3"]}},
    "several hosts": {"multiHost": {"experimental": True}},
}


def with_option(name: str) -> dict[str, Any]:
    """The settings of dev with one option of its model, on a pool and a cluster that have what it needs."""
    changes, settings = OPTIONS[name], one_slice()
    model = {**settings["models"][0], **changes}
    settings["models"] = [{field: value for field, value in model.items() if value is not None}]
    settings["cluster"]["minimumVersion"] = "1.35.1-gke.1396000"
    shape = {"topology": "4x4"} if "multiHost" in changes else {"slices": 4}
    settings["tpuPools"] = [{**settings["tpuPools"][0], **shape}]
    return settings
