"""One run of a container's process, from its start until nothing of it is left.

Owns: starting it, its probes, changed mounts, and ending it as a kubelet does. Does not own what comes after (`process`).
Why probes wait for the program's own code: their times are scaled, and the start of an interpreter on this machine is not;
at a high speed a liveness probe would end every process before it could listen.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from sandbox.clock import scaled
from sandbox.kube.client import ApiError
from sandbox.node import lifecycle, logs
from sandbox.node.attempt import Attempt
from sandbox.node.launch import Launch
from sandbox.node.probe_requests import Target
from sandbox.node.prober import Watch
from sandbox.node.probes import Probe, ProbeKind
from sandbox.node.recipe import Context
from sandbox.node.status import Termination, now_text

_REFRESH_YOUNG = 1.0
_REFRESH = 10.0
_YOUNG_SECONDS = 60.0
"""A process gets changed Secrets after 1 s in its first minute (LWS is ready before its certificate is there), then
after 10 s; a kubelet needs up to a minute and a half."""
_BOOT_LOOK = 0.05
_BOOT_LIMIT = 20.0
"""Seconds: between two looks whether the program's own code runs, and after which it is probed all the same."""
_SHORTEST_GRACE = 1.0
_SHUTDOWN_GRACE = 5.0
"""Seconds: what a process gets at least to end in, and what it gets when the whole sandbox ends."""


class Asked:
    """What a container's process is asked to do from outside, by any thread; `woken` says that something has changed."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.hurrying = threading.Event()
        self.woken = threading.Event()
        self.grace: int | None = None


class Run:
    """`to_end` runs the process of `launch`; `publish` is told (ready, started, since when) again and again."""

    def __init__(
        self,
        context: Context,
        launch: Launch,
        probes: Sequence[Probe],
        target: Target,
        asked: Asked,
        publish: Callable[[bool, bool, str], None],
    ) -> None:
        self._context = context
        self._launch = launch
        self._probes = probes
        self._target = target
        self._asked = asked
        self._publish_state = publish
        self._watches: list[Watch] = []
        self._booted_at: float | None = None
        self._started_at = ""
        self.ports: Mapping[int, int] = {}
        """Container ports and where they are served on 127.0.0.1; empty while it does not run."""

    @property
    def seconds(self) -> float:
        """How long the program's own code has run."""
        return 0.0 if self._booted_at is None else time.monotonic() - self._booted_at

    def to_end(self) -> Termination:
        """Starts the process and returns when nothing of it is left.

        Raises:
            ClusterError, OSError: it could not be started.
        """
        context, log = self._context, self._context.log
        name = context.container["name"]
        self._launch.forget_boot()
        child = Attempt(
            f"{context.pod['metadata']['namespace']}/{context.pod['metadata']['name']}/{name}",
            self._launch.command,
            log=log,
            pid_file=context.directory / f"{name}.pid",
            environment=self._launch.environment,
            on_end=self._asked.woken.set,
        )
        child.start()
        try:
            self.ports = self._launch.ports
            self._started_at = now_text()
            context.tell("Normal", "Started", f"Started container {name}")
            self._follow(child)
        finally:
            for watch in self._watches:
                watch.cancel()
            self.ports = {}
            child.stop(grace=_SHUTDOWN_GRACE)
        code = child.exit_code or 0
        tail = context.container.get("terminationMessagePolicy") == "FallbackToLogsOnError" and code != 0
        return Termination(
            exit_code=code,
            reason="Error" if code else "Completed",
            started_at=self._started_at,
            finished_at=now_text(),
            message=logs.tail(log) if tail else "",
        )

    def _follow(self, child: Attempt) -> None:
        """Until the process has ended: by itself, for a failed probe, or because it is asked to."""
        began = refreshed = time.monotonic()
        while not child.ended:
            now = time.monotonic()
            if self._booted_at is None and (self._launch.has_booted() or now - began >= _BOOT_LIMIT):
                self._booted_at = now
                self._watch()
            self._publish()
            given_up = next((watch.given_up for watch in self._watches if watch.given_up is not None), None)
            if self._asked.stopping.is_set() or given_up is not None:
                self._end(child, given_up)
                return
            pause = _REFRESH_YOUNG if now - began < _YOUNG_SECONDS else _REFRESH
            if now - refreshed >= pause:
                refreshed = now
                with contextlib.suppress(ApiError):  # the process has the files of the last round
                    self._context.mount()
            self._asked.woken.wait(_BOOT_LOOK if self._booted_at is None else pause)
            self._asked.woken.clear()

    def _watch(self) -> None:
        prober, tell, woken = self._context.prober, self._context.tell, self._asked.woken.set

        def unhealthy(probe: Probe, reason: str) -> None:
            tell("Warning", "Unhealthy", f"{probe.kind.capitalize()} probe failed: {reason}")

        self._watches.append(prober.watch(self._probes, self._target, on_change=woken, on_failure=unhealthy))
        for probe in self._probes:
            if probe.action == "exec":
                logs.note(self._context.log, f"the {probe.kind} probe runs a command: not done here, counts as passed")
        deciding = {probe.kind for probe in self._probes} & {ProbeKind.STARTUP, ProbeKind.READINESS}
        if self._launch.ready_port is not None and not deciding:
            handler = {"port": self._launch.ready_port, "path": self._launch.ready_path}
            probe = Probe(kind=ProbeKind.READINESS, action="httpGet", handler=handler, period=0.5, timeout=2.0)
            target = Target(container=self._context.container, pod_ip="127.0.0.1", local_port=lambda port: port)
            self._watches.append(
                prober.watch([probe], target, on_change=woken, on_failure=lambda _probe, _reason: None)
            )

    def _publish(self) -> None:
        booted = self._booted_at is not None
        ready = booted and all(watch.ready for watch in self._watches)
        started = booted and all(watch.started for watch in self._watches)
        self._publish_state(ready, started, self._started_at)

    def _end(self, child: Attempt, given_up: Probe | None) -> None:
        container, log, tell, asked = self._context.container, self._context.log, self._context.tell, self._asked
        name = container["name"]
        grace: int = self._context.pod["spec"].get("terminationGracePeriodSeconds", 30)
        if given_up is not None:
            grace = grace if given_up.grace_seconds is None else given_up.grace_seconds
            tell("Normal", "Killing", f"Container {name} failed {given_up.kind} probe, will be restarted")
        elif not asked.hurrying.is_set():
            grace = grace if asked.grace is None else asked.grace
            tell("Normal", "Killing", f"Stopping container {name}")
            for watch in self._watches:
                watch.terminate()

        def wait(seconds: float) -> None:
            until = time.monotonic() + seconds
            while not child.ended and not asked.hurrying.is_set() and (left := until - time.monotonic()) > 0:
                self._publish()
                asked.woken.wait(left)
                asked.woken.clear()

        if not asked.hurrying.is_set():
            note = partial(logs.note, log)
            complaint = lifecycle.run_pre_stop(container, self._target, limit=scaled(grace), wait=wait, note=note)
            if complaint is not None:
                tell("Warning", "FailedPreStopHook", complaint)
        child.signal_stop()
        # What a hook sleeps is scaled; what is left is real, because the requests that a server still answers then are.
        wait(max(grace - lifecycle.slept(container), _SHORTEST_GRACE))
        if not asked.hurrying.is_set():
            child.stop(grace=0.0)
