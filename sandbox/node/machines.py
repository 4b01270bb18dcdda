"""Sizes of VMs, and what GKE leaves of them for pods.

Sizes come from `rules.tpu` and `rules.machine_types`, GKE's reservations from `rules.node_room`.
"""

from __future__ import annotations

from dataclasses import dataclass

from rules import machine_types, node_room, tpu

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
    shared_core: bool = False

    @property
    def allocatable_millicpu(self) -> int:
        """What GKE leaves for pods."""
        return node_room.SHARED_CORE_MILLICPU if self.shared_core else node_room.allocatable_millicpu(self.cpu)

    @property
    def allocatable_mib(self) -> int:
        """What GKE leaves for pods."""
        return node_room.allocatable_mib(self.memory_gib)


def machine(name: str) -> Machine:
    """The shape of machine type `name`; unknown names get 4 vCPU and 16 GiB."""
    kind = tpu.machine_type(name)
    general = machine_types.size(name)
    cpu, memory = _tpu_size(kind) or (_UNKNOWN_SIZE if general is None else (general.vcpus, general.memory_gib))
    return Machine(
        name=name,
        family=name.partition("-")[0],
        cpu=cpu,
        memory_gib=memory,
        chips=kind.chips_per_vm if kind is not None else 0,
        tpu_label=kind.node_label if kind is not None else None,
        boot_disk=kind.boot_disk_types[0] if kind is not None else "pd-balanced",
        shared_core=general is not None and general.shared_core,
    )


def _tpu_size(kind: tpu.MachineType | None) -> tuple[int, float] | None:
    return (kind.vcpus, kind.memory_gib) if kind is not None and kind.vcpus and kind.memory_gib else None
