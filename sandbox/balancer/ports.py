"""The local port of each listener: chosen once, kept across restarts where it is still free.

Below the range from which the kernel takes ports for outgoing connections, and off what other clusters' load balancers
were given.
"""

from __future__ import annotations

import json
from pathlib import Path

from sandbox.cluster.proc import is_free

_FIRST, _LAST = 18000, 18999


def remembered(state: Path) -> dict[str, int]:
    """`namespace/gateway/listener` → port, of a load balancer's state file."""
    try:
        ports = json.loads(state.read_text())["ports"]
        return {str(name): int(port) for name, port in ports.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def choose(name: str, own: dict[str, int], state: Path) -> int | None:
    """The port of the listener `name`: that of last time if it is free, else another one; None when all are taken."""
    if name in own and is_free(own[name]):
        return own[name]
    others = [file for file in state.parent.parent.parent.glob(f"*/run/{state.name}") if file != state]
    taken = set(own.values()) | {port for file in others for port in remembered(file).values()}
    return next((port for port in range(_FIRST, _LAST + 1) if port not in taken and is_free(port)), None)
