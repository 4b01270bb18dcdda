"""TPU slices: the arithmetic, the tables and what is said about a wrong value."""

from __future__ import annotations

import pytest

from rules import tpu
from rules.node_pool import TpuNodePool, check_node_pool
from rules.workload import Slice, check_accelerator, check_declared, check_request, check_single_pod

FOUR = tpu.MACHINE_TYPES["ct6e-standard-4t"]
EIGHT = tpu.MACHINE_TYPES["ct6e-standard-8t"]


@pytest.mark.parametrize(
    ("topology", "expected"),
    [
        ("1x1", 1),
        ("2x2", 4),
        ("2x4", 8),
        ("4x4", 16),
        ("4x8", 32),
        ("8x8", 64),
        ("8x16", 128),
        ("16x16", 256),
        ("2x2x2", 8),
    ],
)
def test_chips_are_the_product_of_the_topology(topology: str, expected: int) -> None:
    """Chips, google.com/tpu and tensor parallel size all derive from this one number."""
    assert tpu.chips(topology) == expected


@pytest.mark.parametrize("text", ["", "4", "2x", "x2", "0x2", "2x2x2x2", "2*2", "2x2 ", "axb"])
def test_what_is_no_topology_is_refused_with_an_example(text: str) -> None:
    """A typo must not become a number of chips."""
    with pytest.raises(ValueError, match="no TPU topology"):
        tpu.chips(text)


@pytest.mark.parametrize(
    ("machine", "topology", "nodes"),
    [
        ("ct6e-standard-1t", "1x1", 1),
        ("ct6e-standard-4t", "2x2", 1),
        ("ct6e-standard-4t", "2x4", 2),
        ("ct6e-standard-8t", "2x4", 1),
        ("ct6e-standard-4t", "4x4", 4),
        ("ct6e-standard-4t", "16x16", 64),
        ("ct5p-hightpu-4t", "2x2x2", 2),
    ],
)
def test_nodes_of_a_slice(machine: str, topology: str, nodes: int) -> None:
    """2x4 is one VM of eight chips or two of four: only machine type and topology together tell."""
    found = tpu.MACHINE_TYPES[machine]
    assert tpu.slice_nodes(found, topology) == nodes
    assert tpu.is_multi_host(found, topology) == (nodes > 1)
    assert not tpu.check_slice(machine, topology)


def test_a_slice_that_no_vm_makes_names_the_type_that_does() -> None:
    """The remedy is a value one can write."""
    with pytest.raises(ValueError, match="ct6e-standard-4t, which makes 4x4"):
        tpu.slice_nodes(EIGHT, "4x4")
    (finding,) = tpu.check_slice("ct6e-standard-8t", "4x4")
    assert finding.certain
    assert "makes no such slice" in finding.message
    assert finding.remedy == "Write one of 2x4, or machine type ct6e-standard-4t, which makes 4x4."


@pytest.mark.parametrize(
    ("machine", "certain"),
    [("ct6e-standard-2t", True), ("n2-standard-8", True), ("ct9z-standard-4t", False), ("tpu7x-ultranet-4t", False)],
)
def test_unknown_machine_types(machine: str, certain: bool) -> None:
    """A v6e name outside the complete table is wrong; an unknown generation only warns."""
    (finding,) = tpu.check_slice(machine, "2x2")
    assert (finding.rule, finding.certain) == ("machine-type", certain)


@pytest.mark.parametrize("machine", list(tpu.MACHINE_TYPES.values()), ids=lambda m: m.name)
def test_the_table_is_consistent(machine: tpu.MachineType) -> None:
    """Every listed topology divides into whole VMs, single-host into one and multi-host into more."""
    assert all(tpu.chips(t) == machine.chips_per_vm for t in machine.single_host)
    assert all(tpu.chips(t) % machine.chips_per_vm == 0 and tpu.slice_nodes(machine, t) > 1 for t in machine.multi_host)


@pytest.mark.parametrize(
    ("zone", "verdict"),
    [
        ("us-east5-b", "fine"),
        ("europe-west4-a", "fine"),
        ("us-central1-a", "certain"),
        ("us-west2-a", "certain"),
        ("europe-west4-b", "certain"),
        ("asia-northeast1-a", "certain"),
        ("us-south1-a", "doubtful"),
        ("asia-east1-c", "doubtful"),
        ("us-east5", "certain"),
        ("moon", "certain"),
    ],
)
def test_zones(zone: str, verdict: str) -> None:
    """Incident: two days on us-central1-a, which offers TPU VMs but no v6e node pools."""
    findings = tpu.check_zone("ct6e-standard-4t", zone)
    assert [f.certain for f in findings] == {"fine": [], "certain": [True], "doubtful": [False]}[verdict]


def test_extra_zones_are_believed() -> None:
    """The list drifts; someone who knows better must not wait for us."""
    assert not tpu.check_zone("ct6e-standard-4t", "us-central1-a", extra_zones=["us-central1-a"])


def test_a_region_is_answered_with_its_zones() -> None:
    """Writing the region is the commonest slip."""
    (finding,) = tpu.check_zone("ct6e-standard-4t", "us-east5")
    assert (
        finding.message
        == "zone is 'us-east5': it is a region, and a TPU slice lives in one zone. Write us-east5-a or us-east5-b."
    )


def pool(**changes: object) -> TpuNodePool:
    """A correct multi-host pool, with changes."""
    facts: dict[str, object] = {
        "machine_type": "ct6e-standard-4t",
        "topology": "4x4",
        "placement_type": "COMPACT",
        "node_count": 4,
        "zones": ("us-east5-b",),
        "boot_disk_type": "hyperdisk-balanced",
        **changes,
    }
    return TpuNodePool(**facts)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"placement_type": None}, "placementPolicy.type"),
        ({"node_count": 3}, "nodeCount"),
        ({"max_node_count": 8}, "autoscaling.maxNodeCount"),
        ({"total_max_node_count": 4}, "autoscaling.totalMaxNodeCount"),
        ({"zones": ("us-east5-a", "us-east5-b")}, "nodeLocations"),
        ({"zones": (), "location": "us-east5"}, "nodeLocations"),
        ({"upgrade_strategy": "BLUE_GREEN"}, "upgradeSettings.strategy"),
        ({"boot_disk_type": "pd-balanced"}, "nodeConfig.diskType"),
        ({"version": "1.30.1"}, "version"),
        ({"version": "newest"}, "version"),
        ({"topology": "2x2", "node_count": 1}, "placementPolicy.tpuTopology"),
        ({"topology": None}, "placementPolicy.type"),
        ({"topology": "3x3"}, "placementPolicy.tpuTopology"),
        ({"machine_type": None}, "nodeConfig.machineType"),
        ({"flex_start": True, "auto_repair": True, "node_count": None}, "management.autoRepair"),
        ({"machine_type": "ct5lp-hightpu-4t", "zones": ()}, "nodeConfig.diskType"),
    ],
)
def test_one_thing_wrong_with_a_node_pool(changes: dict[str, object], path: str) -> None:
    """Each of these leaves a pool in ERROR, or pods Pending for ever, after minutes of waiting."""
    assert [f.path for f in check_node_pool(pool(**changes))] == [path]


def test_right_node_pools_pass() -> None:
    """Multi-host with COMPACT, single-host without, and pools without TPUs."""
    assert not check_node_pool(pool())
    assert not check_node_pool(pool(topology=None, placement_type=None, node_count=7))
    assert not check_node_pool(TpuNodePool(machine_type="e2-standard-4", placement_type="COMPACT"))


def test_unknown_facts_are_not_judged() -> None:
    """Judging them is the caller's decision, by name."""
    assert not check_node_pool(
        pool(placement_type=None, node_count=9, unknown=frozenset({"placement_type", "node_count"}))
    )


def test_ironwood_takes_a_workload_policy_and_no_type() -> None:
    """Incident (ci-infra#547): compact placement on tpu7x is refused with 'Use workload policy instead'."""
    wrong = pool(machine_type="tpu7x-standard-4t", topology="2x2x2", node_count=2, zones=("us-central1-c",))
    assert [f.path for f in check_node_pool(wrong)] == ["placementPolicy.type", "placementPolicy.policyName"]


@pytest.mark.parametrize(
    ("topology", "chips", "path"),
    [
        ("2x2", 4, None),
        ("2x4", 8, None),
        ("2x4", 4, None),
        ("2x2", 8, "limits"),
        ("2x4", 2, "limits"),
        ("3x3", 4, "topology"),
    ],
)
def test_requests_of_pods(topology: str, chips: int, path: str | None) -> None:
    """2x4 takes 8 on one VM and 4 on each of two; both are right."""
    findings = check_request("tpu-v6e-slice", topology, chips)
    assert len(findings) == (path is not None)
    assert all(str(path) in f.path for f in findings)


def test_the_accelerator_label_is_not_the_api_name() -> None:
    """Incident: a preflight mixed tpu-v6e (Compute API) with tpu-v6e-slice (node label)."""
    (finding,) = check_accelerator("tpu-v6e")
    assert finding.remedy == "Write tpu-v6e-slice."
    assert not check_accelerator("tpu-v6e-slice")


def test_declared_slices_and_single_pods() -> None:
    """A 2x4 pod of four chips needs the pair of 4t nodes, which one pod cannot fill."""
    eight = [Slice(machine=EIGHT, topology="2x4")]
    assert not check_declared("tpu-v6e-slice", "2x4", 8, eight)
    (finding,) = check_declared("tpu-v6e-slice", "2x4", 4, eight)
    assert "there are: ct6e-standard-8t 2x4" in finding.message
    assert check_single_pod("tpu-v6e-slice", "2x4", 4)
    assert not check_single_pod("tpu-v6e-slice", "2x4", 8)
    assert FOUR.topologies[0] == "2x2"
