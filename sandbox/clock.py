"""Simulated time: how much faster than on GKE the sandbox's slow things pass.

Owns one number and its use. Start-up of a model server, probe and health-check intervals, timeouts between checks and
back-offs are written in the stack in GKE's seconds; the sandbox divides them by the speed. Does not scale what a person or a
program waits for on the wire: request timeouts and the API server's own clocks stay real.
"""

from __future__ import annotations

import hashlib
import os
from typing import Final

SPEED: Final = "SANDBOX_SPEED"
"""Environment variable: seconds of GKE that pass in one second here, 1 to 1000."""

DEFAULT_SPEED: Final = 10.0

SHORTEST_PAUSE: Final = 0.05
"""Seconds; no check runs more often, so that a high speed does not spend the machine on polling."""


class SpeedError(ValueError):
    """The speed is no number that can be used; the message says what is wrong and what to write."""


def speed() -> float:
    """Seconds of GKE in one second here.

    Raises:
        SpeedError: The variable holds no number from 1 to 1000.
    """
    text = os.environ.get(SPEED) or str(DEFAULT_SPEED)
    remedy = f"Write a number from 1 (as slow as GKE) to 1000, such as {DEFAULT_SPEED:g}."
    try:
        value = float(text)
    except ValueError:
        raise SpeedError(f"{SPEED}: {text!r}: this is no number. {remedy}") from None
    if not 1 <= value <= 1000:  # also refuses NaN
        raise SpeedError(f"{SPEED}: {text!r}: this is out of range. {remedy}")
    return value


def is_chosen() -> bool:
    """Whether somebody has chosen a speed. Only then does the cloud's own work (making a cluster, say) take time as well:
    whoever just wants a platform does not wait for what can be had at once.
    """
    return bool(os.environ.get(SPEED))


def taking(shortest: float, longest: float, key: str) -> float:
    """Real seconds for work of the cloud's own that takes from `shortest` to `longest` seconds on Google Cloud; always the
    same for `key`, and none unless a speed was chosen.
    """
    if not is_chosen():
        return 0.0
    share = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") / 2**32
    return scaled(shortest + share * (longest - shortest))


def scaled(seconds: float) -> float:
    """Real seconds to wait here for `seconds` on GKE."""
    return max(seconds / speed(), SHORTEST_PAUSE)


def paced(seconds: float, shortest: float) -> float:
    """Real seconds between two looks of something that looks for as long as it runs: `scaled`, but at least `shortest`."""
    return max(scaled(seconds), shortest)
