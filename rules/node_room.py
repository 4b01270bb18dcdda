"""What a GKE node has left for pods: CPU, memory, and space on its boot disk.

Owns GKE's reservations, and which share of a TPU node one server asks for. Does not own sizes of machines (`tpu`,
`machine_types.py`) nor what a model weighs (`memory.py`).
Sources: docs.cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes (CPU and memory reservations; local ephemeral
storage: eviction threshold 10 % of the boot disk, reservation min(50 %, 6 GiB + 35 %, 100 GiB)); what Container-Optimized OS
keeps of the disk from kubernetes/autoscaler cloudprovider/gce/reserved.go. Together they give the 98831908Ki and 47060071478 B
that GKE nodes with 100 GB report, to 0.2 %, and the 27226542080 B of one with 30 GB (karpenter-provider-gcp#220, 2026-03).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from rules.finding import Finding
from rules.tpu.machines import MachineType

GIB: Final = 1024**3
DEFAULT_BOOT_DISK_GB: Final = 100
"""Boot disk of a node pool that names no size; disks are sold in GB and counted in GiB."""
EPHEMERAL_STORAGE: Final = "ephemeral-storage"
"""The resource: writable layers and logs of containers, and emptyDir volumes that are not in memory."""
SHARE: Final = 0.85
"""Of what a node leaves for pods, what servers on all of its chips ask for. The rest is for GKE's own DaemonSets (networking,
logs, metrics, disk drivers, the TPU's device plugin) and for sidecars: 3.5 vCPU and 6 GiB on the smallest machine."""
SCRATCH_GIB: Final = 4
"""Beside the weights: compiled programs, the tokenizer's files, logs. An allowance, not a measurement."""
_DISK_STEP_GB: Final = 10


def allocatable_millicpu(cpu: int) -> int:
    """What GKE leaves for pods of that many vCPUs: it keeps 6 % of the first, 1 % of the second, 0.5 % of two, 0.25 % above."""
    shares = (60, 10, 5, 5)
    kept = sum(shares[:cpu]) + 2.5 * max(0, cpu - 4)
    return int(cpu * 1000 - kept)


SHARED_CORE_MILLICPU: Final = 940
"""What GKE leaves for pods of an E2 machine that shares a core: of its two vCPUs it keeps 1060 thousandths."""


def allocatable_mib(memory_gib: float) -> int:
    """What GKE leaves for pods of a VM's memory: 25 % of 4 GiB, 20 % of 4, 10 % of 8, 6 % of 112, 2 % above, 100 MiB are kept."""
    rest, kept = memory_gib * 1024, 100.0
    for size, share in ((4, 0.25), (4, 0.20), (8, 0.10), (112, 0.06)):
        part = min(rest, size * 1024)
        kept, rest = kept + part * share, rest - part
    return int(memory_gib * 1024 - kept - rest * 0.02)


def disk_bytes(boot_disk_gb: int) -> int:
    """Size of the file system that images, logs and emptyDir volumes share, on a node with Container-Optimized OS."""
    disk = boot_disk_gb * GIB
    return int(disk - 0.015635 * disk - 4.148 * GIB - min(100 * 1024**2, 0.001 * disk))


def allocatable_disk_bytes(boot_disk_gb: int) -> int:
    """What of it pods can ask for as ephemeral storage."""
    disk = boot_disk_gb * GIB
    reserved = min(disk / 2, 6 * GIB + 0.35 * disk, 100 * GIB)
    return max(0, int(0.9 * disk_bytes(boot_disk_gb) - reserved))


@dataclass(frozen=True, kw_only=True)
class Room:
    """CPU and memory of a node, or a share of it."""

    millicpu: int
    memory_mib: int


def room(machine: MachineType) -> Room | None:
    """What a node of that type leaves for pods; None where its size is not known."""
    if machine.vcpus is None or machine.memory_gib is None:
        return None
    return Room(millicpu=allocatable_millicpu(machine.vcpus), memory_mib=allocatable_mib(machine.memory_gib))


def share(machine: MachineType, chips: int) -> Room | None:
    """What a server on `chips` of a node's chips asks for: whole vCPUs and GiB; None where the machine's size is not known."""
    left = room(machine)
    if left is None:
        return None
    part = SHARE * chips / machine.chips_per_vm
    return Room(
        millicpu=int(left.millicpu * part) // 1000 * 1000, memory_mib=int(left.memory_mib * part) // 1024 * 1024
    )


def check_requests(machine: MachineType, cpu: float | None, memory_bytes: float | None) -> list[Finding]:
    """Whether a node of that type has what its pods ask for; paths are `cpu` (cores) and `memory` (bytes)."""
    left = room(machine)
    if left is None:
        return []
    asked = (
        ("cpu", cpu, left.millicpu / 1000, f"{left.millicpu // 1000}", ""),
        ("memory", memory_bytes, left.memory_mib * 1024**2, f"{left.memory_mib // 1024}Gi", " GiB"),
    )
    found: list[Finding] = []
    for name, amount, most, text, unit in asked:
        if amount is None or amount <= most:
            continue
        shown = f"{amount / GIB:.0f}" if unit else f"{amount:g}"
        found.append(
            Finding(
                path=name,
                value=f"{shown}{unit}",
                reason=f"a node of {machine.name} leaves {text} for pods, of which GKE's own take some: the pods stay Pending",
                remedy=f"Write less than {text}.",
                rule="node-size",
            )
        )
    return found


def check_disk(needed_gib: float, boot_disk_gb: int, what: str, path: str = "bootDiskGb") -> list[Finding]:
    """Whether a boot disk of that many GB leaves pods `needed_gib` GiB; `what` says who needs it."""
    left = allocatable_disk_bytes(boot_disk_gb) / GIB
    if needed_gib <= left:
        return []
    return [
        Finding(
            path=path,
            value=boot_disk_gb,
            reason=(
                f"{what} on the node's boot disk, which leaves pods {math.floor(left)} GiB: the pods stay Pending, or are "
                "evicted while they load (DiskPressure)"
            ),
            remedy=f"Write {smallest_disk_gb(needed_gib)} or more.",
            rule="boot-disk",
        )
    ]


def smallest_disk_gb(needed_gib: float) -> int:
    """The smallest boot disk, in steps of 10 GB, that leaves pods as many GiB."""
    size = math.ceil(needed_gib / _DISK_STEP_GB) * _DISK_STEP_GB
    while allocatable_disk_bytes(size) < needed_gib * GIB:
        size += _DISK_STEP_GB
    return size
