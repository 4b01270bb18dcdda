"""The local copy of a kind."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import cast

import pytest

from sandbox.kube.client import ApiError, Client, NoMatchError
from sandbox.node.informer import Informer
from tests.sandbox.node.fakes import Object
from tests.sandbox.support import eventually


def thing(name: str, version: str = "1") -> Object:
    """An object of the watched kind."""
    return {"metadata": {"name": name, "namespace": "n", "resourceVersion": version}}


class Server:
    """Lists what it is told, and plays the events that a test queues; an exception in the queue ends the watch."""

    def __init__(self) -> None:
        self.listed: list[Object] | Exception = []
        self.events: queue.Queue[tuple[str, Object] | Exception] = queue.Queue()
        self.watched_from: list[str | None] = []

    def list_page(self, _api_version: str, _kind: str) -> tuple[list[Object], str]:
        """The objects, as of version 10."""
        if isinstance(self.listed, Exception):
            raise self.listed
        return self.listed, "10"

    def watch(
        self, _api_version: str, _kind: str, *, resource_version: str | None, timeout_seconds: int
    ) -> Iterator[tuple[str, Object]]:
        """The queued events."""
        assert timeout_seconds > 0
        self.watched_from.append(resource_version)
        while True:
            event = self.events.get()
            if isinstance(event, Exception):
                raise event
            yield event


@pytest.fixture
def server() -> Iterator[Server]:
    """A server whose open watch ends with the test."""
    made = Server()
    yield made
    made.events.put(("BOOKMARK", thing("end", "99")))


def following(server: Server) -> tuple[Informer, list[int]]:
    """An informer and the changes it told about."""
    changes: list[int] = []
    informer = Informer(cast("Client", server), "v1", "Thing", on_change=lambda: changes.append(1))
    informer.start()
    return informer, changes


def names(informer: Informer) -> set[str]:
    """What the copy holds."""
    return {item["metadata"]["name"] for item in informer.items()}


def test_follows_events_from_where_the_list_ended(server: Server) -> None:
    """Nothing between the list and the watch is lost."""
    server.listed = [thing("a")]
    informer, changes = following(server)
    assert informer.wait_synced(10)
    eventually(lambda: server.watched_from == ["10"], "watches from the list's version")
    server.events.put(("ADDED", thing("b", "11")))
    server.events.put(("DELETED", thing("a", "12")))
    eventually(lambda: names(informer) == {"b"}, "b came, a went")
    eventually(lambda: len(changes) >= 3, "each is told")
    informer.stop()


def test_lists_again_when_its_version_is_too_old(server: Server) -> None:
    """A laptop that slept comes back to 410 Gone; deletions in between must not leave ghosts."""
    server.listed = [thing("a")]
    informer, _ = following(server)
    assert informer.wait_synced(10)
    server.listed = [thing("b")]
    server.events.put(ApiError(410, "Expired", "too old resource version"))
    eventually(lambda: names(informer) == {"b"}, "the new list")
    informer.stop()


def test_waits_for_a_kind_that_is_not_there_yet(server: Server) -> None:
    """A CRD may come long after the controller that watches it."""
    server.listed = NoMatchError("example.com/v1", "Thing")
    informer, _ = following(server)
    assert not informer.wait_synced(0.2)
    server.listed = [thing("a")]
    assert informer.wait_synced(10)
    assert names(informer) == {"a"}
    informer.stop()
