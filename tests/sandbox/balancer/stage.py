"""A load balancer in this process, without an API server: configured by hand, for the tests of its data path."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from rules.load_balancer import HEAD_LIMIT_BYTES
from sandbox.balancer import matching
from sandbox.balancer.access_log import AccessLog
from sandbox.balancer.endpoints import Endpoint
from sandbox.balancer.health import Fleet
from sandbox.balancer.programming import Listener, Program
from sandbox.balancer.proxy import Proxy, View, Weights
from sandbox.balancer.specs import BackendSpec, HealthCheck
from tests.sandbox.support import eventually

Object = dict[str, Any]
T = TypeVar("T")

CHECK = HealthCheck(type="TCP", interval=1, timeout=1, healthy=1)


def backend(name: str = "web", **fields: Any) -> BackendSpec:
    """The backend of the Service `llm/NAME`, checked by TCP unless told otherwise."""
    given: dict[str, Any] = {"kind": "Service", "port": 80, "ports": (8000,), "selector": {"app": name}, "check": CHECK}
    return BackendSpec(namespace="llm", name=name, **(given | fields))


def endpoint(pod: str, port: int | None, **fields: Any) -> Endpoint:
    """An endpoint that is 127.0.0.1:`port`, checked on the same port."""
    given: dict[str, Any] = {"ip": "10.0.0.1", "port": 8000, "local": port, "check": port, "uid": pod}
    return Endpoint(pod=f"llm/{pod}", **(given | fields))


def rules(*given: tuple[Object, tuple[tuple[str, int], ...]]) -> tuple[matching.Match, ...]:
    """The matches of one route with these rules and their backends."""
    route = {"metadata": {"namespace": "llm", "name": "r"}, "spec": {"rules": [rule for rule, _ in given]}}
    keys = {index: backends for index, (_, backends) in enumerate(given)}
    return tuple(matching.compiled(route, keys, ()))


class Stage:
    """One HTTP listener on `port`; what it serves is set by `serve`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, log: Path) -> None:
        self._loop = loop
        self._matches: tuple[matching.Match, ...] = ()
        self.fleet = Fleet(lambda: None)
        self._proxy = Proxy(self._view, self.fleet, AccessLog(log), Weights())
        self._server = self.run(asyncio.start_server(self._proxy.connected, "127.0.0.1", 0, limit=HEAD_LIMIT_BYTES))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs `work` in the load balancer's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def serve(
        self, matches: tuple[matching.Match, ...], fleet: Mapping[str, tuple[BackendSpec, list[Endpoint]]]
    ) -> None:
        """Serves these rules and checks these backends."""
        self._matches = matches
        self.update(fleet)

    def update(self, fleet: Mapping[str, tuple[BackendSpec, list[Endpoint]]]) -> None:
        """Changes the backends only."""

        async def work() -> None:
            self.fleet.update(fleet)

        self.run(work())

    def one(
        self, spec: BackendSpec, *endpoints: Endpoint, rule: Object | None = None, healthy: int | None = None
    ) -> None:
        """One rule with one backend; waits until `healthy` endpoints (by default all) are healthy."""
        self.serve(rules((rule or {}, ((spec.key, 1),))), {spec.key: (spec, list(endpoints))})
        wanted = len(endpoints) if healthy is None else healthy
        eventually(lambda: len(self.fleet.backends[spec.key].healthy()) == wanted, f"{wanted} endpoints are healthy")

    def reasons(self, spec: BackendSpec) -> list[str]:
        """Why the endpoints of a backend are as they are."""
        return [state.reason for state in self.fleet.backends[spec.key].states()]

    async def end(self) -> None:
        """Closes everything."""
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.05)  # transports close in the loop's next rounds

    def _view(self) -> View:
        listener = Listener(name="http", port=80, protocol="HTTP", hostname=None, tls={}, matches=self._matches)
        program = Program(namespace="infra", name="gw", class_name="c", address="203.0.113.7", listeners=(listener,))
        return View(program=program, listener=listener, local_ports={})


@contextmanager
def stage(folder: Path) -> Generator[Stage]:
    """A stage whose access log is `folder/access.jsonl`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made = Stage(loop, folder / "access.jsonl")
    try:
        yield made
    finally:
        made.run(made.end())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
