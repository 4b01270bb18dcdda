"""vLLM on TPU and the endpoint picker before it."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.cases.parts import on_tpu
from tests.policies.harness import UNKNOWN, Made, kubernetes
from tests.policies.objects import (
    deployment,
    llm,
    llm_config,
    probe,
    selector,
    server,
    web,
)


def group(size: int, chips: int, parallel: int) -> Made:
    """A LeaderWorkerSet of vLLM servers on a 4x4 slice."""
    limits = {"google.com/tpu": chips}
    pod = {
        "nodeSelector": selector("4x4"),
        "containers": [server(resources={"limits": limits}, args=["--served-model-name=qwen", f"-tp={parallel}"])],
    }
    template = {"spec": pod}
    body = {"leaderWorkerTemplate": {"size": size, "leaderTemplate": template, "workerTemplate": template}}
    return kubernetes("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "qwen", spec=body)


LENGTH = ["--served-model-name=qwen", "--tensor-parallel-size=4", "--max-model-len=8192"]


def picked(
    *,
    scorer: Any = None,
    producer: Any = None,
    detector: Any = None,
    other: str = "max-score-picker",
    profile: Any = ("prefix-cache-scorer",),
    args: Any = (),
    **fields: Any,
) -> Made:
    """An LLMInferenceService whose endpoint picker has a configuration of its own."""
    plugins: list[Any] = [
        {"type": "prefix-cache-scorer", "parameters": scorer or {}},
        {"type": "approx-prefix-cache-producer", "parameters": producer or {}},
        {"type": "utilization-detector", "parameters": detector or {}},
        {"type": other},
    ]
    config = {
        "apiVersion": "llm-d.ai/v1alpha1",
        "kind": "EndpointPickerConfig",
        "plugins": plugins,
        "schedulingProfiles": [{"name": "default", "plugins": [{"pluginRef": name} for name in profile]}],
        **fields,
    }
    router = {"scheduler": {"config": {"inline": config}}, "route": {"http": {"refs": [{"name": "qwen"}]}}}
    template = {"nodeSelector": selector("2x2"), "containers": [server(args=list(args))]}
    return llm(router, template=template)


def referred(text: str | None) -> tuple[Made, ...]:
    """An LLMInferenceService that refers to a ConfigMap, and that with the text."""
    router = {"scheduler": {"config": {"ref": {"name": "picker"}}}, "route": {"http": {"refs": [{"name": "qwen"}]}}}
    data = {} if text is None else {"epp": text}
    return llm(router), kubernetes("v1", "ConfigMap", "picker", data=data)


CASES: Final[Cases] = {
    "vllm-server": [
        fail(
            "tensor-parallel",
            "only 4 cores",
            on_tpu(server(args=["--served-model-name=qwen", "--tensor-parallel-size=8"])),
        ),
        fail("tensor-parallel", "2 of 4 cores idle", on_tpu(server(args=["--served-model-name", "qwen", "-tp", "2"]))),
        fail("tensor-parallel", "12 of 16 cores idle", group(4, 4, 4)),
        fail("group", "a 4x4 slice is 16 chips", group(2, 4, 8)),
        fail("served-name", "spec.model.name is 'qwen'", on_tpu(server(args=["--served-model-name=other", "-tp=4"]))),
        fail("port", "--port 9000", on_tpu(server(args=["--served-model-name=qwen", "-tp=4", "--port", "9000"]))),
        fail("kv-cache-dtype", "its fp8 is e5m2", on_tpu(server(args=[*LENGTH, "--kv-cache-dtype=fp8_e4m3"]))),
        fail("quantization", "has CUDA kernels only", on_tpu(server(args=[*LENGTH, "-q", "gptq_marlin"]))),
        good(on_tpu(server(args=[*LENGTH, "--kv-cache-dtype=fp8_e5m2", "--quantization=fp8"]))),
        good(on_tpu(server(args=["--served-model-name=qwen", "-tp=2", "-dp=2"]))),
        fail("port", "routing sidecar", on_tpu(server(args=[*LENGTH, "--port=8000"]), prefill={})),
        near(on_tpu(server(args=[*LENGTH, "--port=8001"]), prefill={})),
        near(on_tpu(server(args=[*LENGTH, "--quantization=newer"]))),
        fail(
            "kv-connector",
            "does not run on TPU",
            on_tpu(
                server(
                    args=[
                        "--served-model-name=qwen",
                        "-tp=4",
                        "--kv-transfer-config",
                        '{"kv_connector": "NixlConnector"}',
                    ]
                )
            ),
        ),
        fail("kv-connector", "spec.kvCacheOffloading", llm(kvCacheOffloading={"cpu": "10Gi"})),
        missing("image", "built for CUDA", on_tpu(server(image=None))),
        missing("tensor-parallel", "is 1 where it is not written", on_tpu(server(args=["--served-model-name=qwen"]))),
        missing("served-name", "serves the model as '/mnt/models'", on_tpu(server(args=["-tp=4"]))),
        missing(
            "tensor-parallel",
            "spec.parallelism.tensor is missing",
            on_tpu(server(command=None, args=["--max-model-len=8"])),
        ),
        unknown("undecided", "args[0] is '(unknown)'", on_tpu(server(args=[UNKNOWN]))),
        good(llm()),
        good(
            on_tpu(
                server(command=["bash", "-c", "exec vllm serve /mnt/models --served-model-name qwen -tp 4"], args=None)
            )
        ),
        good(group(4, 4, 16)),
        near(
            on_tpu(
                server(
                    args=[
                        "--served-model-name",
                        "alias",
                        "qwen",
                        "--tensor-parallel-size=2",
                        "--pipeline-parallel-size=2",
                    ]
                )
            )
        ),
        near(on_tpu(server(command=None, args=["--max-model-len=8"]), parallelism={"tensor": 4})),
        near(deployment(server(resources=None, args=["-tp=8"]))),
        near(deployment(web(resources={"limits": {"google.com/tpu": 4}}))),
    ],
    "tpu-startup-budget": [
        fail("startup", "is '300 s in all'", on_tpu(server(startupProbe=probe(periodSeconds=10, failureThreshold=30)))),
        fail("startup", "is '600 s in all'", llm(None, template={"containers": [server(startupProbe=None)]})),
        fail(
            "startup",
            "is '1000 s in all'",
            on_tpu(server(startupProbe__failureThreshold=100)),
            config={"minimumSeconds": 1800},
        ),
        missing("startup", "kills the server after 60 s", deployment(server(startupProbe=None))),
        missing("", "", deployment(server(startupProbe=None, livenessProbe=None))),
        unknown("undecided", "failureThreshold is '(unknown)'", on_tpu(server(startupProbe__failureThreshold=UNKNOWN))),
        good(llm()),
        good(on_tpu(server(startupProbe=probe(initialDelaySeconds=600, periodSeconds=30, failureThreshold=10)))),
        near(deployment(web(startupProbe=probe(failureThreshold=3)))),
        near(deployment(server(startupProbe=None, livenessProbe=probe(initialDelaySeconds=900)))),
        near(
            llm(None, template={"containers": [server(startupProbe=None)]}),
            llm_config(
                "kserve-config-llm-template",
                template={"containers": [{"name": "main", "startupProbe": probe(failureThreshold=200)}]},
            ),
        ),
    ],
    "endpoint-picker-config": [
        fail("strict", "saturation is 'set'", picked(saturation={"queueDepthThreshold": 5})),
        fail("strict", "no plugin of that name is declared", picked(profile=["queue-scorer"])),
        fail("strict", "it decodes no such kind", picked(kind="PickerConfig")),
        fail("strict", "approx-prefix-cache-producer is no filter", picked(profile=["approx-prefix-cache-producer"])),
        fail("parameter", "KServe 0.20 removes it", picked(scorer={"lruCapacityPerServer": 31250})),
        fail("parameter", "has no such parameter in v0.9.0", picked(detector={"queueDepth": 5})),
        near(picked(other="a-scorer-of-another-version")),
        fail("block-size", "Write 256", picked(producer={"autoTune": False, "blockSizeTokens": 16}, args=LENGTH)),
        fail("strict", "this is no EndpointPickerConfig", *referred("plugins: [")),
        fail("strict", "data.epp.plugin is", *referred("plugin: []")),
        missing("", "", llm()),
        missing("strict", "data.epp is missing", *referred(None)),
        unknown("undecided", "is '(unknown)'", picked(kind=UNKNOWN)),
        good(picked()),
        good(picked(producer={"autoTune": False, "blockSizeTokens": 32}, args=["--block-size=32"])),
        good(*referred("apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins: []\n")),
        near(picked(producer={"autoTune": True, "blockSizeTokens": 16}, args=LENGTH)),
        near(picked(apiVersion="inference.networking.x-k8s.io/v1alpha1")),
    ],
}
