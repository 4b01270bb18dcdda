"""A container that runs as a local process.

Owns: start, restarts with back-off, graceful end, log and private directory of the process, and what its probes mean for
it. Does not own which program it is (`images`) nor probing (`prober`). Each start gets fresh ports, mounts and
credentials, so a restart repairs what a restart repairs on a cluster.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from sandbox.clock import scaled
from sandbox.cluster.errors import ClusterError
from sandbox.kube.client import ApiError
from sandbox.node import logs
from sandbox.node.attempt import Attempt
from sandbox.node.environment import MissingKeyError
from sandbox.node.lifecycle import run_pre_stop
from sandbox.node.probe_requests import Target
from sandbox.node.prober import Watch
from sandbox.node.probes import Probe, ProbeKind, probes_of
from sandbox.node.recipe import Context
from sandbox.node.status import ContainerState, Termination, now_text
from sandbox.node.workload import Workload, backoff, duration_text, is_restarted

_REFRESH_YOUNG = 1.0
_REFRESH = 10.0
_YOUNG_SECONDS = 60.0
"""A process gets changed Secrets after 1 s in its first minute (LWS is ready before its certificate is there), then
after 10 s; a kubelet needs up to a minute and a half."""
_CONFIGURATION_RETRY = 10
_STABLE_SECONDS = 600
"""GKE's seconds: a kubelet looks again after 10 s, and forgets crashes of a container that then ran for 10 min."""
_SHORTEST_GRACE = 1.0
_SHUTDOWN_GRACE = 5.0
"""Seconds: what a process gets at least to end in, and what it gets when the whole sandbox ends."""


@dataclass(frozen=True, kw_only=True)
class Launch:
    """One start of a process: the command, its environment and where it serves each container port on 127.0.0.1.

    `ready_port` (on this machine) and `ready_path` tell when it can be used; they count only for a container without
    startup and readiness probe, whose own probes decide otherwise.
    """

    command: list[str]
    environment: Mapping[str, str]
    ports: Mapping[int, int] = field(default_factory=dict[int, int])
    ready_port: int | None = None
    ready_path: str = "/readyz"


class ProcessWorkload:
    """Keeps the process of one container running. `prepare` makes a `Launch` before each start."""

    def __init__(self, context: Context, prepare: Callable[[], Launch]) -> None:
        metadata, container = context.pod["metadata"], context.container
        self._name = f"{metadata['namespace']}/{metadata['name']}/{container['name']}"
        self._context = context
        self._prepare = prepare
        self._probes = probes_of(container)
        self._target = Target(container=container, pod_ip=context.pod_ip, local_port=self._port_of)
        self._restarts = context.restarts
        self._last: Termination | None = None
        self._state = self._waiting("ContainerCreating")
        self._ports: Mapping[int, int] = {}
        self._grace: int | None = None
        self._stopping = threading.Event()
        self._hurrying = threading.Event()
        self._stopped = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"pod-{self._name}", daemon=True)

    def start(self) -> None:
        """See `Workload`."""
        self._thread.start()

    def terminate(self, grace: int) -> None:
        """Ends it as a kubelet ends a deleted pod: preStop, SIGTERM, and after `grace` of GKE's seconds SIGKILL."""
        if self._grace is None or grace < self._grace:
            self._grace = grace
            self._stopping.set()
            self._wake.set()

    def signal_stop(self) -> None:
        """See `Workload`: without preStop and within seconds, as when its VM is shut down."""
        self._hurrying.set()
        self._stopping.set()
        self._wake.set()

    @property
    def stopped(self) -> bool:
        """See `Workload`."""
        return self._stopped.is_set()

    @property
    def ports(self) -> Mapping[int, int]:
        """Container ports and where they are served on 127.0.0.1; empty while it does not run."""
        return self._ports

    def state(self) -> ContainerState:
        """See `Workload`."""
        return self._state

    def local_port(self, container_port: int) -> int | None:
        """See `Workload`."""
        return self._ports.get(container_port)

    def _port_of(self, container_port: int) -> int | None:
        return self._ports.get(container_port) or self._context.port_of(container_port)

    def _set(self, state: ContainerState) -> None:
        changed = state != self._state
        self._state = state
        if changed:
            self._context.on_change()

    def _run(self) -> None:
        crashes = 0
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                try:
                    self._last = self._one_run()
                except MissingKeyError as error:
                    self._wait_for_configuration(str(error))
                    continue
                except (ClusterError, ApiError, OSError) as error:
                    self._context.tell("Warning", "Failed", f"Error: {error}")
                    now = now_text()
                    self._last = Termination(
                        exit_code=128, reason="StartError", started_at=now, finished_at=now, message=str(error)
                    )
                if self._stopping.is_set() or self._is_final(self._last):
                    return
                crashes = 1 if time.monotonic() - began > scaled(_STABLE_SECONDS) else crashes + 1
                self._back_off(backoff(crashes))
                self._restarts += 1
        finally:
            self._ports = {}
            self._stopped.set()
            self._context.on_change()

    def _is_final(self, ended: Termination) -> bool:
        if is_restarted(self._context.pod, self._context.container, ended.exit_code):
            return False
        self._set(
            ContainerState(
                ready=False,
                started=False,
                exit_code=ended.exit_code,
                message=ended.message,
                restarts=self._restarts,
                started_at=ended.started_at,
            )
        )
        return True

    def _wait_for_configuration(self, message: str) -> None:
        self._set(self._waiting("CreateContainerConfigError", message))
        self._context.tell("Warning", "Failed", f"Error: {message}")
        self._stopping.wait(scaled(_CONFIGURATION_RETRY))

    def _back_off(self, seconds: int) -> None:
        if not seconds:
            return
        metadata, name = self._context.pod["metadata"], self._context.container["name"]
        where = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        text = f"back-off {duration_text(seconds)} restarting failed container={name} pod={where}"
        self._set(self._waiting("CrashLoopBackOff", text))
        self._context.tell("Warning", "BackOff", f"Back-off restarting failed container {name} in pod {where}")
        self._stopping.wait(scaled(seconds))

    def _waiting(self, reason: str, message: str = "") -> ContainerState:
        return ContainerState(
            ready=False, started=False, waiting=reason, message=message, restarts=self._restarts, last=self._last
        )

    def _one_run(self) -> Termination:
        launch, log = self._prepare(), self._context.log
        if self._restarts:
            logs.note(log, f"{self._name} starts again: restart {self._restarts}")
        pid_file = self._context.directory / f"{self._context.container['name']}.pid"
        woken, environment = self._wake.set, launch.environment
        child = Attempt(self._name, launch.command, log=log, pid_file=pid_file, environment=environment, on_end=woken)
        child.start()
        self._ports = launch.ports
        started_at = now_text()
        self._context.tell("Normal", "Started", f"Started container {self._context.container['name']}")
        watches = self._watch(launch)
        try:
            self._follow(child, watches, started_at)
        finally:
            for watch in watches:
                watch.cancel()
            self._ports = {}
            child.stop(grace=_SHUTDOWN_GRACE)
        code = child.exit_code or 0
        tail = self._context.container.get("terminationMessagePolicy") == "FallbackToLogsOnError" and code != 0
        return Termination(
            exit_code=code,
            reason="Error" if code else "Completed",
            started_at=started_at,
            finished_at=now_text(),
            message=logs.tail(log) if tail else "",
        )

    def _watch(self, launch: Launch) -> list[Watch]:
        prober, tell, woken = self._context.prober, self._context.tell, self._wake.set

        def unhealthy(probe: Probe, reason: str) -> None:
            tell("Warning", "Unhealthy", f"{probe.kind.capitalize()} probe failed: {reason}")

        found = [prober.watch(self._probes, self._target, on_change=woken, on_failure=unhealthy)]
        for probe in self._probes:
            if probe.action == "exec":
                logs.note(self._context.log, f"the {probe.kind} probe runs a command: not done here, counts as passed")
        deciding = {probe.kind for probe in self._probes} & {ProbeKind.STARTUP, ProbeKind.READINESS}
        if launch.ready_port is not None and not deciding:
            handler = {"port": launch.ready_port, "path": launch.ready_path}
            probe = Probe(kind=ProbeKind.READINESS, action="httpGet", handler=handler, period=0.5, timeout=2.0)
            target = Target(container=self._context.container, pod_ip="127.0.0.1", local_port=lambda port: port)
            found.append(prober.watch([probe], target, on_change=woken, on_failure=lambda _probe, _reason: None))
        return found

    def _publish(self, watches: list[Watch], started_at: str) -> None:
        self._set(
            ContainerState(
                ready=all(watch.ready for watch in watches),
                started=all(watch.started for watch in watches),
                restarts=self._restarts,
                last=self._last,
                started_at=started_at,
            )
        )

    def _follow(self, child: Attempt, watches: list[Watch], started_at: str) -> None:
        """Until the process has ended: by itself, for a failed probe, or because it is asked to."""
        began = refreshed = time.monotonic()
        while not child.ended:
            self._publish(watches, started_at)
            given_up = next((watch.given_up for watch in watches if watch.given_up is not None), None)
            if self._stopping.is_set() or given_up is not None:
                self._end(child, watches, started_at, given_up)
                return
            now = time.monotonic()
            pause = _REFRESH_YOUNG if now - began < _YOUNG_SECONDS else _REFRESH
            if now - refreshed >= pause:
                refreshed = now
                with contextlib.suppress(ApiError):  # the process has the files of the last round
                    self._context.mount()
            self._wake.wait(pause)
            self._wake.clear()

    def _end(self, child: Attempt, watches: list[Watch], started_at: str, given_up: Probe | None) -> None:
        container, log, tell = self._context.container, self._context.log, self._context.tell
        name = container["name"]
        grace: int = self._context.pod["spec"].get("terminationGracePeriodSeconds", 30)
        if given_up is not None:
            grace = grace if given_up.grace_seconds is None else given_up.grace_seconds
            tell("Normal", "Killing", f"Container {name} failed {given_up.kind} probe, will be restarted")
        elif not self._hurrying.is_set():
            grace = grace if self._grace is None else self._grace
            tell("Normal", "Killing", f"Stopping container {name}")
            for watch in watches:
                watch.terminate()
        deadline = time.monotonic() + scaled(grace)

        def wait(seconds: float) -> None:
            until = time.monotonic() + seconds
            while not child.ended and not self._hurrying.is_set() and (left := until - time.monotonic()) > 0:
                self._publish(watches, started_at)
                self._wake.wait(left)
                self._wake.clear()

        if not self._hurrying.is_set():
            limit, note = deadline - time.monotonic(), partial(logs.note, log)
            complaint = run_pre_stop(container, self._target, limit=limit, wait=wait, note=note)
            if complaint is not None:
                tell("Warning", "FailedPreStopHook", complaint)
        child.signal_stop()
        wait(max(deadline - time.monotonic(), _SHORTEST_GRACE))
        if not self._hurrying.is_set():
            child.stop(grace=0.0)


def process_recipe(launch: Callable[[Context], Launch]) -> Callable[[Context], Workload]:
    """A recipe that runs what `launch` says as a local process; `launch` is asked again before each start."""

    def start(context: Context) -> Workload:
        return ProcessWorkload(context, lambda: launch(context))

    return start
