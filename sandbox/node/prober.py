"""The probes of all containers of a node agent, sent by one thread.

Owns: the thread, its event loop and the order in which probes become due. Does not own thresholds (`probes`) nor
requests (`probe_requests`). It sleeps until a probe is due; a probe that hangs delays no other.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from sandbox.node.probe_requests import Target, send
from sandbox.node.probes import Probe, ProbeKind, ProbeStates

_log = logging.getLogger(__name__)


class Watch:
    """The probes of one run of one container, until `cancel`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        probes: Sequence[Probe],
        target: Target,
        *,
        on_change: Callable[[], None],
        on_failure: Callable[[Probe, str], None],
    ) -> None:
        self._loop = loop
        self._target = target
        self._on_change = on_change
        self._on_failure = on_failure
        self._states = ProbeStates(probes, time.monotonic())
        self._busy: set[ProbeKind] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._cancelled = False
        self._do(self._schedule)

    @property
    def started(self) -> bool:
        """Whether the startup probe has succeeded."""
        return self._states.started

    @property
    def ready(self) -> bool:
        """Whether the container may get requests."""
        return self._states.ready

    @property
    def given_up(self) -> Probe | None:
        """The probe for which the container must be restarted."""
        return self._states.given_up

    def terminate(self) -> None:
        """Only readiness from now on: the pod is being deleted."""
        self._states.terminate()

    def cancel(self) -> None:
        """No more probes; one that is under way has no effect."""
        self._cancelled = True
        self._do(self._end)

    def _do(self, action: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(action)
        except RuntimeError:  # the prober has been stopped
            self._cancelled = True

    def _end(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _schedule(self) -> None:
        for kind in ProbeKind:
            due = self._states.due(kind)
            if due is None or kind in self._busy or self._cancelled:
                continue
            self._busy.add(kind)
            task = self._loop.create_task(self._send(kind, due))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, kind: ProbeKind, due: float) -> None:
        probe, states = self._states.probe(kind), self._states
        await asyncio.sleep(max(due - time.monotonic(), 0))
        try:
            failure = await send(probe, self._target) if states.due(kind) is not None else None
        except Exception as error:  # noqa: BLE001 - a probe that cannot be sent is a failed one, as for a kubelet
            _log.exception("%s probe of %s", kind, self._target.container["name"])
            failure = str(error)
        self._busy.discard(kind)
        if self._cancelled or states.due(kind) is None:
            return
        before = (states.started, states.ready, states.given_up)
        states.record(kind, success=failure is None, now=time.monotonic())
        if failure is not None:
            self._on_failure(probe, failure)
        if before != (states.started, states.ready, states.given_up):
            self._on_change()
        self._schedule()


class Prober:
    """Starts its thread with the first container."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = False

    def watch(
        self,
        probes: Sequence[Probe],
        target: Target,
        *,
        on_change: Callable[[], None],
        on_failure: Callable[[Probe, str], None],
    ) -> Watch:
        """Begins to probe a container; delays count from now. The callbacks come from the prober's thread."""
        return Watch(self._running_loop(), probes, target, on_change=on_change, on_failure=on_failure)

    def stop(self) -> None:
        """Ends the thread; watches stay as they are."""
        with self._lock:
            loop, self._loop, self._stopped = self._loop, None, True
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._stopped:
                raise RuntimeError("the prober has been stopped")
            if self._loop is None:
                started: Future[asyncio.AbstractEventLoop] = Future()
                threading.Thread(target=_run, args=(started,), name="prober", daemon=True).start()
                self._loop = started.result()
            return self._loop


def _run(started: Future[asyncio.AbstractEventLoop]) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    started.set_result(loop)
    try:
        loop.run_forever()
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
