"""A simulated Google Cloud of each test's own, with records in place of clusters, and an engine that talks to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.clock import SPEED
from sandbox.cloud.clusters import AddressLookup, FakeRuntime, Runtime, SubnetLookup
from sandbox.cloud.daemon import Daemon
from sandbox.cloud.kind import Resource
from sandbox.cluster.spec import ClusterSpec
from sandbox.faults import parse
from tests.sandbox.gcp.driver import Engine
from tests.sandbox.gcp.world import World


class Gate:
    """Holds up or breaks the start of clusters, so that a test can look at the world in the middle of a creation."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Event()
        self.failure: Exception | None = None

    def runtime(self, home: Path, spec: ClusterSpec, addresses: AddressLookup, proxies: SubnetLookup) -> Runtime:
        """Makes a recorded cluster whose start passes this gate."""
        gate = self

        class Gated(FakeRuntime):
            def start(self, report: Callable[[str], None]) -> None:
                gate.reached.set()
                assert gate.open.wait(30), "the gate was never opened"
                if gate.failure is not None:
                    raise gate.failure
                super().start(report)

        return Gated(home, spec, addresses, proxies)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state directory."""
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def gate() -> Gate:
    """The gate every cluster of the test passes; it is open at first."""
    return Gate()


@pytest.fixture
def start_daemon(home: Path, gate: Gate) -> Iterator[Callable[[], Daemon]]:
    """Starts daemons on `home`, one after the other; the last one is stopped afterwards."""
    running: list[Daemon] = []

    def start() -> Daemon:
        daemon = Daemon(home, gate.runtime)
        running.append(daemon)
        daemon.start()
        return daemon

    yield start
    gate.open.set()
    if running:
        running[-1].stop()


@pytest.fixture
def daemon(start_daemon: Callable[[], Daemon]) -> Daemon:
    """A running daemon."""
    return start_daemon()


@pytest.fixture
def engine(daemon: Daemon, home: Path) -> Engine:
    """An engine with a provider on the running daemon."""
    assert daemon.server.ready
    return Engine(home)


@pytest.fixture
def world(engine: Engine, home: Path) -> World:
    """The engine, and shorthands for the resources most tests need."""
    return World(engine, home)


@pytest.fixture
def daemon_away(home: Path, world: World) -> None:
    """Makes the daemon impossible to find."""
    assert world.engine
    (home / "cloud.json").unlink()


def _no_time(verb: str, resource: Resource) -> float:
    del verb, resource
    return 0.0


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hours pass in seven seconds."""
    monkeypatch.setenv(SPEED, "1000")
    monkeypatch.setattr("sandbox.clock.SHORTEST_PAUSE", 0.001)
    monkeypatch.setattr("sandbox.cloud.latency.seconds", _no_time)


@pytest.fixture
def order(daemon: Daemon) -> Callable[..., None]:
    """Orders one fault: `order("stockout", type="container.nodePools", count=2)`."""

    def order(effect: str, **fields: Any) -> None:
        names = ("type", "name", "operation", "zone")
        match = {name: fields.pop(name) for name in names if name in fields}
        daemon.cloud.faults.play(parse({"faults": [{"effect": effect, "match": match, **fields}]}, daemon.cloud.types))

    return order
