"""Which machine types there are, how large each is, and what system nodes have to hold."""

from __future__ import annotations

import pytest

from rules import machine_types, machine_zones
from rules.system_pool import CONTROLLERS, Wanted, check_system_pool

ZONE = "us-east5-b"


@pytest.mark.parametrize(
    ("name", "exists"),
    [
        ("e2-standard-4", True),
        ("e2-micro", True),
        ("n1-highcpu-96", True),
        ("c3-standard-8-lssd", True),
        ("c3-highmem-192-metal", True),
        ("t2d-standard-60", True),
        ("e2-custom-4-8192", True),
        ("custom-1-1024", True),
        ("e2-custom-small-4096", True),
        ("n2-custom-2-65536-ext", True),
        ("e2-standart-4", False),
        ("e2-standard", False),
        ("e2-standard-5", False),
        ("e2-highmem-32", False),
        ("c3-highcpu-8-lssd", False),
        ("e2-tiny", False),
        ("e2-custom-3-8192", False),
        ("e2-custom-4-8000", False),
        ("e2-custom-4-65536", False),
        ("e2-custom-4-32768-ext", False),
        ("n2-custom-34-65536", False),
        ("c3-custom-4-8192", False),
        ("n2-custom-micro-2048", False),
        ("n4-standard-6", None),
        ("n4-custom-4-8192", None),
        ("a2-highgpu-1g", None),
        ("n5-standard-8", None),
    ],
)
def test_which_there_are(name: str, exists: bool | None) -> None:
    """A typo is told from a type that the list cannot know: families that still grow, and those for special work."""
    assert machine_types.exists(name) is exists
    found = [finding.certain for finding in machine_zones.check_machine(name, [ZONE])]
    assert (True in found) == (exists is False)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("e2-standart-4", "e2-standard-4"),
        ("e2-standard-5", "e2-standard-4"),
        ("e2-micor", "e2-micro"),
        ("n2d-higmem-16", "n2d-highmem-16"),
        ("ee-standard-4", "e2-standard-4"),
        ("large", None),
    ],
)
def test_what_was_meant(name: str, meant: str | None) -> None:
    """Whoever mistypes a name is told the right one."""
    assert machine_types.nearest(name) == meant


@pytest.mark.parametrize("family", machine_types.FAMILIES)
def test_every_listed_type_is_taken_and_sized(family: str) -> None:
    """What is proposed exists, and its memory is known."""
    for name in machine_types.names(family):
        size = machine_types.size(name)
        assert machine_types.exists(name)
        assert size is not None
        assert size.memory_gib > 0


def test_sizes() -> None:
    """Memory follows from class and vCPUs; custom types say theirs."""
    sizes = {name: machine_types.size(name) for name in ("e2-small", "c4-standard-8", "e2-custom-4-8192", "large")}
    assert {name: size and (size.vcpus, size.memory_gib) for name, size in sizes.items()} == {
        "e2-small": (2, 2),
        "c4-standard-8": (8, 30),
        "e2-custom-4-8192": (4, 8),
        "large": None,
    }


def picker(count: int) -> Wanted:
    """Endpoint pickers."""
    return Wanted(what="the endpoint picker of qwen", count=count, millicpu=1000, memory_mib=2048)


@pytest.mark.parametrize(
    ("machine", "nodes", "pickers", "text"),
    [
        ("e2-medium", 9, 1, "LeaderWorkerSet's controller asks for 1 vCPU and 1.0 GiB: it stays Pending"),
        (
            "e2-standard-2",
            2,
            4,
            (
                "2 nodes leave pods 3.86 vCPU and 12.2 GiB, and LeaderWorkerSet's controller, KServe's controller, the endpoint "
                "picker of qwen × 4 ask for 5.1 vCPU and 9.3 GiB together: some stay Pending. Write e2-standard-4 or a larger "
                "one, or more nodes."
            ),
        ),
        ("e2-highcpu-2", 2, 1, "the endpoint picker of qwen asks for 1 vCPU and 2.0 GiB"),
        ("e2-standard-2", 1, 99, "Write more nodes."),
        ("e2-standard-2", 2, 1, None),
        ("e2-standard-4", 2, 1, None),
        ("m1-ultramem-40", 1, 1, None),
    ],
)
def test_what_system_nodes_hold(machine: str, nodes: int, pickers: int, text: str | None) -> None:
    """Controllers that stay Pending mean that no model ever starts; a size that is not known is not judged."""
    found = check_system_pool(machine, nodes, [*CONTROLLERS, picker(pickers)])
    assert ([text] if text else []) == [text for finding in found if text and text in finding.message]
    assert bool(found) == (text is not None)
