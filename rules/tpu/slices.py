"""Topologies: their chips, the VMs that make them up, and which machine type makes which.

Sources: AI-Hypercomputer/xpk system_characteristics.py (2026-06); for three-dimensional topologies that no table lists, the
rule of KubeRay's kubectl plugin, which cites GKE's plan-tpus page (2026-08).
"""

from __future__ import annotations

import math
import re
from typing import Final

from rules.finding import Finding
from rules.tpu.machines import MACHINE_TYPES, MachineType, unknown_machine

_TOPOLOGY: Final = re.compile(r"[1-9]\d*(x[1-9]\d*){1,2}")
_CUBE: Final = 64
"""Chips of a 4x4x4 cube; larger three-dimensional slices consist of whole cubes."""


def chips(topology: str) -> int:
    """Number of chips in a topology such as `2x4` or `4x4x4`.

    Raises:
        ValueError: the text is no topology.
    """
    return math.prod(_sides(topology))


def _sides(topology: str) -> list[int]:
    if _TOPOLOGY.fullmatch(topology) is None:
        raise ValueError(f"'{topology}' is no TPU topology. Write chips per dimension, such as '2x2' or '4x4'.")
    return [int(side) for side in topology.split("x")]


def _possible(machine: MachineType, topology: str) -> bool:
    """Whether an unlisted topology can exist: only where the table is not complete, in whole VMs and in a shape that is."""
    sides = _sides(topology)
    count = math.prod(sides)
    if machine.complete or len(sides) != machine.dimensions or count % machine.chips_per_vm or not machine.multi_host:
        return False
    if count > _CUBE:
        return all(side % 4 == 0 for side in sides) and sides == sorted(sides)
    return all(side % 2 == 0 for side in sides)


def slice_nodes(machine: MachineType, topology: str) -> int:
    """Number of VMs of this type that make up one slice of that topology.

    Raises:
        ValueError: the type does not make that topology; the message lists those it makes.
    """
    if topology not in machine.topologies and not _possible(machine, topology):
        raise ValueError(
            f"{machine.name} makes no {topology} slice. Write one of {', '.join(machine.topologies)}"
            f"{_makers(topology, machine.generation)}."
        )
    return chips(topology) // machine.chips_per_vm


def is_multi_host(machine: MachineType, topology: str) -> bool:
    """Whether a slice of that topology needs more than one VM of this type (ValueError as `slice_nodes`)."""
    return slice_nodes(machine, topology) > 1


def check_slice(machine_type: str, topology: str) -> list[Finding]:
    """Whether a machine type makes slices of a topology; paths are `machineType` and `tpuTopology`."""
    machine = MACHINE_TYPES.get(machine_type)
    if machine is None:
        return [unknown_machine(machine_type)]
    try:
        chips(topology)
    except ValueError:
        return [
            Finding(
                path="tpuTopology",
                value=topology,
                reason="it is no TPU topology",
                remedy=f"Write one that {machine_type} makes: {', '.join(machine.topologies)}.",
                rule="topology",
            )
        ]
    if topology in machine.topologies or _possible(machine, topology):
        return []
    return [
        Finding(
            path="tpuTopology",
            value=topology,
            reason=(
                f"{machine_type} ({machine.chips_per_vm} chips per VM) makes no such slice; GKE refuses the node pool "
                "or its pods stay Pending for ever"
            ),
            remedy=(f"Write one of {', '.join(machine.topologies)}{_makers(topology, machine.generation)}."),
            rule="topology",
        )
    ]


def _makers(topology: str, generation: str) -> str:
    makers = [m.name for m in MACHINE_TYPES.values() if m.generation == generation and topology in m.topologies]
    return f", or machine type {' or '.join(makers)}, which makes {topology}" if makers else ""
