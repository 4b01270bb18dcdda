"""What a sandbox uses while it runs, and what is left of it afterwards.

Owns looking: processes, memory, listening ports, files. Starts and ends nothing. A sandbox's processes are found by their
environment or command line, more widely than `make down` looks for them: what it misses shall be seen here.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Self

import psutil

_PAUSE: Final = 2.0
"""Seconds between two looks at the memory."""
NOT_ON_LOOPBACK: Final = frozenset({"llmisvc"})
"""Programs whose port is on all interfaces: KServe's manager takes no address for its webhook server (cmd/llmisvc/main.go of
0.20.0). It answers reviews of objects, changes nothing and gives nothing away."""
MIB: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes of all processes together: `pss` counts what several share once, `rss` counts it for each of them."""

    pss: int = 0
    rss: int = 0
    processes: int = 0

    def most(self, other: Memory) -> Memory:
        """The larger of each figure."""
        return Memory(
            pss=max(self.pss, other.pss),
            rss=max(self.rss, other.rss),
            processes=max(self.processes, other.processes),
        )


def processes(home: Path) -> list[psutil.Process]:
    """Every process, other than this one and its parent, that was started for the sandbox at `home`."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid in (os.getpid(), os.getppid()) or process.status() == psutil.STATUS_ZOMBIE:
                continue
            variables = process.environ()
            words = [*process.cmdline(), variables.get("HOME", ""), variables.get("SANDBOX_HOME", "")]
            if any(f"{home}/" in f"{word}/" for word in words):
                found.append(process)
    return found


def memory(home: Path) -> Memory:
    """What the sandbox's processes hold now."""
    total = Memory()
    for process in processes(home):
        with suppress(psutil.Error, OSError):
            held = process.memory_full_info()
            total = Memory(pss=total.pss + held.pss, rss=total.rss + held.rss, processes=total.processes + 1)
    return total


def listening(home: Path) -> frozenset[int]:
    """The TCP ports that the sandbox's processes listen on."""
    found: set[int] = set()
    for process in processes(home):
        with suppress(psutil.Error, OSError):
            for each in process.net_connections("tcp"):
                port = _port(each.laddr) if each.status == psutil.CONN_LISTEN else None
                if port is not None:
                    found.add(port)
    return frozenset(found)


def exposed(home: Path) -> list[str]:
    """The sandbox's listening TCP sockets that other machines could reach, in words; empty when all are on loopback."""
    found: list[str] = []
    for process in processes(home):
        with suppress(psutil.Error, OSError):
            program = Path(process.exe()).name
            for each in process.net_connections("tcp"):
                if each.status != psutil.CONN_LISTEN or len(each.laddr) < 2 or program in NOT_ON_LOOPBACK:
                    continue
                host, port = str(each.laddr[0]), each.laddr[1]
                if not _is_loopback(host):
                    found.append(f"port {port} of {host}, held by process {process.pid} ({_line(process)})")
    return sorted(found)


def _is_loopback(host: str) -> bool:
    """Also of 127.0.0.1 in the form in which a socket for both versions has it; `is_loopback` is false of that."""
    address = ip_address(host)
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


class Watch:
    """The most memory that the sandbox at `home` holds between entering and leaving, by looks every two seconds."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.peak = Memory()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_PAUSE):
            self.peak = self.peak.most(memory(self._home))


def holders(ports: Iterable[int]) -> frozenset[tuple[int, int]]:
    """Who listens on these TCP ports now, on the whole machine, as pairs of port and process."""
    watched = frozenset(ports)
    found: set[tuple[int, int]] = set()
    for each in psutil.net_connections("tcp"):
        port = _port(each.laddr) if each.status == psutil.CONN_LISTEN else None
        if port in watched and each.pid is not None:
            found.add((port, each.pid))
    return frozenset(found)


def leftovers(home: Path, temporary: Path, held: frozenset[tuple[int, int]]) -> list[str]:
    """What is left of a sandbox that was removed, in words; empty when nothing is.

    Args:
        home: Its directory.
        temporary: The directory that it had for temporary files, empty at its start.
        held: `holders` of its ports before its removal. Somebody else may listen on one of them since.
    """
    found = [f"process {each.pid} ({_line(each)})" for each in processes(home)]
    if home.exists():
        inside = [str(path.relative_to(home)) for path in sorted(home.rglob("*"))[:5]]
        found.append(f"{home}, with {', '.join(inside) or 'nothing in it'}")
    found += [f"temporary file {path.relative_to(temporary)}" for path in sorted(temporary.iterdir())]
    for port, pid in sorted(held & holders(port for port, _ in held)):
        with suppress(psutil.Error):
            found.append(f"port {port}, held by process {pid} ({_line(psutil.Process(pid))})")
    return found


def _port(address: tuple[object, ...]) -> int | None:
    """The port of an address (host, port); a socket without one has an empty address."""
    return int(str(address[1])) if len(address) > 1 else None


def _line(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())[:120]
    return "ended meanwhile"
