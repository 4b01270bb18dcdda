"""The Prometheus text format: writing it for the stand-in servers, reading it for the endpoint picker.

Owns the format. Does not own which metrics there are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SAMPLE: Final = re.compile(r"^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def labels(values: Mapping[str, str]) -> str:
    """`{a="b"}`, empty for none."""
    parts = [f'{name}="{_escaped(value)}"' for name, value in values.items()]
    return f"{{{','.join(parts)}}}" if parts else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def sample(name: str, kind: str, values: Mapping[str, str], value: float) -> list[str]:
    """One metric with one sample, with its TYPE line. A counter's name ends with `_total`, its TYPE's does not."""
    base = name.removesuffix("_total") if kind == "counter" else name
    return [f"# TYPE {base} {kind}", f"{name}{labels(values)} {float(value)}"]


class Histogram:
    """Observations in buckets with these upper bounds."""

    def __init__(self, name: str, bounds: Sequence[float]) -> None:
        self._name = name
        self._bounds = (*bounds, math.inf)
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Counts one value."""
        self._sum += value
        index = next(index for index, bound in enumerate(self._bounds) if value <= bound)
        self._counts[index] += 1

    def text(self, values: Mapping[str, str]) -> list[str]:
        """The lines of this histogram."""
        lines = [f"# TYPE {self._name} histogram"]
        total = 0
        for bound, count in zip(self._bounds, self._counts, strict=True):
            total += count
            limit = "+Inf" if math.isinf(bound) else repr(float(bound))
            lines.append(f"{self._name}_bucket{labels({**values, 'le': limit})} {float(total)}")
        lines += [f"{self._name}_count{labels(values)} {float(total)}", f"{self._name}_sum{labels(values)} {self._sum}"]
        return lines


def parse(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """All samples by metric name; lines that are no samples are left out."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for line in text.splitlines():
        match = None if line.startswith("#") else _SAMPLE.match(line)
        if match is None:
            continue
        try:
            value = float(match.group(3))
        except ValueError:
            continue
        found.setdefault(match.group(1), []).append((dict(_LABEL.findall(match.group(2) or "")), value))
    return found
