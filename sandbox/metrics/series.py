"""What has been scraped: the last points of each time series.

Owns names, kinds, rates and how long a point is handed out. Stands for the part of Cloud Monitoring that autoscalers use, and for
GKE's own reading of AutoscalingMetrics. May be used from any thread.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rules import autoscaling
from rules import workload_metrics as facts
from sandbox.clock import scaled
from sandbox.metrics.selectors import selects
from sandbox.metrics.targets import Target
from sandbox.serving import prometheus

Object = dict[str, Any]
Labels = Mapping[str, str]

_TYPE: Final = re.compile(r"^# TYPE (\S+) (\w+)", re.MULTILINE)
_PARTS: Final = ("_bucket", "_sum", "_count")
_GAUGE, _COUNTER, _UNKNOWN = "gauge", "counter", "unknown"


@dataclass(frozen=True, kw_only=True)
class Point:
    """The newest value of a series; a counter's is its rate per second. `at` is Unix time, `window` real seconds."""

    labels: Labels
    value: float
    at: float
    window: float


@dataclass(kw_only=True)
class _Series:
    labels: Labels
    value: float
    at: float
    before: tuple[float, float] | None = None


_Source = tuple[str, str, int]
"""What reads a pod on which port: kind, name, port. Two that read the same pod have series of their own."""
_Key = tuple[str, str, _Source, tuple[tuple[str, str], ...]]
"""Name, uid of the pod, source, labels."""


class Series:
    """All series of a cluster. `resource` are the labels that Cloud Monitoring adds: project_id, location, cluster."""

    def __init__(self, resource: Labels, clock: Callable[[], float] = time.time) -> None:
        self._resource = resource
        self._clock = clock
        self._lock = threading.Lock()
        self._series: dict[_Key, _Series] = {}
        self._known: set[str] = set()

    def ingest(self, target: Target, text: str) -> None:
        """Takes what a target has answered."""
        kinds = dict(_TYPE.findall(text))
        wanted = dict(target.names) if target.names is not None else None
        resource = {
            **self._resource,
            "namespace": target.namespace,
            "job": target.monitor,
            "instance": f"{target.pod}:{target.port}",
        }
        added = {f"resource.labels.{key}": value for key, value in resource.items()}
        added |= {"resource.type": "prometheus_target", "metric.labels.pod": target.pod}
        source = (target.source, target.monitor, target.port)
        now = self._clock()
        with self._lock:
            for name, samples in prometheus.parse(text).items():
                kind = _kind(name, kinds)
                if wanted is None:
                    full = None if kind is None else f"{facts.PROMETHEUS_PREFIX}/{name}/{kind}"
                else:
                    known = name in wanted and kind in {_GAUGE, _UNKNOWN}
                    full = f"{autoscaling.NATIVE_PREFIX}/{target.monitor}/{wanted[name]}" if known else None
                if full is None:
                    continue
                self._known.add(full)
                for labels, value in samples:
                    own = {f"metric.labels.{key}": text for key, text in labels.items()}
                    self._add((full, target.uid, source, tuple(sorted(labels.items()))), {**own, **added}, value, now)
            limit = now - scaled(facts.RETENTION_SECONDS)
            self._series = {key: series for key, series in self._series.items() if series.at >= limit}

    def known(self, name: str) -> bool:
        """Whether a metric has ever been seen; `name` is PREFIX/METRIC/TYPE."""
        with self._lock:
            return name in self._known

    def points(self, name: str, selector: Object) -> list[Point]:
        """The points of a metric whose labels (`metric.labels.…`, `resource.labels.…`) the selector selects."""
        limit = self._clock() - scaled(facts.RETENTION_SECONDS)
        counted = name.endswith(f"/{_COUNTER}") and name.startswith(facts.PROMETHEUS_PREFIX)
        with self._lock:
            held = [series for key, series in self._series.items() if key[0] == name and series.at >= limit]
        found: list[Point] = []
        for series in held:
            if not selects(selector, series.labels):
                continue
            if not counted:
                found.append(Point(labels=series.labels, value=series.value, at=series.at, window=0.0))
            elif series.before is not None:
                value, at = series.before
                window = series.at - at
                rate = max(series.value - value, 0.0) / window
                found.append(Point(labels=series.labels, value=rate, at=series.at, window=window))
        return found

    def _add(self, key: _Key, labels: Labels, value: float, now: float) -> None:
        held = self._series.get(key)
        before = (held.value, held.at) if held is not None and now > held.at else None
        self._series[key] = _Series(labels=labels, value=value, at=now, before=before)


def _kind(name: str, kinds: Mapping[str, str]) -> str | None:
    """Gauge, counter or unknown; None for parts of histograms and summaries, which become one distribution."""
    for part in _PARTS:
        if name.endswith(part) and kinds.get(name.removesuffix(part)) in {"histogram", "summary"}:
            return None
    kind = kinds.get(name) or kinds.get(name.removesuffix("_total"), _UNKNOWN)  # OpenMetrics leaves _total out
    return {_GAUGE: _GAUGE, _COUNTER: _COUNTER, "untyped": _UNKNOWN, _UNKNOWN: _UNKNOWN}.get(kind)
