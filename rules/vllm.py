"""vLLM on TPU: what it serves, on which port, how long it takes to start, and which flags it refuses.

Owns facts about the server process. Does not own how KServe wraps it (`kserve.py`).
Sources: vllm-project/vllm and vllm-project/tpu-inference (2026-08); llm-d's v6e recipe (2026); operators' reports.
"""

from __future__ import annotations

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

REJECTED_FLAGS: Final[Mapping[str, str]] = {"--prefix-cache-block-size": "--block-size"}
"""Flags that do not exist in vLLM although guides write them, and what is meant: argparse ends the server at once."""


def check_arguments(arguments: Iterable[str]) -> list[Finding]:
    """Which of these command line arguments end vLLM on TPU; paths are `[index]`."""
    findings: list[Finding] = []
    for index, argument in enumerate(arguments):
        for flag, instead in REJECTED_FLAGS.items():
            if argument == flag or argument.startswith((f"{flag}=", f"{flag} ")) or f" {flag}" in argument:
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
