"""What one pod is busy with, and what its metrics say of it.

Owns the queue in front of a fixed number of workers, and the window over which latency and errors are told. Does not own paths.
Figures: `rules.http_servers`.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rules import http_servers
from sandbox.serving import prometheus

USAGE_PATH: Final = "/__usage"
"""Where the sandbox's metrics-server reads the CPU time that this load would have cost."""
_WINDOW_SECONDS: Final = 60.0
_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.35, 0.5, 1.0, 2.5, 5.0, 10.0)


class FaultError(Exception):
    """A fault that cannot be set; the message says why."""


@dataclass
class Faults:
    """What goes wrong on purpose."""

    ready: bool = True
    alive: bool = True
    latency_ms: float = http_servers.SERVICE_SECONDS * 1000
    error_rate: float = 0.0

    def change(self, values: Mapping[str, Any]) -> None:
        """Sets the named ones.

        Raises:
            FaultError: a name or value that cannot be used; nothing is changed then.
        """
        for name, value in values.items():
            if name in {"ready", "alive"}:
                fits = isinstance(value, bool)
            elif name in {"latency_ms", "error_rate"}:
                fits = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
                fits = fits and (name != "error_rate" or value <= 1)
            else:
                raise FaultError(f"{name}: write ready, alive, latency_ms or error_rate")
            if not fits:
                raise FaultError(f"{name}: {value!r} cannot be used")
        for name, value in values.items():
            setattr(self, name, value)


class Load:
    """The requests of one pod."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._workers = asyncio.Semaphore(http_servers.CONCURRENCY)
        self._busy = 0
        self._in_flight = 0
        self._recent: deque[tuple[float, float, bool]] = deque()
        self._total = 0
        self._failed = 0
        self._owed = 0.0
        self._latency = prometheus.Histogram("http_request_duration_seconds", _BOUNDS)
        self._cpu = 0.0
        self._cpu_since = time.monotonic()

    async def serve(self) -> bool:
        """One request; says whether it went well. Every 1/error_rate-th fails, so that runs can be compared."""
        began = time.monotonic()
        self._in_flight += 1
        well = False
        try:
            async with self._workers:
                self._count(1)
                try:
                    await asyncio.sleep(self._faults.latency_ms / 1000)
                finally:
                    self._count(-1)
            self._owed += self._faults.error_rate
            well = self._owed < 1
            if not well:
                self._owed -= 1
        finally:
            self._in_flight -= 1
            took = time.monotonic() - began
            self._total += 1
            self._failed += not well
            self._latency.observe(took)
            self._recent.append((time.monotonic(), took, well))
        return well

    def metrics(self, *, impetus: bool, ready: bool) -> str:
        """The text of the metrics path."""
        self._count(0)
        recent = self._window()
        latencies = sorted(took for _, took, _ in recent)
        p95 = latencies[math.ceil(len(latencies) * 0.95) - 1] if latencies else 0.0
        failed = sum(1 for _, _, well in recent if not well)
        mean = sum(latencies) / len(latencies) * 1000 if latencies else 0.0
        lines = [
            *prometheus.sample(http_servers.LATENCY_P95, "gauge", {}, p95),
            *prometheus.sample(http_servers.IN_FLIGHT, "gauge", {}, self._in_flight),
            *prometheus.sample(http_servers.ERROR_RATIO, "gauge", {}, failed / len(recent) if recent else 0.0),
            *prometheus.sample("http_requests_total", "counter", {"status": "200"}, self._total - self._failed),
            *prometheus.sample("http_requests_total", "counter", {"status": "500"}, self._failed)[1:],
            *prometheus.sample("process_cpu_seconds_total", "counter", {}, self._cpu),
            *self._latency.text({}),
        ]
        if impetus:
            values = (float(ready), 0.0 if ready else 1.0, 2.0 if ready else 0.0, float(self._total), mean)
            for name, value in zip(http_servers.IMPETUS_METRICS, values, strict=True):
                lines += prometheus.sample(name, "counter" if name.endswith("_total") else "gauge", {}, value)
        return "\n".join(lines) + "\n"

    @property
    def cpu_seconds(self) -> float:
        """CPU time that a real pod would have used since its start."""
        self._count(0)
        return self._cpu

    def _window(self) -> list[tuple[float, float, bool]]:
        limit = time.monotonic() - _WINDOW_SECONDS
        while self._recent and self._recent[0][0] < limit:
            self._recent.popleft()
        return list(self._recent)

    def _count(self, change: int) -> None:
        """Adds up the CPU time that a real pod would have used since the last call: by the part of its workers at work."""
        moment = time.monotonic()
        part = self._busy / http_servers.CONCURRENCY
        cores = http_servers.IDLE_CPU + (http_servers.BUSY_CPU - http_servers.IDLE_CPU) * part
        self._cpu += cores * (moment - self._cpu_since)
        self._cpu_since = moment
        self._busy += change
