"""A container that runs as a local process.

Owns: start, readiness, restarts with back-off, end, log and private directory of the process. Does not own which
program it is, see `images`. Each start gets fresh ports, mounts and credentials, so a restart repairs what a restart
repairs on a cluster.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.cluster.child import Child
from sandbox.cluster.errors import ClusterError
from sandbox.kube.client import ApiError
from sandbox.node.environment import MissingKeyError
from sandbox.node.status import ContainerState, now_text
from sandbox.node.workload import backoff

_POLL_STARTING = 0.2
_POLL_READY = 1.0
_REFRESH_YOUNG = 1.0
_REFRESH = 10.0
_YOUNG_SECONDS = 60.0
"""A process gets changed Secrets after 1 s in its first minute (LWS is ready before its certificate is there), then
after 10 s; a kubelet needs up to a minute and a half."""
_FAILURES_UNTIL_UNREADY = 3
_STABLE_SECONDS = 600.0
_GRACE_SECONDS = 8.0


@dataclass(frozen=True, kw_only=True)
class Launch:
    """One start of a process: the command, its environment, where it serves each container port and its readiness."""

    command: list[str]
    environment: Mapping[str, str]
    ports: Mapping[int, int] = field(default_factory=dict[int, int])
    ready_port: int | None = None
    ready_path: str = "/readyz"


class _Attempt(Child):
    @property
    def exit_code(self) -> int | None:
        code = self._process.poll() if self._process is not None else 0
        return 128 - code if code is not None and code < 0 else code


class ProcessWorkload:
    """Keeps one process running. `prepare` makes a `Launch` before each start, `refresh` renews the mounts."""

    def __init__(
        self,
        name: str,
        *,
        prepare: Callable[[], Launch],
        refresh: Callable[[], object],
        log: Path,
        pid_file: Path,
        on_change: Callable[[], None],
    ) -> None:
        self._name = name
        self._prepare = prepare
        self._refresh = refresh
        self._log = log
        self._pid_file = pid_file
        self._on_change = on_change
        self._state = ContainerState(ready=False, waiting="ContainerCreating")
        self._ports: Mapping[int, int] = {}
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"pod-{name}", daemon=True)

    def start(self) -> None:
        """See `Workload`."""
        self._thread.start()

    def signal_stop(self) -> None:
        """See `Workload`."""
        self._stopping.set()

    @property
    def stopped(self) -> bool:
        """See `Workload`."""
        return self._stopped.is_set()

    def state(self) -> ContainerState:
        """See `Workload`."""
        return self._state

    def local_port(self, container_port: int) -> int | None:
        """See `Workload`."""
        return self._ports.get(container_port)

    def _set(self, state: ContainerState) -> None:
        changed = state != self._state
        self._state = state
        if changed:
            self._on_change()

    def _run(self) -> None:
        restarts, last_exit = 0, None
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                failure = "CrashLoopBackOff"
                try:
                    last_exit = self._one_run(restarts, last_exit)
                    message = f"{self._name} ended with exit code {last_exit}; its log is {self._log}"
                except MissingKeyError as error:
                    failure, message = "CreateContainerConfigError", str(error)
                except (ClusterError, ApiError, OSError) as error:
                    failure, message = "RunContainerError", str(error)
                if self._stopping.is_set():
                    return
                if failure == "CrashLoopBackOff":
                    restarts = 1 if time.monotonic() - began > _STABLE_SECONDS else restarts + 1
                self._set(
                    ContainerState(
                        ready=False, waiting=failure, message=message, restarts=restarts, last_exit_code=last_exit
                    )
                )
                self._stopping.wait(backoff(max(restarts, 1)))
        finally:
            self._ports = {}
            self._stopped.set()
            self._on_change()

    def _one_run(self, restarts: int, last_exit: int | None) -> int:
        launch = self._prepare()
        child = _Attempt(
            self._name, launch.command, log=self._log, pid_file=self._pid_file, environment=launch.environment
        )
        child.start()
        self._ports = launch.ports
        started_at = now_text()
        ready, failures = False, 0
        began = refreshed = time.monotonic()
        try:
            while child.pid is not None:
                answered = _answers(launch)
                failures = 0 if answered else failures + 1
                ready = answered or (ready and failures < _FAILURES_UNTIL_UNREADY)
                self._set(
                    ContainerState(ready=ready, restarts=restarts, last_exit_code=last_exit, started_at=started_at)
                )
                moment = time.monotonic()
                if moment - refreshed > (_REFRESH_YOUNG if moment - began < _YOUNG_SECONDS else _REFRESH):
                    refreshed = moment
                    self._refresh_quietly()
                if self._stopping.wait(_POLL_READY if ready else _POLL_STARTING):
                    break
            return child.exit_code or 0
        finally:
            self._ports = {}
            child.stop(grace=_GRACE_SECONDS)

    def _refresh_quietly(self) -> None:
        try:
            self._refresh()
        except ApiError:
            return  # the next round tries again; the process has the files of the last one


def _answers(launch: Launch) -> bool:
    if launch.ready_port is None:
        return True
    connection = http.client.HTTPConnection("127.0.0.1", launch.ready_port, timeout=1.0)
    try:
        connection.request("GET", launch.ready_path)
        return 200 <= connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
