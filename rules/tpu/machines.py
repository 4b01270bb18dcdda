"""The catalog of TPU machine types, and the names under which GKE and its pods know them.

Owns the table (`data/tpu_machine_types.json`, with source and date). Does not own what follows from a topology (`slices.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rules.finding import Finding
from rules.nearest import nearest

TPU_ACCELERATOR_LABEL: Final = "cloud.google.com/gke-tpu-accelerator"
TPU_TOPOLOGY_LABEL: Final = "cloud.google.com/gke-tpu-topology"
TPU_RESOURCE: Final = "google.com/tpu"
TPU_TAINT_KEY: Final = "google.com/tpu"
TPU_TAINT_VALUE: Final = "present"
TPU_TAINT_EFFECT: Final = "NoSchedule"
"""GKE puts `google.com/tpu=present:NoSchedule` on TPU nodes itself (cluster-toolkit, modules/internal, 2026-06)."""

DATA: Final = Path(__file__).parent.parent / "data"
_TPU_NAME: Final = re.compile(r"(ct\d+[a-z]*|tpu\d+[a-z]*)-.+")


@dataclass(frozen=True, kw_only=True)
class MachineType:
    """One TPU VM shape as GKE's node pools know it."""

    name: str
    generation: str
    """`v6e`, `v5e`, `v5p` or `v7x`."""
    chips_per_vm: int
    """What a node of this type offers as `google.com/tpu`."""
    vcpus: int | None
    """vCPUs of the VM; None where no source was found."""
    memory_gib: int | None
    """Memory of the VM, GiB; None where no source was found."""
    single_host: tuple[str, ...]
    """Topologies one VM makes up alone."""
    multi_host: tuple[str, ...]
    """Topologies that several VMs make up together."""
    dimensions: int
    """Sides of a topology: 2 for v5e and v6e, 3 for v5p and v7x."""
    boot_disk_types: tuple[str, ...]
    node_label: str
    """Value of `cloud.google.com/gke-tpu-accelerator` on its nodes, such as `tpu-v6e-slice`."""
    availability_name: str | None
    """What Compute Engine's lists of accelerators call it, such as `tpu-v6e`; never a node label. None if not verified."""
    minimum_gke_version: str | None
    hbm_gib_per_chip: int
    """High-bandwidth memory of one chip, GiB."""
    cores_per_chip: int
    """What vLLM counts as devices: tensor parallelism is over cores."""
    placement: str
    """`COMPACT`, or `WORKLOAD_POLICY` where GKE rejects compact placement (tpu7x)."""
    complete: bool
    """Whether the table knows every topology, so that an unlisted one is certainly wrong."""

    @property
    def topologies(self) -> tuple[str, ...]:
        """Every listed topology of this type, smallest first."""
        return (*self.single_host, *self.multi_host)


def _load() -> dict[str, MachineType]:
    table: dict[str, Any] = json.loads((DATA / "tpu_machine_types.json").read_text(encoding="utf-8"))
    machines: dict[str, MachineType] = {}
    for row in table["machine_types"]:
        generation = table["generations"][row["generation"]]
        machines[row["name"]] = MachineType(
            name=row["name"],
            generation=row["generation"],
            chips_per_vm=row["chips"],
            vcpus=row["vcpus"],
            memory_gib=row["memory_gib"],
            single_host=tuple(row["single_host"]),
            multi_host=tuple(row["multi_host"]),
            dimensions=generation["dimensions"],
            boot_disk_types=tuple(generation["boot_disk_types"]),
            node_label=generation["node_label"],
            availability_name=generation["availability_name"],
            minimum_gke_version=generation["minimum_gke_version"],
            hbm_gib_per_chip=generation["hbm_gib_per_chip"],
            cores_per_chip=generation["cores_per_chip"],
            placement=generation["placement"],
            complete=generation["complete"],
        )
    return machines


MACHINE_TYPES: Final[Mapping[str, MachineType]] = _load()
"""Every known TPU machine type by name; source and date stand in `data/tpu_machine_types.json`."""


def machine_type(name: str) -> MachineType | None:
    """The TPU machine type of that name; None when it is not one we know."""
    return MACHINE_TYPES.get(name)


def is_tpu_machine_name(name: str) -> bool:
    """Whether `name` reads like a TPU machine type, known or not."""
    return _TPU_NAME.fullmatch(name) is not None


def machines_for(accelerator: str, topology: str) -> list[MachineType]:
    """The machine types a pod selecting these two node labels may land on; `2x4` of v6e has two."""
    return [m for m in MACHINE_TYPES.values() if m.node_label == accelerator and topology in m.topologies]


def accelerator(label: str) -> MachineType | None:
    """Some machine type whose nodes carry that accelerator label, for what all of a generation share."""
    return next((m for m in MACHINE_TYPES.values() if m.node_label == label), None)


def _names(machines: Iterable[MachineType]) -> str:
    return ", ".join(machine.name for machine in machines)


def unknown_machine(name: str) -> Finding:
    """What is wrong with a machine type that is not in the table; certain only where the table is complete."""
    family = name.split("-", 1)[0]
    series = {machine.name.rpartition("-")[0] for machine in MACHINE_TYPES.values()}
    near = None if name.rpartition("-")[0] in series else nearest(name, MACHINE_TYPES, cutoff=0.88)
    relatives = [m for m in MACHINE_TYPES.values() if m.name.split("-", 1)[0] == family]
    return Finding(
        path="machineType",
        value=name,
        reason="it is no TPU machine type that GKE offers" if relatives else "it is no TPU machine type known here",
        remedy=f"Did you mean {near}? The others are {_names(m for m in MACHINE_TYPES.values() if m.name != near)}."
        if near
        else f"Write one of {_names(relatives or MACHINE_TYPES.values())}.",
        certain=not is_tpu_machine_name(name) or any(m.complete for m in relatives),
        rule="machine-type",
    )
