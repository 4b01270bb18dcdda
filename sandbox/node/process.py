"""A container that runs as a local process.

Owns: keeping it running, with back-off, and what is reported for it. Does not own one run of it (`run`), which program it is
(`images`) nor probing (`prober`). Each start gets fresh ports, mounts and credentials, so a restart repairs what a restart
repairs on a cluster.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from sandbox.clock import scaled
from sandbox.cluster.errors import ClusterError
from sandbox.kube.client import ApiError
from sandbox.node import logs
from sandbox.node.environment import MissingKeyError
from sandbox.node.launch import Launch
from sandbox.node.probe_requests import Target
from sandbox.node.probes import probes_of
from sandbox.node.recipe import Context
from sandbox.node.run import Asked, Run
from sandbox.node.status import ContainerState, Termination, now_text
from sandbox.node.workload import Workload, backoff, duration_text, is_restarted, is_stable

_log = logging.getLogger(__name__)

_CONFIGURATION_RETRY = 10
"""GKE's seconds: a kubelet looks again after 10 s."""


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
        self._current: Run | None = None
        self._asked = Asked()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"pod-{self._name}", daemon=True)

    def start(self) -> None:
        """See `Workload`."""
        self._thread.start()

    def terminate(self, grace: int) -> None:
        """Ends it as a kubelet ends a deleted pod: preStop, SIGTERM, and SIGKILL after `grace` seconds.

        The sleeping of preStop passes at the sandbox's speed, what is left of `grace` as on the wall.
        """
        if self._asked.grace is None or grace < self._asked.grace:
            self._asked.grace = grace
            self._asked.stopping.set()
            self._asked.woken.set()

    def signal_stop(self) -> None:
        """See `Workload`: without preStop and within seconds, as when its VM is shut down."""
        self._asked.hurrying.set()
        self._asked.stopping.set()
        self._asked.woken.set()

    @property
    def stopped(self) -> bool:
        """See `Workload`."""
        return self._stopped.is_set()

    @property
    def ports(self) -> Mapping[int, int]:
        """Container ports and where they are served on 127.0.0.1; empty while it does not run."""
        current = self._current
        return {} if current is None else current.ports

    def state(self) -> ContainerState:
        """See `Workload`."""
        return self._state

    def local_port(self, container_port: int) -> int | None:
        """See `Workload`."""
        return self.ports.get(container_port)

    def _port_of(self, container_port: int) -> int | None:
        return self.ports.get(container_port) or self._context.port_of(container_port)

    def _set(self, state: ContainerState) -> None:
        changed = state != self._state
        self._state = state
        if changed:
            self._context.on_change()

    def _run(self) -> None:
        crashes = 0
        try:
            while not self._asked.stopping.is_set():
                try:
                    self._last = self._one_run()
                except MissingKeyError as error:
                    self._wait_for_configuration(str(error))
                    continue
                except (ClusterError, ApiError, OSError) as error:
                    self._last = self._not_started(error)
                except Exception as error:  # noqa: BLE001 - else the status stands still for ever, and nothing says why
                    _log.exception("%s", self._name)
                    self._last = self._not_started(error)
                if self._asked.stopping.is_set() or self._is_final(self._last):
                    return
                lasted = 0.0 if self._current is None else self._current.seconds
                crashes = 1 if is_stable(lasted) else crashes + 1
                self._back_off(backoff(crashes))
                self._restarts += 1
        finally:
            self._current = None
            self._stopped.set()
            self._context.on_change()

    def _one_run(self) -> Termination:
        self._current = None
        launch = self._prepare()
        if self._restarts:
            logs.note(self._context.log, f"{self._name} starts again: restart {self._restarts}")
        self._current = run = Run(self._context, launch, self._probes, self._target, self._asked, self._report)
        return run.to_end()

    def _not_started(self, error: Exception) -> Termination:
        self._context.tell("Warning", "Failed", f"Error: {error}")
        now = now_text()
        return Termination(exit_code=128, reason="StartError", started_at=now, finished_at=now, message=str(error))

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
        self._asked.stopping.wait(scaled(_CONFIGURATION_RETRY))

    def _back_off(self, seconds: int) -> None:
        if not seconds:
            return
        metadata, name = self._context.pod["metadata"], self._context.container["name"]
        where = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        text = f"back-off {duration_text(seconds)} restarting failed container={name} pod={where}"
        self._set(self._waiting("CrashLoopBackOff", text))
        self._context.tell("Warning", "BackOff", f"Back-off restarting failed container {name} in pod {where}")
        self._asked.stopping.wait(scaled(seconds))

    def _waiting(self, reason: str, message: str = "") -> ContainerState:
        return ContainerState(
            ready=False, started=False, waiting=reason, message=message, restarts=self._restarts, last=self._last
        )

    def _report(self, ready: bool, started: bool, started_at: str) -> None:
        self._set(
            ContainerState(
                ready=ready, started=started, restarts=self._restarts, last=self._last, started_at=started_at
            )
        )


def process_recipe(launch: Callable[[Context], Launch]) -> Callable[[Context], Workload]:
    """A recipe that runs what `launch` says as a local process; `launch` is asked again before each start."""

    def start(context: Context) -> Workload:
        return ProcessWorkload(context, lambda: launch(context))

    return start
