"""Two HTTP inference servers of operators' reports: what they really answer, and how they behaved under load.

Owns paths per server and the figures of one pod. Does not own probes (`probes.py`). Sources: an operator's root-cause report
on pods that an autoscaler added and that never got requests (probes on /readyz and /health, server on /ready and /healthz),
with its load test; another's guide to the probes of a model server under /api/health.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Role = Literal["live", "ready", "startup", "metrics", "info", "serve"]


@dataclass(frozen=True, kw_only=True)
class HttpServer:
    """What one image serves: its port, and for each path what it is for."""

    port: int
    paths: Mapping[str, Role]


SERVERS: Final[Mapping[str, HttpServer]] = {
    "inference": HttpServer(
        port=8000, paths={"/healthz": "live", "/ready": "ready", "/metrics": "metrics", "/predict": "serve"}
    ),
    "impetus-llm-server": HttpServer(
        port=8080,
        paths={
            "/api/health/live": "live",
            "/api/health/ready": "ready",
            "/api/health": "info",
            "/api/health/status": "info",
            "/api/health/metrics": "metrics",
            "/api/models/list": "info",
            "/v1/completions": "serve",
            "/v1/chat/completions": "serve",
        },
    ),
}
"""By the end of the image's repository. The reports do not say where requests are served; those paths are ours."""

STARTUP_SECONDS: Final = 40.0
"""From the start of a pod until it is ready (scale-up time of the first report, models prewarmed)."""
SERVICE_SECONDS: Final = 0.3
"""One request, without queueing: the report's P95 was 300 to 350 ms with four pods at 85 requests a second in all."""
CONCURRENCY: Final = 8
"""Requests at a time in one pod: 8 / 0.3 s is 26 a second, so four pods carry 85 a second and two do not, as reported."""
IDLE_CPU: Final = 0.12
BUSY_CPU: Final = 0.95
"""Cores of a pod without requests and of one with as many as it can take, measured in the report."""

LATENCY_P95: Final = "inference_latency_p95_seconds"
IN_FLIGHT: Final = "inference_in_flight_requests"
ERROR_RATIO: Final = "inference_error_ratio"
"""Gauges for the targets that the report set for autoscaling: P95 below 350 ms, fewer than ten requests in flight per pod,
less than one error in a hundred. The names are ours."""
IMPETUS_METRICS: Final = (
    *("impetus_health_status", "impetus_consecutive_health_failures", "impetus_models_loaded"),
    *("impetus_requests_total", "impetus_average_latency_ms"),
)
"""Metrics that the second report lists, as far as something changes them here."""
