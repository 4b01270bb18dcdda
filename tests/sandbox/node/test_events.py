"""Events: each said once, then counted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

from sandbox.kube.client import ApiError, Client
from sandbox.node import events
from sandbox.node.events import EventRecorder
from tests.sandbox.node.fakes import Object, pod
from tests.sandbox.support import eventually


class Server:
    """Keeps what is written, unless it `refuses` with a status."""

    def __init__(self) -> None:
        self.stored: dict[str, Object] = {}
        self.requests: list[str] = []
        self.refuses: list[int] = []
        self.lock = threading.Lock()

    def request(self, method: str, path: str, *, body: Object, **_: Any) -> Object:
        """POST and PATCH of Events."""
        with self.lock:
            self.requests.append(method)
            if self.refuses:
                raise ApiError(self.refuses.pop(), "Refused", "refused", {})
            if method == "POST":
                name = f"e{len(self.stored)}"
                self.stored[name] = {**body, "metadata": {**body["metadata"], "name": name}}
                return self.stored[name]
            self.stored[path.rpartition("/")[2]] |= body
            return {}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """With short pauses between updates."""
    monkeypatch.setattr(events, "_UPDATE_SECONDS", 0.3)
    monkeypatch.setattr(events, "_RETRY_SECONDS", 0.05)
    return Server()


@pytest.fixture
def recorder(server: Server) -> Iterator[EventRecorder]:
    """Ended after the test."""
    made = EventRecorder(cast("Client", server))
    yield made
    made.stop()


def test_repeated_events_are_counted_in_few_writes(server: Server, recorder: EventRecorder) -> None:
    """A probe that fails each second must not cost the API server a request each second."""
    for _ in range(50):
        recorder.tell(pod(), "Warning", "Unhealthy", "Readiness probe failed", container="main")
    eventually(lambda: any(event["count"] == 50 for event in server.stored.values()), "all are counted")
    (event,) = server.stored.values()
    assert len(server.requests) <= 3
    assert event["involvedObject"]["fieldPath"] == "spec.containers{main}"
    assert (event["type"], event["reason"], event["source"]["host"]) == ("Warning", "Unhealthy", "node-1")


def test_different_events_stay_apart(server: Server, recorder: EventRecorder) -> None:
    """By container, reason and message."""
    recorder.tell(pod(), "Normal", "Started", "Started container a", container="a")
    recorder.tell(pod(), "Normal", "Killing", "Stopping container a", container="a")
    recorder.tell(pod(), "Warning", "FailedMount", "no volume")
    eventually(lambda: len(server.stored) == 3, "three")
    assert {event["involvedObject"].get("fieldPath") for event in server.stored.values()} == {
        None,
        "spec.containers{a}",
    }


def test_what_the_server_has_dropped_is_written_anew(server: Server, recorder: EventRecorder) -> None:
    """Events live for an hour only, crash loops longer."""
    recorder.tell(pod(), "Warning", "BackOff", "again")
    eventually(lambda: len(server.stored) == 1, "written")
    server.refuses = [404]
    recorder.tell(pod(), "Warning", "BackOff", "again")
    eventually(lambda: len(server.stored) == 2, "written anew")
    assert server.stored["e1"]["count"] == 2


def test_a_busy_server_is_tried_again_and_a_closing_namespace_is_not(server: Server, recorder: EventRecorder) -> None:
    """403 is what a namespace that is going away answers."""
    server.refuses = [503]
    recorder.tell(pod(), "Normal", "Started", "x")
    eventually(lambda: len(server.stored) == 1, "the second attempt succeeds")
    server.refuses = [403]
    recorder.tell(pod(), "Normal", "Started", "y")
    recorder.tell(pod(), "Normal", "Started", "z")
    eventually(lambda: len(server.stored) == 2, "the other one is written")
    assert server.requests == ["POST"] * 4
