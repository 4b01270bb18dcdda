"""What Linux tells about processes and ports.

Owns: the questions the sandbox asks `/proc` (who is this pid, who holds this port) and ending a process group.
Does not own the processes. Why: a pid alone is no identity, it is reused; pid and start time together are one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

_LISTEN = "0A"
"""State of a listening socket in /proc/net/tcp (TCP_LISTEN of the kernel's tcp_states.h)."""


_given_out: deque[int] = deque(maxlen=256)
_giving_out = threading.Lock()


@dataclass(frozen=True)
class Holder:
    """The process that listens on a port."""

    pid: int
    name: str


def start_time(pid: int) -> int | None:
    """When `pid` started, in clock ticks since boot; None when there is no such process (or only its zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else int(fields[19])


def is_running(pid: int, started: int) -> bool:
    """Whether the process that had `pid` when it started at `started` still runs."""
    return start_time(pid) == started


def end_group(pid: int, started: int, *, grace: float) -> None:
    """Ends the process group led by `pid`: SIGTERM, after `grace` seconds SIGKILL. Does nothing when it is gone."""
    if not is_running(pid, started):
        return
    for number, wait in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline:
            if not is_running(pid, started):
                return
            time.sleep(0.02)


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """`count` different ports that are free now; for servers whose address nobody has to remember.

    Those that were given out lately are not given out again: the program that was meant to listen may only be starting.
    """
    found: list[int] = []
    with contextlib.ExitStack() as stack, _giving_out:
        while len(found) < count:
            probe = stack.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
            if port not in _given_out:
                found.append(port)
                _given_out.append(port)
    return found


def port_holder(port: int) -> Holder | None:
    """The process that listens on `port`; None when nobody does or /proc does not tell (another user's process)."""
    inodes = _listening_inodes(port)
    if not inodes:
        return None
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            for descriptor in (directory / "fd").iterdir():
                if str(descriptor.readlink()) in inodes:
                    return Holder(int(directory.name), (directory / "comm").read_text().strip())
    return None


def _listening_inodes(port: int) -> set[str]:
    inodes: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    return inodes
