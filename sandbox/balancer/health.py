"""The health of every endpoint of every backend, and which one gets the next request.

Owns the checks' rhythm, thresholds and round robin, and draining: an endpoint that leaves keeps its running requests for
the backend's draining time. Does not own one check (`probes`) nor membership (`endpoints`). An endpoint begins UNHEALTHY
and needs as many successes as the threshold says. Intervals pass at the sandbox's speed; a check waits the scaled timeout
for its answer but at least one real second, as it measures a server on a busy machine and not simulated time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sandbox.balancer.endpoints import Endpoint
from sandbox.balancer.probes import probe
from sandbox.balancer.specs import BackendSpec
from sandbox.clock import scaled
from sandbox.node.status import now_text

_SHORTEST_TIMEOUT = 1.0
_UNSERVED_PAUSE = 1.0


@dataclass
class State:
    """What is known of one endpoint. `reason` is why the last check failed."""

    endpoint: Endpoint
    healthy: bool = False
    reason: str = "not checked yet"
    since: str = field(default_factory=now_text)
    streak: int = 0
    """Checks in a row that say otherwise than `healthy`."""
    requests: set[asyncio.Task[None]] = field(default_factory=set["asyncio.Task[None]"])
    task: asyncio.Task[None] | None = None
    leaving: float | None = None


class BackendHealth:
    """One backend's endpoints. `changed` is called when an endpoint comes, goes, or changes its health or reason."""

    def __init__(self, spec: BackendSpec, changed: Callable[[], None]) -> None:
        self.spec = spec
        self._changed = changed
        self._states: dict[str, State] = {}
        self._turn = 0
        self._draining: set[asyncio.Task[None]] = set()

    def states(self) -> list[State]:
        """All endpoints, also leaving ones."""
        return list(self._states.values())

    def update(self, spec: BackendSpec, members: Iterable[Endpoint]) -> None:
        """Takes over a changed backend and its endpoints now; checks begin and end with them."""
        restart = spec.check != self.spec.check
        self.spec = spec
        present = {endpoint.key: endpoint for endpoint in members}
        for key, state in list(self._states.items()):
            if key not in present and state.leaving is None:
                self._leave(key, state)
        for key, endpoint in present.items():
            state = self._states.get(key)
            if state is None:
                state = self._states[key] = State(endpoint)
                self._changed()
            state.leaving = None
            moved = state.endpoint != endpoint
            state.endpoint = endpoint
            if state.task is None or restart or moved:
                self._check(state)

    def stop(self) -> None:
        """Takes every endpoint out, with draining."""
        for key, state in list(self._states.items()):
            if state.leaving is None:
                self._leave(key, state)

    def healthy(self) -> list[State]:
        """The endpoints that get requests."""
        return [state for state in self._states.values() if state.healthy and state.leaving is None]

    def pick(self, among: Iterable[Endpoint] | None = None) -> State | None:
        """The next endpoint by round robin, `among` some or all healthy ones; None when there is none."""
        keys = None if among is None else {endpoint.key for endpoint in among}
        found = [state for state in self.healthy() if keys is None or state.endpoint.key in keys]
        if not found:
            return None
        self._turn += 1
        return found[self._turn % len(found)]

    def _leave(self, key: str, state: State) -> None:
        if state.task is not None:
            state.task.cancel()
        state.task, state.leaving, state.healthy = None, time.monotonic() + self.spec.draining, False
        state.reason = f"draining for at most {self.spec.draining:g} s"
        self._draining.add(drain := asyncio.get_running_loop().create_task(self._drain(key, state)))
        drain.add_done_callback(self._draining.discard)
        self._changed()

    async def _drain(self, key: str, state: State) -> None:
        if state.requests:
            await asyncio.wait(set(state.requests), timeout=self.spec.draining)
        if state.leaving is None:
            return  # it came back
        for request in list(state.requests):
            request.cancel()
        if self._states.get(key) is state:
            del self._states[key]
        self._changed()

    def _check(self, state: State) -> None:
        if state.task is not None:
            state.task.cancel()
        state.streak = 0
        state.task = asyncio.get_running_loop().create_task(self._watch(state))

    async def _watch(self, state: State) -> None:
        while True:
            check, endpoint = self.spec.check, state.endpoint
            began = time.monotonic()
            timeout = max(scaled(check.timeout), min(check.timeout, _SHORTEST_TIMEOUT))
            port = endpoint.check
            reason = endpoint.unserved if port is None else await probe(check, port, endpoint.ip, timeout)
            self._record(state, reason)
            pause = _UNSERVED_PAUSE if port is None else scaled(check.interval)
            await asyncio.sleep(max(pause - (time.monotonic() - began), 0.01))

    def _record(self, state: State, reason: str | None) -> None:
        passed = reason is None
        before = (state.healthy, state.reason)
        threshold = self.spec.check.healthy if passed else self.spec.check.unhealthy
        state.streak = 0 if passed == state.healthy else state.streak + 1
        if state.streak >= threshold:
            state.healthy, state.streak, state.since = passed, 0, now_text()
        state.reason = reason or ("" if state.healthy else f"{state.streak} of {threshold} checks passed")
        if before != (state.healthy, state.reason):
            self._changed()


class Fleet:
    """The health of all backends, by key."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.backends: dict[str, BackendHealth] = {}

    def update(self, wanted: Mapping[str, tuple[BackendSpec, list[Endpoint]]]) -> None:
        """Makes the checked backends those of `wanted`."""
        for key in set(self.backends) - set(wanted):
            self.backends.pop(key).stop()
            self._changed()
        for key, (spec, endpoints) in wanted.items():
            if key not in self.backends:
                self.backends[key] = BackendHealth(spec, self._changed)
            self.backends[key].update(spec, endpoints)
