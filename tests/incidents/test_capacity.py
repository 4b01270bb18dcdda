"""Zones and capacity of our own stacks under the pack, through the real engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.sandbox.stack.harness import Result, Stack

Settings = dict[str, Any]


def passes(result: Result) -> None:
    """Asserts that the pack ran in full and has nothing against the stack."""
    assert result.code == 0, result.output
    assert "gke-tpu-inference@v" in result.output
    assert "[mandatory]" not in result.output, result.output
    assert "can't run policy" not in result.output, result.output


def elsewhere(settings: Settings) -> None:
    """A zone that the list denies, and that this project knows to work."""
    settings |= {"region": "us-west1", "zone": "us-west1-a", "extraTpuZones": ["us-west1-a"]}


def fallback(settings: Settings) -> None:
    """A model on reserved machines first, then on demand, then flex-start, then spot."""
    shape = {"machineType": "ct6e-standard-4t", "topology": "2x2", "maxSlices": 1, "minSlices": 0}
    settings["tpuPools"] = [
        {**shape, "name": "reserved", "capacity": {"type": "reservation", "reservation": "v6e"}},
        {**shape, "name": "on-demand"},
        {**shape, "name": "flex", "capacity": {"type": "flex-start", "maxRunHours": 24}},
        {**shape, "name": "spot", "capacity": {"type": "spot"}},
    ]
    settings["computeClasses"] = [{"name": "v6e", "pools": ["reserved", "on-demand", "flex", "spot"]}]
    settings["models"][0]["pool"] = "v6e"


def test_extra_zones_are_written_once(incident_home: Path) -> None:
    """A zone allowed in the settings must not be refused by the pack for want of a second list in its configuration."""
    passes(Stack(incident_home, "dev").run("preview", change=elsewhere))


def test_a_fallback_order_of_every_capacity(incident_home: Path) -> None:
    """Stock-outs took days: a class of pools in order is right in the pack's eyes, already at the first preview."""
    passes(Stack(incident_home, "dev").run("preview", change=fallback))
