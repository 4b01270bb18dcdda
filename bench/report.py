"""What the timings say: ratios to the empty program, and what a further resource costs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measure import Timing, fit, ratio

BASE, BARE = "dev", "dev-bare"
"""The committed stack under the pack, and under a pack of no policy."""
TARGET_RATIO = 2.0
"""A preview of the dev stack takes at most this many times as long as one of an empty program."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One scenario's outcome.

    Attributes:
        name: The scenario's key.
        title: What it is, for people.
        timing: How long its previews took.
        resources: How many resources a preview showed.
        more_models: Models beyond the committed settings; None where the scenario is no point of the growth curve.
        judged: Whether the target applies to it.
    """

    name: str
    title: str
    timing: Timing
    resources: int
    more_models: int | None = None
    judged: bool = False


def growth(results: Sequence[Result]) -> dict[str, float]:
    """Seconds for each further resource by a straight line, and how much dearer a model is when there are more of them.

    Empty with fewer than two points; `model_cost_ratio` needs three.
    """
    points = sorted((result for result in results if result.more_models is not None), key=lambda one: one.resources)
    if len(points) < 2:
        return {}
    line = fit([(point.resources, point.timing.median) for point in points])
    found = {"seconds_per_resource": line.slope, "seconds_without_resources": line.start}
    if len(points) > 2:
        first, middle, last = points[0], points[1], points[-1]
        dear, cheap = _per_model(last, first), _per_model(middle, first)
        if cheap > 0:
            found["model_cost_ratio"] = dear / cheap
    return found


def _per_model(one: Result, other: Result) -> float:
    models = (one.more_models or 0) - (other.more_models or 0)
    return (one.timing.median - other.timing.median) / models


def show(results: Sequence[Result], base: Result, console: Console) -> None:
    """Prints the table, the growth and the verdict."""
    runs = len(base.timing.seconds)
    table = Table(title=f"Previews with a policy pack: medians of {runs} interleaved runs")
    for column in ("preview of", "resources", "seconds", "range", f"× {base.title}", "target"):
        table.add_column(column, justify="left" if column == "preview of" else "right")
    for result in results:
        seconds = result.timing.seconds
        table.add_row(
            result.title,
            str(result.resources),
            f"{result.timing.median:.2f}",
            f"{min(seconds):.2f}–{max(seconds):.2f}",
            f"{ratio(result.timing, base.timing):.2f}",
            verdict(result, base) if result.judged else "",
        )
    console.print(table)
    under = {result.name: result for result in results}
    if BARE in under and BASE in under:
        added, times = (
            under[BASE].timing.median - under[BARE].timing.median,
            ratio(under[BASE].timing, under[BARE].timing),
        )
        console.print(f"The pack adds {added:.2f} s to the preview of the dev stack ({times:.2f} ×).")
    found = growth(results)
    if found:
        text = f"Each further resource: {1000 * found['seconds_per_resource']:.1f} ms (straight line through the dev stacks)."
        if "model_cost_ratio" in found:
            text += f" A model among many costs {found['model_cost_ratio']:.2f} × a model among few."
        console.print(text)


def verdict(result: Result, base: Result) -> str:
    """The target, and whether it is met."""
    met = ratio(result.timing, base.timing) <= TARGET_RATIO
    return f"≤ {TARGET_RATIO:g}: {'met' if met else 'MISSED'}"


def as_json(results: Sequence[Result], base: Result) -> str:
    """Everything, for machines; times in seconds."""
    entries: dict[str, Mapping[str, Any]] = {}
    for result in results:
        relative = ratio(result.timing, base.timing)
        entries[result.name] = {
            "title": result.title,
            "seconds": list(result.timing.seconds),
            "median": result.timing.median,
            "resources": result.resources,
            "ratio": relative,
            **({"met": relative <= TARGET_RATIO} if result.judged else {}),
        }
    machine = {"system": platform.system(), "processors": os.cpu_count(), "python": platform.python_version()}
    content = {"target_ratio": TARGET_RATIO, "machine": machine, "previews": entries, "growth": growth(results)}
    return json.dumps(content, indent=2) + "\n"
