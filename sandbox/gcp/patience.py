"""How long the provider waits for one operation, on a machine that no speed makes faster."""

from __future__ import annotations

import time
from typing import Final

from sandbox import clock

_SHORTEST_TIMEOUT: Final = 600.0
"""Seconds: no speed makes this machine faster, so only what a fault holds up is given less."""


class Patience:
    """How long an operation is still waited for, of `limit` seconds of Google Cloud's.

    The scaled limit is for what a fault holds up, and only while it does; the machine's own work gets its time besides.
    """

    def __init__(self, limit: float) -> None:
        self._limit = clock.scaled(limit)
        self._held = 0.0
        self._began = self._looked = time.monotonic()
        self._was_held = False

    def left(self, *, held: bool) -> float:
        """Seconds left; `held` says what the operation is doing from now on."""
        now = time.monotonic()
        self._held += now - self._looked if self._was_held else 0.0
        self._looked, self._was_held = now, held
        working = now - self._began - self._held
        return self._limit - self._held if held else max(self._limit, _SHORTEST_TIMEOUT) - working
