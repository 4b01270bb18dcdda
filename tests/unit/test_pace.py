"""The program waits neither for the answers to debug messages nor for the collector, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pulumi
import pytest
from pulumi import log
from pulumi.runtime.proto import engine_pb2

from components import pace


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
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The engine of a program that has asked for its debug messages to be sent aside."""
    made = Engine()
    monkeypatch.setattr(log, "debug", log.debug)
    monkeypatch.setattr(log, "get_engine", lambda: made)
    monkeypatch.setattr(pace, "get_engine", lambda: made)
    pace.set_pace()
    return made


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


def test_without_an_engine_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Near-miss: under test mocks there is no engine to tell, as with the SDK's own function."""
    monkeypatch.setattr(log, "debug", log.debug)
    monkeypatch.setattr(log, "get_engine", lambda: None)
    monkeypatch.setattr(pace, "get_engine", lambda: None)
    pace.set_pace()
    pulumi.log.debug("nobody listens")


def test_nothing_is_collected_at_the_end() -> None:
    """Invariant: when the last exit handlers run, the collector has nothing left to look through."""
    words = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 10000, len(gc.get_objects()) < 1000))"
    )
    program = f"{words}; from components.pace import set_pace; set_pace()"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "True True\n"
