"""What GKE leaves of a node for pods, and who is told that it is not enough."""

from __future__ import annotations

import pytest

from rules import node_room, tpu
from rules.node_room import GIB


@pytest.mark.parametrize(("gigabytes", "reported"), [(100, 98831908 * 1024), (30, 27226542080)])
def test_file_systems_are_as_large_as_real_nodes_report(gigabytes: int, reported: int) -> None:
    """`capacity` of GKE nodes: never less than what is reckoned with, so that nothing is promised that is not there."""
    assert reported * 0.998 < node_room.disk_bytes(gigabytes) <= reported


def test_ephemeral_storage_is_what_a_real_node_reports() -> None:
    """`allocatable` of a GKE node with 100 GB, the default."""
    assert 47060071478 * 0.998 < node_room.allocatable_disk_bytes(100) <= 47060071478


@pytest.mark.parametrize("gibibytes", [1, 43, 44, 131, 400, 1500])
def test_the_proposed_disk_is_enough_and_no_larger_than_needed(gibibytes: int) -> None:
    """Whoever writes what an error says is not told a second size."""
    size = node_room.smallest_disk_gb(gibibytes)
    assert node_room.check_disk(gibibytes, size, "x") == []
    (finding,) = node_room.check_disk(gibibytes, size - 10, "x") or node_room.check_disk(gibibytes, 10, "x")
    assert finding.certain
    assert finding.remedy == f"Write {size} or more."


@pytest.mark.parametrize("name", tpu.MACHINE_TYPES)
def test_servers_leave_room_for_what_else_runs_on_their_node(name: str) -> None:
    """GKE's DaemonSets ask for about one vCPU and 2 GiB; a server that took all would keep them, or itself, Pending."""
    machine = tpu.MACHINE_TYPES[name]
    whole, part = node_room.room(machine), node_room.share(machine, machine.chips_per_vm)
    if whole is None or part is None:
        assert machine.vcpus is None
        return
    assert whole.millicpu - part.millicpu >= 2000
    assert whole.memory_mib - part.memory_mib >= 4 * 1024
    assert part.millicpu % 1000 == part.memory_mib % 1024 == 0


def test_servers_that_share_a_node_fit_it_together() -> None:
    """Four servers of one chip ask for no more than one of four."""
    machine = tpu.MACHINE_TYPES["ct6e-standard-4t"]
    one, four = node_room.share(machine, 1), node_room.share(machine, 4)
    assert one is not None
    assert four is not None
    assert 0 < 4 * one.millicpu <= four.millicpu
    assert 0 < 4 * one.memory_mib <= four.memory_mib


def test_requests_are_compared_with_what_is_left_not_with_the_machine() -> None:
    """180 vCPUs and 720 GiB are on the data sheet; pods get 179.48 and 698."""
    machine = tpu.MACHINE_TYPES["ct6e-standard-4t"]
    assert node_room.check_requests(machine, 179.0, 698.0 * GIB) == []
    found = node_room.check_requests(machine, 180.0, 720.0 * GIB)
    assert [(each.path, each.value) for each in found] == [("cpu", "180"), ("memory", "720 GiB")]
    assert "leaves 179 for pods" in found[0].reason
    assert node_room.check_requests(tpu.MACHINE_TYPES["tpu7x-standard-4t"], 1000.0, 1e15) == []
