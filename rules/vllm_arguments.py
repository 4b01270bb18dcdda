"""vLLM's command line on TPU: what each argument has to agree with.

Owns reading a command line and judging it against chips, names and ports. Does not own the facts about the server process
(`vllm.py`). Sources: vllm-project/vllm and vllm-project/tpu-inference v0.27 (2026-08); kserve/kserve v0.20.0.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from typing import Any, Final, cast

from rules.finding import Finding
from rules.kserve import POOL_PORT
from rules.tpu import MACHINE_TYPES
from rules.vllm import check_kv_cache_dtype, check_quantization

TENSOR_PARALLEL: Final = ("--tensor-parallel-size", "-tp")
PIPELINE_PARALLEL: Final = ("--pipeline-parallel-size", "-pp")
DATA_PARALLEL: Final = ("--data-parallel-size", "-dp")
"""Copies of the model in one server, which on TPU share one engine and one port (tpu-inference#865, vllm#27365)."""
BLOCK_SIZE: Final = ("--block-size",)
MAX_MODEL_LENGTH: Final = ("--max-model-len",)
KV_CACHE_DTYPE: Final = ("--kv-cache-dtype",)
QUANTIZATION: Final = ("--quantization", "-q")
SERVED_NAME: Final = ("--served-model-name",)
PORT_FLAG: Final = ("--port",)
KV_TRANSFER: Final = ("--kv-transfer-config",)
TPU_CONNECTORS: Final = ("TPUConnector", "TPUConnectorHMA", "TPUOffloadConnector", "RaidenOffloadConnector")
"""The KV connectors that run on TPU (tpu-inference, 2026-08); others import CUDA code and end the server."""
CORES_PER_CHIP: Final = {machine.node_label: machine.cores_per_chip for machine in MACHINE_TYPES.values()}
"""Cores per chip by accelerator label. Tensor parallelism counts cores."""


def split(words: Iterable[str]) -> list[str]:
    """A command line as single arguments; shell scripts in it are split as a shell would."""
    found: list[str] = []
    for word in words:
        if " " in word and ("vllm" in word or word.lstrip().startswith("--")):
            try:
                found += shlex.split(word)
            except ValueError:
                found += word.split()
        else:
            found.append(word)
    return found


def values(arguments: Sequence[str], flags: Iterable[str]) -> list[str]:
    """The values of a flag, which may be given as `--flag value…` or `--flag=value`; the last use counts."""
    names, found = set(flags), list[str]()
    for index, argument in enumerate(arguments):
        name, separator, value = argument.partition("=")
        if name not in names:
            continue
        if separator:
            found = [value]
            continue
        found = []
        for following in arguments[index + 1 :]:
            if following.startswith("-"):
                break
            found.append(following)
    return found


def value(arguments: Sequence[str], flags: Iterable[str]) -> str | None:
    """The first value of a flag; None when it is not given."""
    return next(iter(values(arguments, flags)), None)


def check_parallelism(
    arguments: Sequence[str], chips: int, accelerator: str | None, *, pods: int | None = 1, path: str = "args"
) -> list[Finding]:
    """Whether tensor × pipeline × data parallelism uses the chips of the `pods` of one server; None is not known."""
    tensor = value(arguments, TENSOR_PARALLEL)
    if pods is None or (tensor is not None and not tensor.isdecimal()):
        return []
    cores = chips * pods * CORES_PER_CHIP.get(accelerator or "", 1)
    size = int(tensor or 1) * _factor(arguments, PIPELINE_PARALLEL) * _factor(arguments, DATA_PARALLEL)
    if size == cores or (accelerator == "tpu7x" and size == chips * pods):
        return []
    where = f"{chips} chip{'s' if chips > 1 else ''} per pod" + (f" and {pods} pods" if pods > 1 else "")
    if size > cores:
        reason = f"with {where} there are only {cores} cores, so vLLM ends at start with 'not enough devices'"
    else:
        reason = f"with {where} the server leaves {cores - size} of {cores} cores idle, and may not fit its model"
    return [
        Finding(
            path=path,
            value=f"{TENSOR_PARALLEL[0]} {tensor}" if tensor else None,
            reason=reason if tensor else f"{reason} ({TENSOR_PARALLEL[0]} is 1 where it is not written)",
            remedy=f"Write {TENSOR_PARALLEL[0]}={cores}, the chips of the slice.",
            rule="tensor-parallel",
        )
    ]


def _factor(arguments: Sequence[str], flags: Iterable[str]) -> int:
    written = value(arguments, flags)
    return int(written) if written is not None and written.isdecimal() else 1


def check_served_name(arguments: Sequence[str], model_name: str, path: str = "args") -> list[Finding]:
    """Whether clients can ask for the name that the service declares."""
    names = values(arguments, SERVED_NAME)
    if not names or model_name in names:
        return []
    return [
        Finding(
            path=path,
            value=f"{SERVED_NAME[0]} {' '.join(names)}",
            reason=f"spec.model.name is '{model_name}'; the router and clients ask for that name, and vLLM answers 404 "
            "'model does not exist'",
            remedy=f"Write {SERVED_NAME[0]}={model_name}, or change spec.model.name.",
            rule="served-name",
        )
    ]


def check_served_name_written(arguments: Sequence[str], path: str = "args") -> list[Finding]:
    """Whether a command line of one's own gives the model a name; else vLLM serves it under its path."""
    if values(arguments, SERVED_NAME):
        return []
    return [
        Finding(
            path=path,
            value=None,
            reason=f"a command of one's own without {SERVED_NAME[0]} serves the model as '/mnt/models', and requests for "
            "its name end in 404 'model does not exist'",
            remedy=f"Write {SERVED_NAME[0]}= and the model's name.",
            rule="served-name",
        )
    ]


def check_port_flag(arguments: Sequence[str], path: str = "args", expected: int = POOL_PORT) -> list[Finding]:
    """Whether the server of an LLMInferenceService listens where KServe sends requests: its Service and pool, or a sidecar."""
    port = value(arguments, PORT_FLAG)
    if port is None or port == str(expected):
        return []
    sender = "Service and InferencePool send" if expected == POOL_PORT else "routing sidecar sends"
    return [
        Finding(
            path=path,
            value=f"--port {port}",
            reason=f"KServe's {sender} requests to port {expected} and cannot be told another",
            remedy=f"Write --port={expected} or leave it out.",
            rule="port",
        )
    ]


def check_types(arguments: Sequence[str], accelerator: str | None, path: str = "args") -> list[Finding]:
    """Whether the TPU has the types that weights and KV cache are asked for in; an unknown accelerator has any."""
    quantization, cache = (value(arguments, flags) for flags in (QUANTIZATION, KV_CACHE_DTYPE))
    findings = [] if quantization is None else check_quantization(quantization, path)
    generation = next((m.generation for m in MACHINE_TYPES.values() if m.node_label == accelerator), "")
    if cache is not None:
        findings += check_kv_cache_dtype(cache, generation, path)
    return findings


def check_connector(arguments: Sequence[str], path: str = "args") -> list[Finding]:
    """Whether a KV connector runs on TPU."""
    text = value(arguments, KV_TRANSFER)
    try:
        config: Any = json.loads(text or "{}")
    except ValueError:
        return []
    name = cast("dict[str, Any]", config).get("kv_connector") if isinstance(config, dict) else None
    if not isinstance(name, str) or name in TPU_CONNECTORS:
        return []
    return [
        Finding(
            path=path,
            value=name,
            reason="this KV connector does not run on TPU, and the server ends at start",
            remedy=f"Write one of {', '.join(TPU_CONNECTORS)}, or leave {KV_TRANSFER[0]} out.",
            rule="kv-connector",
        )
    ]


def check_offloading(path: str = "spec.kvCacheOffloading") -> Finding:
    """The finding for KServe's KV cache offloading on TPU."""
    return Finding(
        path=path,
        value="set",
        reason="KServe turns it into vLLM's OffloadingConnector, which does not run on TPU: the server ends at start",
        remedy="Leave kvCacheOffloading out.",
        rule="kv-connector",
    )
