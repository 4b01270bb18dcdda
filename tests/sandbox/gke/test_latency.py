"""With a speed chosen, GKE's controllers take their time; without one nobody waits for them."""

from __future__ import annotations

import dataclasses
import time

import pytest

from rules import timing
from sandbox import clock
from tests.sandbox.gke.test_controllers import GATEWAY_API, REGIONAL, gateway, holds
from tests.sandbox.support import StartCluster, eventually


def test_late_gateway_api(start_cluster: StartCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes of a Gateway API that is switched on later take up to 45 minutes, a Gateway's address one to three."""
    cluster = start_cluster(gateway_api=False)
    monkeypatch.setenv(clock.SPEED, "500")
    spec = dataclasses.replace(cluster.spec, gateway_api=True)
    needed = clock.taking(0, timing.GATEWAY_CLASSES_LATE_SECONDS, spec.directory_name)
    began = time.monotonic()
    cluster.update(spec)
    classes = lambda: cluster.client.list(GATEWAY_API, "GatewayClass")  # noqa: E731
    seen = classes()
    assert time.monotonic() - began > needed or not seen
    eventually(classes, "the classes appear", timeout=needed + 20)
    assert time.monotonic() - began >= needed
    eventually(lambda: holds(cluster.client, "GatewayClass", REGIONAL, None, "Accepted"), "the class is accepted")
    monkeypatch.setenv(clock.SPEED, "50")
    began = time.monotonic()
    cluster.client.create(gateway("default"))
    eventually(lambda: holds(cluster.client, "Gateway", "gw", "default", "Programmed"), "programmed")
    # a second less: the API server cuts creation times to whole seconds
    assert time.monotonic() - began >= timing.GATEWAY_ADDRESS_SECONDS[0] / 50 - 1
