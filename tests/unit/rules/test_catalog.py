"""The catalog of TPU generations, machines without TPU by zone, and compute classes."""

from __future__ import annotations

import pytest

from rules import compute_class, machine_zones, tpu
from rules.compute_class import MemberPool


def test_v6e_is_complete() -> None:
    """Everything that a pool, a pod or a price follows from is known of the generation this platform is for."""
    machines = [machine for machine in tpu.MACHINE_TYPES.values() if machine.generation == "v6e"]
    assert {machine.name: (machine.chips_per_vm, machine.vcpus, machine.memory_gib) for machine in machines} == {
        "ct6e-standard-1t": (1, 44, 176),
        "ct6e-standard-4t": (4, 180, 720),
        "ct6e-standard-8t": (8, 180, 1440),
    }
    for machine in machines:
        assert machine.complete
        assert (machine.node_label, machine.availability_name) == ("tpu-v6e-slice", "tpu-v6e")
        assert (machine.hbm_gib_per_chip, machine.boot_disk_types) == (32, ("hyperdisk-balanced",))
        assert machine.minimum_gke_version == "1.31.2-gke.1115000"
    assert "us-east5-b" in tpu.zones("v6e")
    assert tpu.ZONES_DATE
    assert tpu.ZONES_SOURCE


@pytest.mark.parametrize(
    ("topology", "possible"),
    [
        ("2x2x1", True),
        ("2x2x2", True),
        ("2x2x8", True),
        ("4x4x12", True),
        ("4x8x4", False),
        ("2x2x20", False),
        ("1x2x4", False),
        ("4x6x8", False),
        ("2x4", False),
    ],
)
def test_three_dimensional_slices(topology: str, possible: bool) -> None:
    """Of v5p not every topology is listed: even sides up to a cube of 64 chips, whole cubes in order above."""
    assert (not tpu.check_slice("ct5p-hightpu-4t", topology)) == possible


@pytest.mark.parametrize(
    ("machine", "zone", "verdict"),
    [
        ("e2-standard-4", "us-east5-b", None),
        ("e2-custom-4-8192", "asia-east1-c", None),
        ("n2-standard-8", "us-east5-a", None),
        ("n2-standard-8", "asia-east1-c", False),
        ("n4-standard-8", "us-east5-a", False),
        ("n5-standard-8", "us-east5-a", False),
        ("custom-4-8192", "us-east5-a", False),
        ("e2-standard-4", "us-south1-ai1b", True),
        ("ct6e-standard-4t", "us-east5-b", True),
        ("large", "us-east5-b", True),
    ],
)
def test_machines_without_tpu(machine: str, zone: str, verdict: bool | None) -> None:
    """Known to be there: silent. Not on the list: a warning. An AI zone, a TPU machine, no machine at all: an error."""
    found = machine_zones.check_machine(machine, [zone])
    assert [finding.certain for finding in found] == ([] if verdict is None else [verdict])


def test_every_zone_in_question_is_looked_at() -> None:
    """The first zone being fine says nothing about the second."""
    assert machine_zones.check_machine("n2-standard-8", ["us-east5-a", "us-south1-ai1b"])[0].certain


def test_pools_of_a_class() -> None:
    """Label, taint, limits and one shape; what is not known is not judged."""
    right = MemberPool(name="a", label="v6e", taint="v6e", shape="ct6e-standard-4t", autoscaled=True)
    assert not compute_class.check_members("v6e", [right, MemberPool(name="b")])
    wrong = MemberPool(name="b", label="", taint="other", shape="ct6e-standard-8t", autoscaled=False)
    findings = compute_class.check_members("v6e", [right, wrong])
    assert [finding.path for finding in findings] == ["b.labels", "b.taints", "b.autoscaling", "b.shape"]
    assert findings[0].remedy == "Write cloud.google.com/compute-class: v6e."


@pytest.mark.parametrize(
    ("spec", "rules"),
    [
        ({"priorities": [{"nodepools": ["a"]}], "whenUnsatisfiable": "DoNotScaleUp"}, []),
        ({"priorities": [{"nodepools": ["a"]}]}, []),
        ({"priorities": [{"tpu": {}}], "whenUnsatisfiable": "ScaleUpAnyway"}, ["unsatisfiable"]),
        ({"priorities": [{"nodepools": ["a"], "spot": True}]}, ["priorities"]),
        ({"priorities": 7}, []),
        ({}, []),
    ],
)
def test_spec_of_a_class(spec: dict[str, object], rules: list[str]) -> None:
    """A class that falls back to machines without TPU, and a rule whose other fields GKE ignores."""
    assert [finding.rule for finding in compute_class.check_spec(spec)] == rules
