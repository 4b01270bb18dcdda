"""With a speed chosen, making clusters and TPU pools takes as long as on Google Cloud, divided by the speed."""

from __future__ import annotations

import time

import pytest

from rules import timing
from sandbox import clock
from tests.sandbox.gcp.world import World


def test_clusters_and_tpu_pools(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each at least the shortest time that operators report."""
    monkeypatch.setenv(clock.SPEED, "500")
    began = time.monotonic()
    world.cluster()
    assert time.monotonic() - began >= timing.CLUSTER_CREATE_SECONDS[0] / 500
    began = time.monotonic()
    world.pool()
    assert time.monotonic() - began >= timing.TPU_POOL_CREATE_SECONDS[0] / 500
