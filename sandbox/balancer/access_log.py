"""The requests a backend's policy asks to be logged, one JSON object a line, as Cloud Logging has them.

Owns the form: `httpRequest` and `jsonPayload` with `statusDetails` (as global load balancers write it) and `proxyStatus`
(as regional ones do). Only backends whose GCPBackendPolicy enables logging are logged, `sampleRate` of a million of their
requests. A request that no rule matches has no backend and is never logged.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rules.load_balancer import PROXY_ERRORS
from sandbox.balancer.endpoints import Endpoint
from sandbox.balancer.wire import Head

_LIMIT = 16 * 1024 * 1024


@dataclass
class Entry:
    """One request; filled in on its way."""

    client: str
    head: Head
    scheme: str
    backend: str
    began: float
    status: int = 0
    detail: str = ""
    sent: int = 0
    received: int = 0
    endpoint: Endpoint | None = None


class AccessLog:
    """The log in `file`; at 16 MiB it is moved to `.1`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._random = random.Random()  # noqa: S311 - sampling is no secret

    def write(self, entry: Entry, share: float) -> None:
        """Adds a request with the probability `share`."""
        if share <= 0 or self._random.random() >= share:
            return
        error = PROXY_ERRORS.get(entry.detail)
        status = f'error="{error}"; details="{entry.detail}"' if error else f'details="{entry.detail}"'
        line = {
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "httpRequest": {
                "requestMethod": entry.head.first,
                "requestUrl": f"{entry.scheme}://{entry.head.get('host') or ''}{entry.head.second}",
                "status": entry.status,
                "requestSize": entry.received,
                "responseSize": entry.sent,
                "userAgent": entry.head.get("user-agent") or "",
                "remoteIp": entry.client,
                "latency": f"{time.monotonic() - entry.began:.6f}s",
                "protocol": entry.head.third,
            },
            "jsonPayload": {"statusDetails": entry.detail, "proxyStatus": status},
            "resource": {
                "type": "http_load_balancer",
                "labels": {
                    "backend_target_name": entry.backend,
                    "backend_name": entry.endpoint.pod if entry.endpoint else "",
                },
            },
        }
        if self._file.exists() and self._file.stat().st_size > _LIMIT:
            self._file.replace(self._file.with_name(f"{self._file.name}.1"))
        with self._file.open("a") as file:
            file.write(json.dumps(line) + "\n")
