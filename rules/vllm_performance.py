"""How fast one vLLM server on TPU v6e is, and how much its prefix cache holds.

Owns the figures of one server. They are calibrated to what operators measured, not to the chip's peak: one replica of a
3B model on four v6e chips did 5 to 7 requests a second, three with prefix-aware routing 15 to 20 (report of 2026-02-12).
Does not own start-up (`startup.py`) nor block sizes (`vllm.py`). Sources of the rest stand with each figure.
"""

from __future__ import annotations

from typing import Final

PREFILL_TOKENS_PER_SECOND: Final = 8000.0
"""Prompt tokens computed per second, one prompt after another, since prefill is bound by compute: at about 1,300 uncached
tokens a request, the middle of a chat workload, this gives the six requests a second of the report."""
SECONDS_PER_OUTPUT_TOKEN: Final = 0.02
"""One decoding step. The same for one request and for a full batch, since decoding is bound by memory bandwidth."""
REQUEST_OVERHEAD_SECONDS: Final = 0.01
"""Tokenizing, scheduling and HTTP of one request."""
MAX_REQUESTS: Final = 256
"""vLLM's `--max-num-seqs` where it is not written (vllm/engine/arg_utils.py)."""
CACHE_BLOCKS: Final = 31250
"""Blocks of a server's KV cache: the endpoint picker's own assumption about a server (lruCapacityPerServer of
approx-prefix-cache-producer, gateway-api-inference-extension v1.5.0)."""
BYTES_PER_TOKEN: Final = 4
"""Mean length of a token of English text; the endpoint picker hashes prompts with the same number."""

DEFAULT_MAX_MODEL_LENGTH: Final = 32768
"""Context window where `--max-model-len` is not written: the model's own, here that of Qwen2.5-3B-Instruct."""
