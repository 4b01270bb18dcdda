"""The program waits neither for the answers to debug messages nor for the collector, and nothing is lost."""

from __future__ import annotations

import atexit
import gc
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from pulumi import log
from pulumi.runtime.proto import engine_pb2

from components import pace

_PROGRAM = """
import atexit, gc
atexit.register(lambda: print(gc.get_freeze_count() > 10000, len(gc.get_objects()) < 1000))
from components import pace
pace.get_engine = lambda: type("Engine", (), {"Log": type("Log", (), {"future": print})})
pace.set_pace()
kept = [[number] for number in range(5000)]
"""


class Engine:
    """Stands for the engine's client: `Log(request)` waits for an answer, `Log.future(request)` does not."""

    def __init__(self) -> None:
        self.Log = self
        self.waited: list[Any] = []
        self.aside: list[Any] = []

    def __call__(self, request: Any) -> None:
        """Waits for the answer."""
        self.waited.append(request)

    def future(self, request: Any) -> None:
        """Sends without waiting."""
        self.aside.append(request)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The engine of a program that has set its pace; this process is as it was afterwards."""
    made = Engine()
    monkeypatch.setattr(log, "debug", log.debug)
    monkeypatch.setattr(log, "get_engine", lambda: made)
    monkeypatch.setattr(pace, "get_engine", lambda: made)
    pace.set_pace()
    yield made
    gc.unfreeze()
    atexit.unregister(gc.freeze)


def test_a_debug_message_is_sent_and_not_waited_for(engine: Engine) -> None:
    """Invariant: the engine gets the same message as from the SDK's own function, and the program goes on at once."""
    pulumi.log.debug("registering resource", stream_id=3)
    assert engine.waited == []
    assert engine.aside == [
        engine_pb2.LogRequest(severity=engine_pb2.DEBUG, message="registering resource", urn="", streamId=3)
    ]


def test_what_a_person_is_told_is_still_waited_for(engine: Engine) -> None:
    """Invariant: a warning or an error is with the engine before the program goes on, or ends."""
    pulumi.log.warn("careful")
    pulumi.log.error("wrong")
    assert [request.severity for request in engine.waited] == [engine_pb2.WARNING, engine_pb2.ERROR]
    assert engine.aside == []


def test_what_is_imported_is_left_alone(engine: Engine) -> None:
    """Invariant: the collector looks through what the program makes, and not through the SDK again and again."""
    assert gc.isenabled()
    assert gc.get_freeze_count() > 10 * len(gc.get_objects())
    assert engine.waited == []


@pytest.mark.parametrize("there", [None, object()], ids=["no-engine", "mocked-engine"])
def test_without_an_engine_nothing_changes(monkeypatch: pytest.MonkeyPatch, there: object) -> None:
    """Near-miss: a process that runs the program under mocks goes on, collects, and keeps the SDK's function."""
    before = log.debug
    monkeypatch.setattr(pace, "get_engine", lambda: there)
    pace.set_pace()
    assert log.debug is before
    assert gc.get_freeze_count() == 0


def test_nothing_is_collected_at_the_end() -> None:
    """Invariant: when the last exit handlers run, the collector has nothing left to look through."""
    ran = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    assert ran.stdout == "True True\n"
