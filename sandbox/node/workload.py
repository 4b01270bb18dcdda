"""What the node agent knows about something it runs for a container, whatever that is.

Owns: the interface between the pod loop and what really runs (a local process, a thread of ours) and the back-off of
restarts. Does not own starting anything.
"""

from __future__ import annotations

from typing import Any, Protocol

from sandbox.clock import paced
from sandbox.node.status import ContainerState

Object = dict[str, Any]

_FIRST_BACKOFF = 10
_LONGEST_BACKOFF = 300
_STABLE_SECONDS = 600
"""GKE's seconds."""
_SHORTEST_STABLE = 20.0
"""Real seconds."""


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


def backoff(crashes: int) -> int:
    """GKE's seconds a kubelet waits after crash number `crashes` of a container (1 is the first) before it restarts it.

    The first restart comes at once, then 10 s, doubling up to 5 min. Source: Kubernetes documentation, "Pod Lifecycle",
    and doBackOff in pkg/kubelet/kuberuntime of 1.34.
    """
    return 0 if crashes <= 1 else min(_FIRST_BACKOFF * 2 ** (crashes - 2), _LONGEST_BACKOFF)


def is_stable(seconds: float) -> bool:
    """Whether a container whose program has run for so many real seconds has its earlier crashes forgotten.

    A kubelet does so after ten minutes. At a high speed these are less than a program needs to find out that it cannot go on,
    and a crash loop would never back off; hence the floor.
    """
    return seconds > paced(_STABLE_SECONDS, _SHORTEST_STABLE)


def is_restarted(pod: Object, container: Object, exit_code: int) -> bool:
    """Whether `container` is started again after it has ended with `exit_code`; a sidecar always is."""
    policy = "Always" if container.get("restartPolicy") == "Always" else pod["spec"].get("restartPolicy", "Always")
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def duration_text(seconds: int) -> str:
    """`seconds` as Go writes a duration: 40s, 1m20s, 5m0s."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
