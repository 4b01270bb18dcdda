"""What the routing bench says: medians over rounds, their range, and ratios between ways within the same round."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.routing_load import Figures, Workload
from bench.routing_objects import ONE_SERVER, PREFIX_AWARE, ROUND_ROBIN, WAYS
from rules import vllm_performance

TITLES: Final = {
    PREFIX_AWARE: "3 servers, prefix-aware (Pattern 3)",
    ROUND_ROBIN: "3 servers, round robin",
    ONE_SERVER: "1 server (Pattern 1)",
}
_MOST_WAITING: Final = 1.5
"""Seconds that processes may wait for a processor for each second they run; beyond it the machine is what was measured.
On two cores with nothing else to do it is 0.5 to 1.2, with five programs beside it 1.6 to 2.0 (2026-11)."""

Rounds = Sequence[Mapping[str, Figures]]
"""One entry a round, the figures by way."""
_COMPARED: Final[Mapping[str, Callable[[Figures], float]]] = {
    "throughput": lambda figures: figures.throughput,
    "time to first token, median": lambda figures: figures.first_token,
    "time to first token, 95 %": lambda figures: figures.first_token_95,
}


def ratios(rounds: Rounds, subject: str, base: str) -> dict[str, list[float]]:
    """By figure, round by round: what lasts longer than a round on this machine cancels out."""
    return {name: [value(each[subject]) / value(each[base]) for each in rounds] for name, value in _COMPARED.items()}


def too_busy(rounds: Rounds) -> bool:
    """Whether the bench's processes waited for a processor so long that the machine is part of the result."""
    return any(_median(rounds, way, lambda figures: figures.waited) > _MOST_WAITING for way in WAYS)


def _median(rounds: Rounds, way: str, value: Callable[[Figures], float]) -> float:
    return statistics.median(value(each[way]) for each in rounds)


def _spread(values: Sequence[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def explanation(workload: Workload, blocks: int, block_tokens: int, cached_groups: float) -> str:
    """What was simulated, and with which numbers."""
    facts = vllm_performance
    return (
        "Real: processes, HTTP, streaming, health checks, routing, the endpoint picker's scores from servers' metrics; time "
        "to first token is measured by the clients, through the load balancer.\n"
        "Simulated: the servers compute nothing. One prompt at a time takes "
        f"{1000 * facts.REQUEST_OVERHEAD_SECONDS:.0f} ms and 1 s for {facts.PREFILL_TOKENS_PER_SECOND:,.0f} tokens that are "
        f"not cached; then a token follows every {1000 * facts.SECONDS_PER_OUTPUT_TOKEN:.0f} ms (rules/vllm_performance.py)."
        " The load balancer is told its objects instead of watching an API server.\n"
        f"Workload: {workload.clients} clients in a closed loop; prompts of {workload.prefix:,} tokens that one in "
        f"{workload.groups} shares and {workload.question} of their own; answers of {workload.answer} tokens. Each server has "
        f"{blocks} blocks of {block_tokens} tokens, enough for {cached_groups:.0%} of the shared texts."
    )


def show(rounds: Rounds, note: str, console: Console) -> None:
    """Prints the table, the ratios and what they rest on."""
    table = Table(title=f"Routing: medians (ranges) of {len(rounds)} rounds, the ways in turns")
    for column in ("way", "requests/s", "first token, median (ms)", "first token, 95 % (ms)", "cached"):
        table.add_column(column, justify="left" if column == "way" else "right")
    for way in WAYS:
        table.add_row(
            TITLES[way],
            _spread([each[way].throughput for each in rounds], 1),
            _spread([1000 * each[way].first_token for each in rounds], 0),
            _spread([1000 * each[way].first_token_95 for each in rounds], 0),
            f"{_median(rounds, way, lambda figures: figures.cached):.0%}",
        )
    console.print(table)
    for base in (ROUND_ROBIN, ONE_SERVER):
        found = ratios(rounds, PREFIX_AWARE, base)
        parts = [f"{name} × {_spread(values, 2)}" for name, values in found.items()]
        console.print(f"Prefix-aware against {TITLES[base]}: {'; '.join(parts)}.")
    console.print(note)
    if too_busy(rounds):
        console.print(
            f"warning: this machine was too busy: the bench's processes waited more than {_MOST_WAITING:g} s for a processor for "
            "each second that they ran, so its speed is part of the result. Run it again when nothing else runs."
        )


def as_json(rounds: Rounds, note: str) -> str:
    """Everything, for machines; times in seconds."""
    comparisons: dict[str, Any] = {
        base: {
            name: {"median": statistics.median(values), "rounds": values}
            for name, values in ratios(rounds, PREFIX_AWARE, base).items()
        }
        for base in (ROUND_ROBIN, ONE_SERVER)
    }
    content = {
        "machine": {
            "system": platform.system(),
            "processors": os.cpu_count(),
            "python": platform.python_version(),
            "too_busy": too_busy(rounds),
        },
        "note": note,
        "rounds": [{way: asdict(figures) for way, figures in each.items()} for each in rounds],
        "prefix_aware_against": comparisons,
    }
    return json.dumps(content, indent=2) + "\n"
