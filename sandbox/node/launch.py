"""One start of a container's process: what is run, where it serves, and how its own code is seen to run.

Owns the values a recipe hands over. Does not own which program it is (`images`) nor running it (`run`).
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_CONNECT_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Launch:
    """One start of a process: the command, its environment and where it serves each container port on 127.0.0.1.

    `ready_port` (on this machine) and `ready_path` tell when it can be used; they count only for a container without
    startup and readiness probe, whose own probes decide otherwise. `booted` is a file that the program makes when its own
    code runs; of a program that makes none, `ready_port` tells.
    """

    command: list[str]
    environment: Mapping[str, str]
    ports: Mapping[int, int] = field(default_factory=dict[int, int])
    ready_port: int | None = None
    ready_path: str = "/readyz"
    booted: Path | None = None

    def forget_boot(self) -> None:
        """Before the process starts: the file of the process before it says nothing about this one."""
        if self.booted is not None:
            self.booted.unlink(missing_ok=True)

    def has_booted(self) -> bool:
        """Whether the program's own code runs; interpreter and imports are over then, or a controller's caches are filled."""
        if self.booted is not None:
            return self.booted.exists()
        return self.ready_port is None or _accepts(self.ready_port)


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=_CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
