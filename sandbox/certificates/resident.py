"""A program of ours that plays a container's part inside this process.

Owns the thread, the retries, the log and the `Workload` interface of such a program. Does not own what it does.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from sandbox.kube.client import ApiError, NoMatchError
from sandbox.node.informer import Informer
from sandbox.node.isolation import Isolation
from sandbox.node.status import ContainerState, now_text

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_RESYNC_SECONDS = 30.0
"""What failed for a reason that may pass is tried again after 1 s, then ever later, because a key is made for each attempt."""


class Resident:
    """Calls `reconcile` whenever one of `informers` changed, and every 30 s; ready once all of them are complete."""

    def __init__(self, name: str, *, log: Path | None, on_change: Callable[[], None]) -> None:
        self._name = name
        self._log = log
        self._on_change = on_change
        self._informers: list[Informer] = []
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._ready = False
        self._started_at = now_text()
        self._complaints: set[str] = set()
        self._patience = _RETRY_SECONDS
        self.isolation = Isolation(name, self.say)

    def start(self) -> None:
        """See `sandbox.node.workload.Workload`."""
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def signal_stop(self) -> None:
        """See `Workload`."""
        self._stopping.set()
        self._wake.set()
        if not self._ready:
            self._on_change()

    @property
    def stopped(self) -> bool:
        """See `Workload`."""
        return self._stopped.is_set()

    def state(self) -> ContainerState:
        """See `Workload`."""
        return ContainerState(ready=self._ready, started_at=self._started_at)

    def local_port(self, container_port: int) -> int | None:  # noqa: ARG002 - most serve nothing
        """See `Workload`."""
        return None

    def begin(self) -> None:
        """Overridden by who has to start something before the first `reconcile`."""

    def reconcile(self) -> None:
        """Overridden: brings what is there to what should be. What it raises is logged, and it is called again.

        What it does for one object belongs into `isolation.of(object)`, so that none holds up the others.
        """

    def end(self) -> None:
        """Overridden by who has to stop something."""

    def wake(self) -> None:
        """Asks for a round of `reconcile` soon."""
        self._wake.set()

    def say(self, text: str) -> None:
        """Adds a line to the pod's log, once per text."""
        if self._log is None or text in self._complaints:
            return
        self._complaints.add(text)
        self._log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._log.open("a") as file:
            file.write(f"{now_text()} {self._name}: {text}\n")

    def _run(self) -> None:
        try:
            for informer in self._informers:
                informer.start()
            begun = False
            while not self._stopping.is_set():
                pause = _RETRY_SECONDS
                try:
                    if not begun:
                        self.begin()
                        begun = True
                    self.reconcile()
                    if self._informers_synced():
                        pause = self.until_next()
                        self._become_ready()
                except (ApiError, NoMatchError, OSError) as error:
                    self.say(f"{error}; trying again")
                except Exception as error:  # noqa: BLE001 - one odd object must not end this part for the whole cluster
                    _log.exception("%s", self._name)
                    self.say(f"{type(error).__name__}: {error}; trying again")
                self._wake.wait(pause)
                self._wake.clear()
        finally:
            for informer in self._informers:
                informer.stop()
            try:
                self.end()
            finally:
                self._stopped.set()
                self._on_change()

    def until_next(self) -> float:
        """Seconds from a round that has looked at everything to the next one, if nothing changes."""
        if not self.isolation.asks_for_another_round():
            self._patience = _RETRY_SECONDS
            return _RESYNC_SECONDS
        pause, self._patience = self._patience, min(2 * self._patience, _RESYNC_SECONDS)
        return pause

    def _informers_synced(self) -> bool:
        return all(informer.synced for informer in self._informers)

    def _become_ready(self) -> None:
        if not self._ready:
            self._ready = True
            self.say("ready")
            self._on_change()
