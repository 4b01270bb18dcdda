"""The model servers that requests may go to, and what their metrics say.

Owns reading /metrics and how old the numbers are. Numbers are read when a request asks for a server and they are older than
the refresh interval; the real picker reads them all the time, which a machine that runs everything cannot afford. At the
moment of a decision both know the same. A server that does not answer keeps its last numbers and counts as stale.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from rules import vllm_metrics
from sandbox.serving import prometheus

_TIMEOUT: Final = 0.5
"""Seconds for one scrape; a server that takes longer is not worth waiting for."""


@dataclass
class Endpoint:
    """One server."""

    pod: str
    address: str
    labels: Mapping[str, str]
    waiting: int = 0
    running: int = 0
    kv_usage: float = 0.0
    block_tokens: int = 0
    blocks: int = 0
    updated: float = 0.0
    in_flight: int = 0
    """Requests that were sent there and are not done, as counted here."""
    seen: float = 0.0
    """When it was last a candidate."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def age(self) -> float:
        """Seconds since the metrics were read; very large when they never were."""
        return time.monotonic() - self.updated if self.updated else float("inf")

    async def refresh(self, interval: float, *, scheme: str, path: str) -> None:
        """Reads the metrics, unless they are younger than `interval` seconds."""
        async with self._lock:
            if self.age() < interval:
                return
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
                self._take(await asyncio.wait_for(_get(self.address, path, tls=scheme == "https"), _TIMEOUT))

    def _take(self, text: str) -> None:
        samples = prometheus.parse(text)

        def value(name: str) -> float:
            return samples[name][0][1] if name in samples else 0.0

        self.waiting = int(value(vllm_metrics.WAITING))
        self.running = int(value(vllm_metrics.RUNNING))
        self.kv_usage = value(vllm_metrics.KV_CACHE_USAGE)
        labels = samples[vllm_metrics.CACHE_CONFIG][0][0] if vllm_metrics.CACHE_CONFIG in samples else {}
        self.block_tokens = _whole(labels.get("block_size"))
        self.blocks = _whole(labels.get("num_gpu_blocks"))
        self.updated = time.monotonic()


def _whole(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 0


async def _get(address: str, path: str, *, tls: bool) -> str:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=_unverified() if tls else None)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0] + b" ":
            raise ValueError("no metrics")
        return body.decode(errors="replace")
    finally:
        writer.close()


def _unverified() -> ssl.SSLContext:
    """The real picker does not verify metrics' certificates either, unless told so."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
