"""Sizes of VMs, and what GKE leaves of them for pods.

Owns vCPU and memory per machine type without TPU. TPU machines come from `rules.tpu`, GKE's reservations from `rules.node_room`.
Source: Compute Engine machine families (name encodes vCPU; memory per vCPU is fixed per family).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rules import node_room, tpu

_SHARED_CORE = {"e2-micro": (2, 1), "e2-small": (2, 2), "e2-medium": (2, 4)}
_GIB_PER_CPU = {
    ("e2", "standard"): 4.0,
    ("e2", "highmem"): 8.0,
    ("e2", "highcpu"): 1.0,
    ("n1", "standard"): 3.75,
    ("n2", "standard"): 4.0,
    ("n2", "highmem"): 8.0,
    ("n2", "highcpu"): 1.0,
    ("n2d", "standard"): 4.0,
    ("c3", "standard"): 4.0,
    ("c4", "standard"): 3.75,
}
_UNKNOWN_SIZE = (4, 16)
"""What a machine type nobody listed is taken for: its pods are simulated anyway."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One VM shape. `cpu` in vCPUs, `memory_gib` in GiB, `chips` as `google.com/tpu`."""

    name: str
    family: str
    cpu: int
    memory_gib: float
    chips: int
    tpu_label: str | None
    boot_disk: str

    @property
    def allocatable_millicpu(self) -> int:
        """What GKE leaves for pods."""
        return node_room.allocatable_millicpu(self.cpu)

    @property
    def allocatable_mib(self) -> int:
        """What GKE leaves for pods."""
        return node_room.allocatable_mib(self.memory_gib)


def machine(name: str) -> Machine:
    """The shape of machine type `name`; unknown names get 4 vCPU and 16 GiB."""
    kind = tpu.machine_type(name)
    cpu, memory = _tpu_size(kind) or _SHARED_CORE.get(name) or _general_size(name)
    return Machine(
        name=name,
        family=name.partition("-")[0],
        cpu=cpu,
        memory_gib=memory,
        chips=kind.chips_per_vm if kind is not None else 0,
        tpu_label=kind.node_label if kind is not None else None,
        boot_disk=kind.boot_disk_types[0] if kind is not None else "pd-balanced",
    )


def _tpu_size(kind: tpu.MachineType | None) -> tuple[int, float] | None:
    return (kind.vcpus, kind.memory_gib) if kind is not None and kind.vcpus and kind.memory_gib else None


def _general_size(name: str) -> tuple[int, float]:
    custom = re.fullmatch(r"(?:[a-z0-9]+-)?custom-(\d+)-(\d+)", name)
    if custom is not None:
        return int(custom.group(1)), int(custom.group(2)) / 1024
    parts = re.fullmatch(r"([a-z0-9]+)-([a-z]+)-(\d+)", name)
    if parts is None:
        return _UNKNOWN_SIZE
    per_cpu = _GIB_PER_CPU.get((parts.group(1), parts.group(2)), 4.0)
    return int(parts.group(3)), int(parts.group(3)) * per_cpu
