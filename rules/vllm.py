"""vLLM on TPU: what it serves, on which port, how long it takes to start, and which flags it refuses.

Owns facts about the server process. Does not own how KServe wraps it (`kserve.py`).
Sources: vllm-project/vllm and vllm-project/tpu-inference (2026-08); llm-d's v6e recipe (2026); operators' reports.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

from rules.finding import Finding

PORT: Final = 8000
"""TCP port of the server; KServe fixes it (llmisvc workload.go, v0.20.0)."""

HEALTH_PATH: Final = "/health"
"""Answers 200 once the engine runs; on v6e that can be before XLA compilation ends (vllm-project/vllm#15313)."""
MODELS_PATH: Final = "/v1/models"
COMPLETIONS_PATH: Final = "/v1/completions"
CHAT_COMPLETIONS_PATH: Final = "/v1/chat/completions"
METRICS_PATH: Final = "/metrics"
ENDPOINTS: Final = (HEALTH_PATH, MODELS_PATH, COMPLETIONS_PATH, CHAT_COMPLETIONS_PATH, METRICS_PATH)
"""What the server answers; `/` is 404, which is why GKE's default health check fails."""
PROBE_PATHS: Final = (HEALTH_PATH, MODELS_PATH, METRICS_PATH)
"""Endpoints that answer a plain GET with 200."""

TYPICAL_STARTUP_SECONDS: Final = (240, 360)
"""From pod start to Ready for a 3B model on ct6e-standard-4t (operator's report, 2026-02-12)."""
STARTUP_BUDGET_SECONDS: Final = 3600
"""Startup probe window of llm-d's v6e recipe: 120 failures × 30 s; XLA compiles every bucket first."""

REJECTED_FLAGS: Final[Mapping[str, str]] = {
    "--prefix-cache-block-size": "--block-size",
    "--device": "nothing: the TPU image finds its chips itself",
    "--swap-space": "nothing: there is no swap space for the KV cache on TPU",
    "--num-scheduler-steps": "nothing: the V1 engine schedules every step",
    "--enable-reasoning": "--reasoning-parser alone",
}
"""Flags that guides write and vLLM does not have, and what is meant: argparse ends the server at once. The first never existed
(operator's report, 2026-02); --device went in 0.10 (vllm#21349), --swap-space in 0.18, the others with the V0 engine."""

QUANTIZATIONS: Final = ("tpu_int8", "compressed-tensors", "awq", "fp8", "mxfp4")
"""What `supported_quantization` of tpu-inference's platform lists (2026-08); the model configuration is refused with others."""
UNSUPPORTED_QUANTIZATIONS: Final = ("gptq", "gptq_marlin", "awq_marlin", "bitsandbytes", "gguf", "modelopt")
"""Methods with CUDA kernels only; GPTQ was open in tpu-inference#1966 (2026-03)."""
KV_CACHE_DTYPES: Final[Mapping[str, tuple[str, ...]]] = {"v6e": ("auto", "bfloat16", "fp8", "fp8_e5m2")}
"""By TPU generation, where it is known: on v6e an fp8 cache is e5m2, also where it is written as fp8 (tpu_platform.py)."""

XLA_CACHE_VARIABLE: Final = "VLLM_XLA_CACHE_PATH"
"""Where compiled programs are kept; tpu-inference hands it to JAX (runner/compilation_manager.py, 2026-08)."""
DEFAULT_XLA_CACHE: Final = "~/.cache/vllm/xla_cache"
HUGGING_FACE_CACHE_VARIABLE: Final = "HF_HUB_CACHE"
HUGGING_FACE_TOKEN_VARIABLE: Final = "HF_TOKEN"  # noqa: S105 - the name of a variable
MULTI_HOST_VARIABLE: Final = "TPU_MULTIHOST_BACKEND"
"""Has to say ray for a server over several hosts; without it, one host is used (tpu-inference, 2026-08)."""
SHARED_MEMORY_GIB: Final = 16
"""Shared memory of tpu-inference's own test containers; KServe's preset has 1 GiB."""

BLOCK_SIZES: Final = (16, 32, 64, 128, 256)
"""Tokens of a KV cache block that the TPU attention kernel takes: powers of two."""
SHORT_CONTEXT: Final = 8192
"""Up to this context length the default block grows with it; above it is 16 tokens."""

MAXIMUM_REQUEST_SECONDS: Final = 86400
"""Longest wait for one answer that settings take: a day."""
MINIMUM_REQUEST_SECONDS: Final = 600
"""Shortest wait that is derived: a short context can still queue behind others."""
SLOW_TOKENS_PER_SECOND: Final = 15
"""What a loaded server still generates for one of its requests; a reader's pace is 5 to 10."""


def default_block_size(max_model_length: int) -> int:
    """Tokens of a KV cache block where --block-size is not written (tpu-inference, 2026-08).

    16 for contexts above 8192 tokens; for shorter ones a sixteenth of the next power of two, from 16 to 256.
    """
    if max_model_length > SHORT_CONTEXT:
        return BLOCK_SIZES[0]
    power = 1 << (max_model_length - 1).bit_length()
    return min(max(power // 16, BLOCK_SIZES[0]), BLOCK_SIZES[-1])


def longest_generation_seconds(max_model_length: int, tokens_per_second: int = SLOW_TOKENS_PER_SECOND) -> int:
    """How long the longest answer of a model takes: a whole context at that speed, and no less than ten minutes."""
    seconds = math.ceil(max_model_length / tokens_per_second)
    return min(max(seconds, MINIMUM_REQUEST_SECONDS), MAXIMUM_REQUEST_SECONDS)


def check_kv_cache_dtype(dtype: str, generation: str, path: str = "kvCacheDtype") -> list[Finding]:
    """Whether a TPU generation keeps its KV cache in that type; generations that are not known are not judged."""
    known = KV_CACHE_DTYPES.get(generation)
    if known is None or dtype in known:
        return []
    return [
        Finding(
            path=path,
            value=dtype,
            reason=f"{generation} has no such KV cache: its fp8 is e5m2, and the server ends while it compiles",
            remedy=f"Write one of {', '.join(known)}.",
            rule="kv-cache-dtype",
        )
    ]


def check_quantization(method: str, path: str = "quantization") -> list[Finding]:
    """Whether weights quantized that way run on TPU; a method that is not known is reported as uncertain."""
    if method in QUANTIZATIONS:
        return []
    known = method in UNSUPPORTED_QUANTIZATIONS
    return [
        Finding(
            path=path,
            value=method,
            reason=f"{method} {'has CUDA kernels only' if known else 'is not known to run on TPU'}, and vLLM refuses the model "
            "configuration at start",
            remedy=f"Write one of {', '.join(QUANTIZATIONS)}, or leave it out for weights as they are.",
            certain=known,
            rule="quantization",
        )
    ]


def check_arguments(arguments: Iterable[str]) -> list[Finding]:
    """Which of these command line arguments end vLLM on TPU; paths are `[index]`."""
    findings: list[Finding] = []
    for index, argument in enumerate(arguments):
        for flag, instead in REJECTED_FLAGS.items():
            if _writes(argument, flag):
                findings.append(
                    Finding(
                        path=f"[{index}]",
                        value=argument,
                        reason=f"vLLM has no {flag}: it ends with 'unrecognized arguments' and the pod crash-loops",
                        remedy=f"Write {instead}.",
                        rule="flag",
                    )
                )
    return findings


def _writes(argument: str, flag: str) -> bool:
    """Whether an argument, or a shell script in one, uses a flag; underscores count as dashes."""
    return any(word.partition("=")[0].replace("_", "-") == flag for word in argument.split() if word.startswith("--"))
