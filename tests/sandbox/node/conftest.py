"""What tests of the node agent share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.clock import SPEED
from tests.sandbox.node.world import World
from tests.sandbox.support import eventually


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """At a hundred times GKE's speed."""
    monkeypatch.setenv(SPEED, "100")
    made = World(tmp_path)
    yield made
    for workload in made.started:
        workload.signal_stop()
    eventually(lambda: all(workload.stopped for workload in made.started), "the processes end")
    made.prober.stop()
