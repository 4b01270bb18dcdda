"""CPU and memory of pods and nodes, as metrics-server tells them.

Owns measuring: the processes' own times and memory, and for stand-ins that simulate the CPU of a loaded server, what they say.
A pod that is only simulated does nothing: it uses no CPU and no memory. Rates are over real seconds, so they do not depend on
SANDBOX_SPEED.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rules.http_servers import SERVERS
from sandbox.cluster import proc
from sandbox.metrics.scraping import Fetch, fetch
from sandbox.node.addresses import Addresses
from sandbox.node.images import repository
from sandbox.serving.http_service.load import USAGE_PATH

Object = dict[str, Any]

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, kw_only=True)
class Use:
    """What one container uses: cores and bytes."""

    cpu: float
    memory: int


@dataclass(frozen=True, kw_only=True)
class PodUse:
    """What the containers of one pod use; `at` is Unix time, `window` the seconds before it that CPU is the mean of."""

    pod: Object
    containers: Mapping[str, Use]
    at: float
    window: float


@dataclass(frozen=True, kw_only=True)
class _Look:
    """One look at one container: CPU seconds since its start. `process` tells one start from the next."""

    process: tuple[int, int] | None
    seconds: float
    memory: int
    at: float


class Meter:
    """Looks at the pods of the cluster whose files are in `directory`; `pods` has those that were looked at twice."""

    def __init__(
        self, directory: Path, addresses: Addresses, *, fetch: Fetch = fetch, clock: Callable[[], float] = time.time
    ) -> None:
        self._pods_directory = directory / "run" / "pods"
        self._addresses = addresses
        self._fetch = fetch
        self._clock = clock
        self._looks: dict[tuple[str, str], _Look] = {}
        self.pods: dict[tuple[str, str], PodUse] = {}
        """By namespace and name. Replaced as a whole."""

    def look(self, pods: Iterable[Object]) -> None:
        """One round."""
        looks: dict[tuple[str, str], _Look] = {}
        found: dict[tuple[str, str], PodUse] = {}
        for pod in pods:
            if (pod.get("status") or {}).get("phase") != "Running":
                continue
            metadata = pod["metadata"]
            containers: dict[str, Use] = {}
            window, at = 0.0, self._clock()
            for container in pod["spec"]["containers"]:
                key = (metadata["uid"], container["name"])
                look, before = self._look(pod, container), self._looks.get(key)
                looks[key] = look
                if before is None or before.process != look.process or look.at <= before.at:
                    continue
                window = look.at - before.at
                cpu = max(look.seconds - before.seconds, 0.0) / window
                containers[container["name"]] = Use(cpu=cpu, memory=look.memory)
            if len(containers) == len(pod["spec"]["containers"]):  # metrics-server leaves out a pod it knows in part
                key = (metadata["namespace"], metadata["name"])
                found[key] = PodUse(pod=pod, containers=containers, at=at, window=window)
        self._looks, self.pods = looks, found

    def _look(self, pod: Object, container: Object) -> _Look:
        process = self._process(pod["metadata"]["uid"], container["name"])
        seconds, memory = (0.0, 0) if process is None else _of_process(process[0])
        if process is not None and repository(container.get("image", "")).rpartition("/")[2] in SERVERS:
            seconds = self._simulated(pod, seconds)
        return _Look(process=process, seconds=seconds, memory=memory, at=self._clock())

    def _process(self, uid: str, container: str) -> tuple[int, int] | None:
        try:
            record = json.loads((self._pods_directory / uid / f"{container}.pid").read_text())
            pid, started = int(record["pid"]), int(record["started"])
        except (OSError, ValueError, KeyError):
            return None
        return (pid, started) if proc.is_running(pid, started) else None

    def _simulated(self, pod: Object, seconds: float) -> float:
        address = self._addresses.pod(pod["metadata"]["namespace"], pod["metadata"]["name"])
        for local in address.ports.values() if address is not None else ():
            try:
                return float(json.loads(self._fetch(f"http://127.0.0.1:{local}{USAGE_PATH}"))["cpuSeconds"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return seconds


def _of_process(pid: int) -> tuple[float, int]:
    """CPU seconds and bytes in memory."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0, 0
    return sum(int(field) for field in fields[11:15]) / _TICKS, pages * _PAGE
