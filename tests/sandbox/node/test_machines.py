"""What a VM offers to pods."""

from __future__ import annotations

import pytest

from sandbox.node.machines import machine


def test_general_purpose_allocatable_is_what_gke_documents() -> None:
    """GKE's own example: an e2-standard-4 has 3.92 vCPU and 13.3 GiB of its 4 and 16 for pods."""
    shape = machine("e2-standard-4")
    assert shape.allocatable_millicpu == 3920
    assert shape.allocatable_mib / 1024 == pytest.approx(13.3, abs=0.05)


@pytest.mark.parametrize(
    ("name", "cpu", "memory", "chips"),
    [
        ("ct6e-standard-1t", 44, 176, 1),
        ("ct6e-standard-4t", 180, 720, 4),
        ("ct6e-standard-8t", 180, 1440, 8),
        ("n2-highmem-8", 8, 64, 0),
        ("e2-medium", 2, 4, 0),
        ("n2-custom-6-20480", 6, 20, 0),
        ("quantum-9000", 4, 16, 0),
    ],
)
def test_sizes(name: str, cpu: int, memory: float, chips: int) -> None:
    """Known shapes have their size; an unknown one still becomes a node."""
    shape = machine(name)
    assert (shape.cpu, shape.memory_gib, shape.chips) == (cpu, memory, chips)
