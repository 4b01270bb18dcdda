"""What the node agent knows about something it runs for a container, whatever that is.

Owns: the interface between the pod loop and what really runs (a local process, a thread of ours) and the back-off of
restarts. Does not own starting anything.
"""

from __future__ import annotations

from typing import Protocol

from sandbox.node.status import ContainerState

_FIRST_BACKOFF = 1.0
_LONGEST_BACKOFF = 30.0


class Workload(Protocol):
    """Something that runs for one container. All methods return at once and may be called from any thread."""

    def start(self) -> None:
        """Begins to run, and to run again whenever it ends."""
        ...

    def signal_stop(self) -> None:
        """Asks it to end; `stopped` tells when it has."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether nothing of it runs any more."""
        ...

    def state(self) -> ContainerState:
        """What to report for its container now."""
        ...

    def local_port(self, container_port: int) -> int | None:
        """The port on 127.0.0.1 where it serves what the container serves on `container_port`."""
        ...


def backoff(restarts: int) -> float:
    """Seconds before restart number `restarts` (1 is the first).

    The shape is the kubelet's (doubling), the numbers are not: 1 s to 30 s instead of 10 s to 5 min, so that a person
    who repairs a configuration sees the effect soon.
    """
    return min(_FIRST_BACKOFF * 2 ** (restarts - 1), _LONGEST_BACKOFF)
