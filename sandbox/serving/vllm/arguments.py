"""vLLM's command line as the stand-in needs it, refused where the real one on TPU refuses it.

Owns reading and refusing. Does not own the facts: which flags exist is in `rules.vllm_flags`, what has to agree with what
in `rules.vllm_arguments`, the defaults of speed and blocks in `rules.vllm_performance`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rules import vllm, vllm_arguments, vllm_flags
from rules.vllm_performance import CACHE_BLOCKS, DEFAULT_MAX_MODEL_LENGTH, MAX_REQUESTS

_MULTIPLES: Final = {"k": 10**3, "m": 10**6, "g": 10**9, "K": 2**10, "M": 2**20, "G": 2**30}
_LIST_FLAGS: Final = {"--served-model-name", "--api-key", "--lora-modules", "--middleware"}


class ArgumentError(Exception):
    """The server ends at once with `exit_code`: 2 from the parser, 1 from the engine."""

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the server does, after parsing."""

    model: str
    names: tuple[str, ...]
    port: int
    max_model_length: int
    block_tokens: int
    blocks: int
    max_requests: int
    prefix_caching: bool
    api_keys: tuple[str, ...]
    certificate: str | None
    key: str | None
    quiet_paths: frozenset[str]
    access_log: bool
    shutdown_seconds: float


def parse(program: str, arguments: Sequence[str], *, chips: int | None, accelerator: str | None = None) -> Settings:
    """Reads a command line. `chips` is what the server's pods hold, None when that is not known; `accelerator` the node's label.

    Raises:
        ArgumentError: the real server would end with this command line.
    """
    refused = vllm_flags.unrecognized(arguments)
    if refused:
        raise ArgumentError(f"{program}: error: unrecognized arguments: {' '.join(refused)}")
    values, positional = _collect(arguments)
    if len(positional) > 1:
        raise ArgumentError(f"{program}: error: unrecognized arguments: {' '.join(positional[1:])}")
    model = (values.get("--model") or positional or ["Qwen/Qwen3-0.6B"])[-1]
    reader = _Reader(program, values)
    length = reader.number("--max-model-len", DEFAULT_MAX_MODEL_LENGTH)
    block_tokens = reader.number("--block-size", vllm.default_block_size(length))
    blocks = reader.number("--num-gpu-blocks-override", CACHE_BLOCKS)
    if length > block_tokens * blocks:
        raise ArgumentError(
            f"ValueError: the model's max seq len ({length}) is larger than the maximum number of tokens that can be stored "
            f"in KV cache ({block_tokens * blocks}).",
            1,
        )
    _check_engine(arguments, chips, accelerator)
    _check_model(reader, block_tokens)
    return Settings(
        model=model,
        names=tuple(values.get("--served-model-name") or [model]),
        port=reader.number("--port", vllm.PORT),
        max_model_length=length,
        block_tokens=block_tokens,
        blocks=blocks,
        max_requests=reader.number("--max-num-seqs", MAX_REQUESTS),
        prefix_caching="--no-enable-prefix-caching" not in values,
        api_keys=tuple(values.get("--api-key", [])),
        certificate=reader.text("--ssl-certfile"),
        key=reader.text("--ssl-keyfile"),
        quiet_paths=frozenset((reader.text("--disable-access-log-for-endpoints") or "").split(",")),
        access_log="--disable-uvicorn-access-log" not in values,
        shutdown_seconds=float(reader.number("--shutdown-timeout", 0)),
    )


def _collect(arguments: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Values by full flag name (the last use counts) and what stands alone."""
    values: dict[str, list[str]] = {}
    positional: list[str] = []
    index = 0
    while index < len(arguments):
        written, separator, value = arguments[index].partition("=")
        index += 1
        name = vllm_flags.long_name(written) if written.startswith("-") else None
        if name is None:
            positional.append(arguments[index - 1])
            continue
        found = [value] if separator else []
        limit = 0 if separator else len(arguments) if name in _LIST_FLAGS else int(name[2:] in vllm_flags.VALUED)
        while len(found) < limit and index < len(arguments) and not arguments[index].startswith("--"):
            found.append(arguments[index])
            index += 1
        values[name] = found
    return values, positional


class _Reader:
    def __init__(self, program: str, values: dict[str, list[str]]) -> None:
        self._program = program
        self._values = values

    def text(self, flag: str) -> str | None:
        if flag not in self._values:
            return None
        if not self._values[flag]:
            raise ArgumentError(f"{self._program}: error: argument {flag}: expected one argument")
        return self._values[flag][-1]

    def number(self, flag: str, default: int) -> int:
        text = self.text(flag)
        if text is None:
            return default
        try:
            factor = _MULTIPLES.get(text[-1:], 1)
            number = int(float(text[:-1]) * factor) if factor > 1 else int(text)
        except ValueError:
            raise ArgumentError(f"{self._program}: error: argument {flag}: invalid int value: '{text}'") from None
        if number < 1 and flag != "--shutdown-timeout":
            raise ArgumentError(f"ValueError: {flag[2:].replace('-', '_')} must be greater than zero, got {number}", 1)
        return number


def _check_engine(arguments: Sequence[str], chips: int | None, accelerator: str | None) -> None:
    """What ends the engine after parsing: more parallelism than chips, a KV connector that is made for CUDA."""
    if chips is not None:
        found = vllm_arguments.check_parallelism(arguments, max(chips, 1), accelerator)
        tensor = vllm_arguments.value(arguments, vllm_arguments.TENSOR_PARALLEL) or "1"
        if chips == 0 or any("not enough devices" in finding.reason for finding in found):
            text = f"ValueError: not enough devices: tensor_parallel_size is {tensor}, found {chips} chips"
            raise ArgumentError(text, 1)
    for finding in vllm_arguments.check_connector(arguments):
        raise ArgumentError(f"ValueError: Unsupported connector type: {finding.value}", 1)


def _check_model(reader: _Reader, block_tokens: int) -> None:
    """What the TPU platform refuses: a quantization with CUDA kernels only, a block that its kernel does not take."""
    method = reader.text("--quantization")
    if method is not None and any(finding.certain for finding in vllm.check_quantization(method)):
        raise ArgumentError(f"ValueError: {method} quantization is currently not supported in tpu.", 1)
    if block_tokens not in vllm.BLOCK_SIZES:
        raise ArgumentError(f"ValueError: block_size must be one of {vllm.BLOCK_SIZES}, got {block_tokens}", 1)
