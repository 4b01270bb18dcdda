"""Commands of vLLM servers that the tests start."""

from __future__ import annotations

SERVE = ["vllm", "serve", "/mnt/models", "--served-model-name", "qwen", "other", "--max-model-len=2048"]


FAST = {"SANDBOX_VLLM_SPEED": "100"}
