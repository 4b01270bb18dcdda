"""The metrics that vLLM serves under /metrics, as far as routing, scaling and dashboards ask for them.

Owns names, labels and histogram buckets. Does not own what a server does (`vllm.py`).
Sources: vllm-project/vllm, vllm/v1/metrics/loggers.py and buckets.py (2026-08); the endpoint picker's defaults of
kubernetes-sigs/gateway-api-inference-extension v1.5.0 (pkg/epp/server/options.go), which asks for the same names.
"""

from __future__ import annotations

from typing import Final

RUNNING: Final = "vllm:num_requests_running"
WAITING: Final = "vllm:num_requests_waiting"
KV_CACHE_USAGE: Final = "vllm:kv_cache_usage_perc"
"""A fraction from 0 to 1, in spite of its name; `vllm:gpu_cache_usage_perc` is its deprecated one."""
CACHE_CONFIG: Final = "vllm:cache_config_info"
"""Always 1; its labels `block_size` and `num_gpu_blocks` tell the endpoint picker how to hash prompts."""
PREFIX_QUERIES: Final = "vllm:prefix_cache_queries_total"
PREFIX_HITS: Final = "vllm:prefix_cache_hits_total"
"""Both count tokens, not requests."""
PROMPT_TOKENS: Final = "vllm:prompt_tokens_total"
GENERATION_TOKENS: Final = "vllm:generation_tokens_total"
REQUEST_SUCCESS: Final = "vllm:request_success_total"
"""By `finished_reason`: stop, length, abort."""
TIME_TO_FIRST_TOKEN: Final = "vllm:time_to_first_token_seconds"  # noqa: S105 - no secret
TIME_TO_FIRST_TOKEN_BUCKET: Final = f"{TIME_TO_FIRST_TOKEN}_bucket"
"""The histogram's counts, by upper bound `le`."""
END_TO_END_LATENCY: Final = "vllm:e2e_request_latency_seconds"
QUEUE_TIME: Final = "vllm:request_queue_time_seconds"

MODEL_LABEL: Final = "model_name"
"""The first of the served names."""

TIME_TO_FIRST_TOKEN_BUCKETS: Final = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0),
    *(160.0, 640.0, 2560.0),
)
REQUEST_LATENCY_BUCKETS: Final = (
    *(0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0),
    *(1920.0, 7680.0),
)
