"""Whether a model fits the memory of its chips: weights, and the KV cache of at least one request of full length.

Owns the arithmetic and what a model's name tells about its size. Does not own which chips there are (`tpu`). A name is a
hint of its publisher's: what cannot be read from it is unknown, and nothing is said about it.
Sources: vllm-project/vllm v0.27 (share of memory it takes, KV cache layout, the text of its refusal; 2026-08); shapes from each
model's config.json on Hugging Face (`data/model_shapes.json`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rules.finding import Finding
from rules.tpu.machines import DATA, MACHINE_TYPES

GIB: Final = 1024**3
MEMORY_UTILIZATION: Final = 0.9
"""Share of the memory that vLLM takes for weights and cache unless `--gpu-memory-utilization` says otherwise."""
DTYPE_BYTES: Final[Mapping[str, float]] = {
    "float32": 4.0,
    "bfloat16": 2.0,
    "float16": 2.0,
    "auto": 2.0,
    "fp8": 1.0,
    "int8": 1.0,
    "int4": 0.5,
}
"""Bytes of one parameter, by vLLM's `--dtype` or a quantisation; `auto` is the 16 bits nearly every model is published in."""
_EXPERT_SHARE: Final = 0.8
"""Experts share attention: Mixtral 8x7B has 46.7 billion of 56, 8x22B 141 of 176. The lower share, to accuse no model wrongly."""
_COMFORT: Final = 0.5
"""Share of the usable memory that weights may take on fewer chips so that these are worth proposing: the rest is cache."""

_EXPERTS: Final = re.compile(r"(?<![A-Za-z0-9.])(\d+)x(\d+(?:\.\d+)?)b(?![a-z0-9])", re.IGNORECASE)
_BILLIONS: Final = re.compile(r"(?<![A-Za-z0-9.])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", re.IGNORECASE)
_QUANTISED: Final = (
    (re.compile(r"w4a16|int4|4[-_]?bit|awq|gptq|nf4|mxfp4|nvfp4", re.IGNORECASE), DTYPE_BYTES["int4"]),
    (re.compile(r"w8a8|w8a16|int8|8[-_]?bit|fp8", re.IGNORECASE), DTYPE_BYTES["int8"]),
    (re.compile(r"gpt-oss-|kimi-k2-thinking", re.IGNORECASE), DTYPE_BYTES["int4"]),
    (re.compile(r"deepseek-(v3|r1)(?!-distill)|kimi-k2", re.IGNORECASE), DTYPE_BYTES["fp8"]),
)
"""What names say of quantisation; the last two are models that are published quantised and do not say so."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What the size of a model's KV cache follows from."""

    layers: int
    kv_heads: int
    head_size: int
    """Numbers in one head's key, and in its value."""

    def cache_bytes_per_token(self, tensor_parallel_size: int, bytes_per_value: float = 2.0) -> float:
        """Cache of one token over all cores of a server; heads are copied where there are fewer than cores."""
        return 2 * self.layers * max(self.kv_heads, tensor_parallel_size) * self.head_size * bytes_per_value


def _load() -> dict[str, Shape]:
    table: dict[str, Any] = json.loads((DATA / "model_shapes.json").read_text(encoding="utf-8"))
    return {
        name.lower(): Shape(layers=layers, kv_heads=heads, head_size=size)
        for name, (layers, heads, size) in table["models"].items()
    }


_SHAPES: Final = _load()


def model_shape(name: str) -> Shape | None:
    """The shape of a model by a name such as `Qwen/Qwen2.5-3B-Instruct`; None where it is not known."""
    base = _base(name).lower()
    fitting = [known for known in _SHAPES if base == known or base.startswith(f"{known}-")]
    return _SHAPES[max(fitting, key=len)] if fitting else None


def _base(name: str) -> str:
    """The last part of a name or address, without the revision behind a colon."""
    return name.rstrip("/").partition("://")[2 if "://" in name else 0].partition(":")[0].rsplit("/", 1)[-1]


def parameters_billion(name: str) -> float | None:
    """Parameters of a model as its name tells them, in billions: 3 of `Qwen2.5-3B`, 30 of `Qwen3-30B-A3B`; None of `gpt2`.

    Of `8x7B` it is what the model has at least, because experts share a part.
    """
    base = _base(name)
    experts = _EXPERTS.search(base)
    if experts is not None:
        return int(experts.group(1)) * float(experts.group(2)) * _EXPERT_SHARE
    sizes = [float(size) / (1000 if unit in "mM" else 1) for size, unit in _BILLIONS.findall(base)]
    return max(sizes, default=None)


def bytes_per_parameter(name: str, dtype: str | None = None) -> float:
    """Bytes of one parameter, by `dtype` where it is a known one, else by what the model's name says of its quantisation."""
    for pattern, size in _QUANTISED:
        if pattern.search(name):
            return size
    return DTYPE_BYTES.get(dtype or "auto", DTYPE_BYTES["auto"])


def weights_gib(uri: str) -> float | None:
    """GiB of the files at an address such as `hf://Qwen/Qwen2.5-3B-Instruct`, at least; None where the name does not tell.

    What vLLM quantises while it loads (`--quantization`) is larger on disk; only what the name says of quantisation counts here.
    """
    name = uri.partition("://")[2].partition(":")[0] or uri
    billion = parameters_billion(name)
    return None if billion is None else billion * 1e9 * bytes_per_parameter(name) / GIB


def check_fit(
    *,
    parameters_billion: float | None,
    chips: int,
    hbm_gib_per_chip: int,
    max_model_length: int | None = None,
    bytes_per_parameter: float = 2.0,
    shape: Shape | None = None,
    tensor_parallel_size: int | None = None,
    cache_bytes_per_value: float = 2.0,
    utilization: float = MEMORY_UTILIZATION,
) -> list[Finding]:
    """Whether a model fits the `chips` of one server; paths are `parameters`, `maxModelLength` and `chips`.

    `hbm_gib_per_chip` in GiB, `max_model_length` in tokens. Weights that do not fit, and a cache that holds no single request
    of full length, are certain; that far fewer chips would do is a hint (`certain=False`). Unknown sizes are not judged.
    """
    if parameters_billion is None:
        return []
    usable = chips * hbm_gib_per_chip * utilization
    weights = parameters_billion * 1e9 * bytes_per_parameter / GIB
    memory = f"{chips} chip{'s' if chips > 1 else ''} of {hbm_gib_per_chip} GiB leave vLLM {usable:.0f} GiB"
    sized = (
        f"{parameters_billion:g} billion parameters of {bytes_per_parameter:g} bytes are {weights:.0f} GiB of weights"
    )
    if weights > usable:
        return [
            Finding(
                path="parameters",
                value=parameters_billion,
                reason=f"{sized}, and {memory}: the server runs out of memory while it loads them",
                remedy=_remedy(enough_chips(weights, hbm_gib_per_chip, utilization), hbm_gib_per_chip),
                rule="weights",
            )
        ]
    if shape is not None and max_model_length is not None:
        token = shape.cache_bytes_per_token(tensor_parallel_size or chips, cache_bytes_per_value) / GIB
        room = int((usable - weights) / token)
        if max_model_length > room:
            return [
                Finding(
                    path="maxModelLength",
                    value=max_model_length,
                    reason=(
                        f"{sized}, and {memory}: the KV cache holds {room} tokens, so vLLM ends at start with 'max seq len "
                        "is larger than the maximum number of tokens that can be stored in KV cache'"
                    ),
                    remedy=f"Write at most {room}, or take a slice with more chips."
                    if room
                    else "Take a slice with more chips, or quantised weights.",
                    rule="kv-cache",
                )
            ]
    fewer = enough_chips(weights / _COMFORT, hbm_gib_per_chip, utilization)
    if fewer > chips / 2:
        return []
    return [
        Finding(
            path="chips",
            value=chips,
            reason=(
                f"{sized}, and {memory}: {fewer} chip{'s' if fewer > 1 else ''} would hold the model with half the memory "
                "left for its cache"
            ),
            remedy="Take a smaller slice, unless throughput or long prompts need this one.",
            certain=False,
            rule="oversized",
        )
    ]


def check_heads(shape: Shape | None, tensor_parallel_size: int) -> list[Finding]:
    """Whether tensor parallelism makes copies of KV heads: right, but each copy is cache that holds nothing new."""
    if shape is None or tensor_parallel_size <= shape.kv_heads:
        return []
    copies = tensor_parallel_size / shape.kv_heads
    return [
        Finding(
            path="tensorParallelSize",
            value=tensor_parallel_size,
            reason=f"the model has {shape.kv_heads} KV heads, so each is kept {copies:g} times and the cache holds fewer tokens",
            remedy=f"Write at most {shape.kv_heads} where the weights fit, and serve the rest by further servers.",
            certain=False,
            rule="kv-heads",
        )
    ]


def largest_host(hbm_gib_per_chip: int) -> int | None:
    """Chips of that memory in the largest machine that makes a slice alone; None for chips that are not known."""
    return max(
        (m.chips_per_vm for m in MACHINE_TYPES.values() if m.single_host and m.hbm_gib_per_chip == hbm_gib_per_chip),
        default=None,
    )


def _remedy(chips: int, hbm_gib_per_chip: int) -> str:
    largest = largest_host(hbm_gib_per_chip)
    if largest is None or chips <= largest:
        return f"Take a slice of at least {chips} chips, or quantised weights."
    return (
        f"Take quantised weights or a smaller model: these need at least {chips} chips, and no single host has more than "
        f"{largest} of them; vLLM on TPU does not serve reliably over several."
    )


def enough_chips(gib: float, hbm_gib_per_chip: int, utilization: float = MEMORY_UTILIZATION) -> int:
    """The smallest power of two of chips whose usable memory is at least that; slices double in size."""
    chips = 1
    while chips * hbm_gib_per_chip * utilization < gib:
        chips *= 2
    return chips
