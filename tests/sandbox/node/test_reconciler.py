"""The loop that GKE's controllers and the pods share."""

from __future__ import annotations

import logging
import queue
from collections.abc import Iterator
from typing import Any, cast

import pytest

from sandbox.kube.client import ApiError, Client
from sandbox.node.reconciler import Reconciler
from tests.sandbox.node.fakes import Object

_NEVER = 3600.0
_SOON = 0.01


class Server:
    """Takes status patches, or refuses them with `refusal`."""

    def __init__(self, refusal: int | None = None) -> None:
        self.refusal = refusal
        self.patches: list[Object] = []

    def merge_patch(self, *place: Any, subresource: str) -> None:
        """Keeps the patch."""
        assert subresource == "status"
        if self.refusal is not None:
            raise ApiError(self.refusal, "Reason", "refused")
        self.patches.append(place[-1])


class Rounds(Reconciler):
    """Plays the outcomes that a test queues, then is done; tells of each round."""

    def __init__(self, *, resync: float = _NEVER, retry: float | None = None, server: Server | None = None) -> None:
        super().__init__(cast("Client", server), "rounds", resync=resync, retry=retry)
        self.outcomes: queue.SimpleQueue[bool | Exception] = queue.SimpleQueue()
        self.seen: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.number = 0

    def reconcile(self) -> bool:
        """The next outcome."""
        self.number += 1
        outcome = True if self.outcomes.empty() else self.outcomes.get()
        self.seen.put(self.number)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def plays(self, *outcomes: bool | Exception) -> None:
        """Queues outcomes, starts, and waits for one round more than these."""
        for outcome in outcomes:
            self.outcomes.put(outcome)
        self.start()
        self.wake()
        for number in range(1, len(outcomes) + 2):
            assert self.seen.get(timeout=30) == number


@pytest.fixture
def started() -> Iterator[list[Rounds]]:
    """Where tests put loops that shall end with them."""
    made: list[Rounds] = []
    yield made
    for loop in made:
        loop.stop()


def test_repeats_what_is_not_done_and_what_was_refused(started: list[Rounds], caplog: pytest.LogCaptureFixture) -> None:
    """A round that is not done, or that the API server refuses, comes again after `retry`, however long `resync` is."""
    started.append(loop := Rounds(resync=_NEVER, retry=_SOON))
    with caplog.at_level(logging.WARNING):
        loop.plays(False, ApiError(500, "InternalError", "etcd is away"), False)
    assert [record.getMessage() for record in caplog.records] == ["rounds: etcd is away; trying again"]


def test_an_odd_object_does_not_end_the_loop(started: list[Rounds], caplog: pytest.LogCaptureFixture) -> None:
    """What nobody expected is logged with its traceback, and the loop goes on at its next resync."""
    started.append(loop := Rounds(resync=_SOON, retry=_NEVER))
    loop.wake()
    loop.plays(KeyError("spec"))
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_a_change_wakes_it_and_stop_ends_it() -> None:
    """Between resyncs a round comes when something changed; after `stop` none does."""
    loop = Rounds()
    loop.plays()
    loop.wake()
    assert loop.seen.get(timeout=30) == 2
    loop.stop()
    assert loop.join(30)
    assert loop.number == 2


@pytest.mark.parametrize(
    ("held", "wanted", "written"),
    [
        ({"phase": "A", "conditions": []}, {"phase": "A"}, False),
        ({}, {"conditions": []}, False),
        ({"phase": "A"}, {"phase": "B"}, True),
    ],
)
def test_writes_a_status_that_differs(held: Object, wanted: Object, *, written: bool) -> None:
    """Only what differs is written, and only to the version that was looked at."""
    server = Server()
    Rounds(server=server).write_status(_object(held), wanted)
    expected = [{"metadata": {"resourceVersion": "7"}, "status": wanted}] if written else []
    assert server.patches == expected


@pytest.mark.parametrize("refusal", [404, 409])
def test_a_status_of_what_changed_meanwhile(refusal: int) -> None:
    """An object that was changed or is gone is left to the next round; any other refusal is told."""
    Rounds(server=Server(refusal)).write_status(_object({}), {"phase": "B"})
    with pytest.raises(ApiError, match="refused"):
        Rounds(server=Server(422)).write_status(_object({}), {"phase": "B"})


def _object(status: Object) -> Object:
    metadata = {"name": "one", "namespace": "n", "resourceVersion": "7"}
    return {"apiVersion": "v1", "kind": "Thing", "metadata": metadata, "status": status}
