"""What vLLM is started with: one typed setting for each flag that matters on TPU."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveInt

from components.settings.base import Section
from components.settings.checks import findings
from rules import vllm


def check_quantization(value: str) -> str:
    """A quantization that runs on TPU."""
    findings(vllm.check_quantization(value), "")
    return value


class ServerFlags(Section):
    """Flags of the vLLM server. What is left out is vLLM's own choice; port, names and parallelism follow from the platform."""

    tensor_parallel_size: PositiveInt | None = None
    """Chips that one copy of the model is spread over (two a chip on tpu7x); left out, the whole slice. A smaller number runs
    several copies in each server, side by side in one pod, because GKE gives a pod all chips of a node."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Type of weights and activations; auto is what the model says, and bfloat16 is what TPUs are made for."""
    quantization: Annotated[str, AfterValidator(check_quantization)] | None = None
    """How the weights are quantized, where the model does not say so itself: fp8, compressed-tensors, awq, mxfp4, tpu_int8."""
    kv_cache_dtype: Literal["auto", "bfloat16", "fp8", "fp8_e5m2", "fp8_e4m3"] = "auto"
    """Type of the KV cache; fp8_e5m2 holds twice the tokens on v6e, at some loss of precision."""
    gpu_memory_utilization: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of the chips' memory for weights and KV cache; vLLM's own is 0.9. The name is vLLM's, on TPU as well."""
    max_num_seqs: PositiveInt | None = None
    """Requests that are computed together at most; each doubling is one more program to compile at start."""
    max_num_batched_tokens: PositiveInt | None = None
    """Tokens of one step at most; the larger, the sooner first tokens come and the longer the start takes."""
    enable_prefix_caching: bool = True
    """Keep the KV cache of prompts' beginnings for the next request that shares them."""
    block_size: Literal[16, 32, 64, 128, 256] | None = None
    """Tokens of a KV cache block; left out, what vLLM on TPU takes for this context length. The endpoint picker follows it."""
    tool_call_parser: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")] | None = None
    """Parser of the model's tool calls, such as hermes; turns automatic tool choice on."""
    reasoning_parser: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")] | None = None
    """Parser of the model's reasoning, such as qwen3."""
    chat_template: Annotated[str, Field(pattern=r"^/\S+$")] | None = None
    """Path of a chat template in the server's container, such as /mnt/models/chat_template.jinja."""
    trust_remote_code: bool = False
    """Run Python code that comes with the weights. Whoever can change them can then run code in the server."""
    shared_memory_gib: Annotated[PositiveInt, Field(le=512)] = vllm.SHARED_MEMORY_GIB
    """Size of /dev/shm in GiB, taken from the node's memory as it is used."""
