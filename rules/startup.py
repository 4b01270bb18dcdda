"""How long a server on TPU may take to start, and what its probes must allow.

Owns the budget and its comparison with probes. Does not own paths (`server.py`).
Sources: 4 to 6 minutes to Ready for a 3B model on ct6e-standard-4t (operator's report, 2026-02-12); llm-d's v6e recipe with one
hour (2026); kserve/kserve v0.20.0, whose preset has ten minutes and is made for CUDA.
"""

from __future__ import annotations

from typing import Final

from rules.finding import Finding
from rules.vllm import STARTUP_BUDGET_SECONDS, TYPICAL_STARTUP_SECONDS

MINIMUM_STARTUP_SECONDS: Final = 900
"""2.5 × the slowest start reported for a small model: XLA compiles every bucket, and a cold cache first loads the weights."""
DEFAULT_PERIOD_SECONDS: Final = 10
DEFAULT_FAILURES: Final = 3
"""Kubernetes' defaults of a probe."""


def window(period: int | None, failures: int | None, delay: int | None) -> int:
    """Seconds a probe gives a server before it counts as failed; None is Kubernetes' default."""
    return (delay or 0) + (period or DEFAULT_PERIOD_SECONDS) * (failures or DEFAULT_FAILURES)


def check_startup(seconds: int, minimum: int, path: str = "startupProbe.failureThreshold") -> list[Finding]:
    """Whether a startup probe's window is long enough for a TPU server."""
    if seconds >= minimum:
        return []
    fast, slow = TYPICAL_STARTUP_SECONDS
    return [
        Finding(
            path=path,
            value=f"{seconds} s in all",
            reason=f"XLA compiles before the server answers: {fast} to {slow} s for a small model, an hour for a large "
            "one; the kubelet kills it half-way, and it starts over for ever",
            remedy=f"Write periodSeconds × failureThreshold of at least {minimum} s, better {STARTUP_BUDGET_SECONDS} s.",
            rule="startup",
        )
    ]


def check_no_startup_probe(liveness: int, minimum: int, path: str = "startupProbe") -> list[Finding]:
    """Whether a server without a startup probe lives through its start; `liveness` is that probe's window."""
    if liveness >= minimum:
        return []
    return [
        Finding(
            path=path,
            value=None,
            reason=f"the liveness probe then runs from the start and kills the server after {liveness} s, in the middle of "
            "XLA's compilation",
            remedy=f"Write a startupProbe with periodSeconds × failureThreshold of {STARTUP_BUDGET_SECONDS} s.",
            rule="startup",
        )
    ]
