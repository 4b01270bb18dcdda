"""Simulated time: a wrong speed is one clear error, and the cloud's own work takes time only where somebody asked for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rules import timing
from sandbox import clock
from sandbox.cloud import latency
from sandbox.cloud.kind import Resource
from sandbox.gke import gateways


@pytest.fixture(autouse=True)
def unchosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has chosen a speed."""
    monkeypatch.delenv(clock.SPEED, raising=False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("fast", "this is no number"), ("0.5", "out of range"), ("1001", "out of range"), ("nan", "out of range")],
)
def test_wrong_speeds(monkeypatch: pytest.MonkeyPatch, text: str, reason: str) -> None:
    """The variable, its value, why not, what to write."""
    monkeypatch.setenv(clock.SPEED, text)
    with pytest.raises(clock.SpeedError) as error:
        clock.speed()
    assert str(error.value).startswith(f"SANDBOX_SPEED: '{text}': ")
    assert reason in str(error.value)
    assert "Write a number from 1" in str(error.value)


def cluster() -> Resource:
    """A cluster as the cloud holds it."""
    return Resource(type="container.clusters", id="projects/p/locations/l/clusters/c", project="p", properties={})


def pool(machine_type: str) -> Resource:
    """A node pool as the cloud holds it."""
    return Resource(
        type="container.nodePools",
        id="projects/p/locations/l/clusters/c/nodePools/x",
        project="p",
        properties={"nodeConfig": {"machineType": machine_type}},
    )


def test_nothing_takes_long_unless_somebody_asks() -> None:
    """`make up` as everybody runs it is not made slower; checks and probes have their scaled pace all the same."""
    assert latency.seconds("create", cluster()) == latency.seconds("create", pool("ct6e-standard-4t")) == 0
    assert gateways.is_due(gateway(age=0))
    assert clock.scaled(100) == 10


@pytest.mark.parametrize(("speed", "factor"), [("1", 1), ("10", 10), ("100", 100)])
def test_operations_take_as_long_as_on_gke(monkeypatch: pytest.MonkeyPatch, speed: str, factor: int) -> None:
    """Within what operators report, divided by the speed; always the same for the same resource."""
    monkeypatch.setenv(clock.SPEED, speed)
    for resource, (shortest, longest) in (
        (cluster(), timing.CLUSTER_CREATE_SECONDS),
        (pool("ct6e-standard-4t"), timing.TPU_POOL_CREATE_SECONDS),
    ):
        taken = latency.seconds("create", resource)
        assert shortest <= taken * factor <= longest
        assert taken == latency.seconds("create", resource)
        assert latency.seconds("update", resource) == 0
    assert latency.seconds("create", pool("e2-standard-4")) == 0


def gateway(age: float) -> dict[str, Any]:
    """A Gateway that was made `age` seconds ago."""
    created = (datetime.now(UTC) - timedelta(seconds=age)).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"metadata": {"namespace": "n", "name": "g", "creationTimestamp": created}, "spec": {}}


def test_a_gateway_waits_for_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """One to three minutes at GKE's own pace; one that has its address keeps it, also after a restart."""
    monkeypatch.setenv(clock.SPEED, "1")
    shortest, longest = timing.GATEWAY_ADDRESS_SECONDS
    assert not gateways.is_due(gateway(age=shortest - 10))
    assert gateways.is_due(gateway(age=longest + 10))
    known = {**gateway(age=0), "status": {"addresses": [{"value": "203.0.113.7"}]}}
    assert gateways.is_due(known)
