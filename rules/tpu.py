"""TPU slices on GKE: machine types, topologies, the arithmetic between them, zones, and the names GKE gives them.

Owns what is true of a slice whoever creates it. Does not own what a node pool must look like around it (`node_pool.py`)
nor quota and stock, which only a live project can answer. v6e is complete; of other generations only what is verified.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rules.finding import Finding

TPU_ACCELERATOR_LABEL: Final = "cloud.google.com/gke-tpu-accelerator"
TPU_TOPOLOGY_LABEL: Final = "cloud.google.com/gke-tpu-topology"
TPU_RESOURCE: Final = "google.com/tpu"
TPU_TAINT_KEY: Final = "google.com/tpu"
TPU_TAINT_VALUE: Final = "present"
TPU_TAINT_EFFECT: Final = "NoSchedule"
"""GKE puts `google.com/tpu=present:NoSchedule` on TPU nodes itself (cluster-toolkit, modules/internal, 2026-06)."""

_DATA: Final = Path(__file__).parent / "data"
_TOPOLOGY: Final = re.compile(r"[1-9]\d*(x[1-9]\d*){1,2}")
_ZONE: Final = re.compile(r"[a-z]+-[a-z]+\d+-[a-z0-9]+")
_REGION: Final = re.compile(r"[a-z]+-[a-z]+\d+")
_TPU_NAME: Final = re.compile(r"(ct\d+[a-z]*|tpu\d+[a-z]*)-.+")


@dataclass(frozen=True, kw_only=True)
class MachineType:
    """One TPU VM shape as GKE's node pools know it."""

    name: str
    generation: str
    """`v6e`, `v5e`, `v5p` or `v7x`."""
    chips_per_vm: int
    """What a node of this type offers as `google.com/tpu`."""
    single_host: tuple[str, ...]
    """Topologies one VM makes up alone."""
    multi_host: tuple[str, ...]
    """Topologies that several VMs make up together."""
    boot_disk_types: tuple[str, ...]
    node_label: str
    """Value of `cloud.google.com/gke-tpu-accelerator` on its nodes."""
    minimum_gke_version: str | None
    hbm_gib_per_chip: int
    """High-bandwidth memory of one chip, GiB."""
    placement: str
    """`COMPACT`, or `WORKLOAD_POLICY` where GKE rejects compact placement (tpu7x)."""
    complete: bool
    """Whether the table knows every topology, so that an unlisted one is certainly wrong."""

    @property
    def topologies(self) -> tuple[str, ...]:
        """Every topology of this type, smallest first."""
        return (*self.single_host, *self.multi_host)


def _load_machine_types() -> dict[str, MachineType]:
    table: dict[str, Any] = json.loads((_DATA / "tpu_machine_types.json").read_text(encoding="utf-8"))
    machines: dict[str, MachineType] = {}
    for row in table["machine_types"]:
        generation = table["generations"][row["generation"]]
        machines[row["name"]] = MachineType(
            name=row["name"],
            generation=row["generation"],
            chips_per_vm=row["chips"],
            single_host=tuple(row["single_host"]),
            multi_host=tuple(row["multi_host"]),
            boot_disk_types=tuple(generation["boot_disk_types"]),
            node_label=generation["node_label"],
            minimum_gke_version=generation["minimum_gke_version"],
            hbm_gib_per_chip=generation["hbm_gib_per_chip"],
            placement=generation["placement"],
            complete=generation["complete"],
        )
    return machines


MACHINE_TYPES: Final[Mapping[str, MachineType]] = _load_machine_types()
"""Every known TPU machine type by name; source and date stand in `data/tpu_machine_types.json`."""

_ZONES: Final[dict[str, Any]] = json.loads((_DATA / "tpu_zones.json").read_text(encoding="utf-8"))
ZONES_SOURCE: Final[str] = _ZONES["source"]
ZONES_DATE: Final[str] = _ZONES["date"]


def machine_type(name: str) -> MachineType | None:
    """The TPU machine type of that name; None when it is not one we know."""
    return MACHINE_TYPES.get(name)


def is_tpu_machine_name(name: str) -> bool:
    """Whether `name` reads like a TPU machine type, known or not."""
    return _TPU_NAME.fullmatch(name) is not None


def chips(topology: str) -> int:
    """Number of chips in a topology such as `2x4` or `4x4x4`.

    Raises:
        ValueError: the text is no topology.
    """
    if _TOPOLOGY.fullmatch(topology) is None:
        raise ValueError(f"'{topology}' is no TPU topology. Write chips per dimension, such as '2x2' or '4x4'.")
    return math.prod(int(side) for side in topology.split("x"))


def slice_nodes(machine: MachineType, topology: str) -> int:
    """Number of VMs of this type that make up one slice of that topology.

    Raises:
        ValueError: the type does not make that topology; the message lists those it makes.
    """
    if topology not in machine.topologies and (machine.complete or chips(topology) % machine.chips_per_vm):
        raise ValueError(
            f"{machine.name} makes no {topology} slice. Write one of {', '.join(machine.topologies)}"
            f"{_makers(topology, machine.generation)}."
        )
    return chips(topology) // machine.chips_per_vm


def is_multi_host(machine: MachineType, topology: str) -> bool:
    """Whether a slice of that topology needs more than one VM of this type (ValueError as `slice_nodes`)."""
    return slice_nodes(machine, topology) > 1


def machines_for(accelerator: str, topology: str) -> list[MachineType]:
    """The machine types a pod selecting these two node labels may land on; `2x4` of v6e has two."""
    return [m for m in MACHINE_TYPES.values() if m.node_label == accelerator and topology in m.topologies]


def check_slice(machine_type: str, topology: str) -> list[Finding]:
    """Whether a machine type makes slices of a topology; paths are `machineType` and `tpuTopology`."""
    machine = MACHINE_TYPES.get(machine_type)
    if machine is None:
        return [_unknown_machine(machine_type)]
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
    if topology in machine.topologies:
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
            certain=machine.complete,
            rule="topology",
        )
    ]


def _makers(topology: str, generation: str) -> str:
    makers = [m.name for m in MACHINE_TYPES.values() if m.generation == generation and topology in m.topologies]
    return f", or machine type {' or '.join(makers)}, which makes {topology}" if makers else ""


def _unknown_machine(name: str) -> Finding:
    family = name.split("-", 1)[0]
    relatives = [m for m in MACHINE_TYPES.values() if m.name.split("-", 1)[0] == family]
    return Finding(
        path="machineType",
        value=name,
        reason="it is no TPU machine type that GKE offers" if relatives else "it is no TPU machine type known here",
        remedy=f"Write one of {', '.join(m.name for m in relatives) or ', '.join(MACHINE_TYPES)}.",
        certain=not is_tpu_machine_name(name) or any(m.complete for m in relatives),
        rule="machine-type",
    )


def zones(generation: str) -> tuple[str, ...]:
    """The zones with node pools of that generation, as of `ZONES_DATE`; empty for an unknown generation."""
    return tuple(_ZONES["generations"].get(generation, {}).get("zones", ()))


def check_zone(machine_type: str, zone: str, extra_zones: Iterable[str] = ()) -> list[Finding]:
    """Whether that zone has node pools of that machine type.

    The list drifts, so a zone is refused only where the table is known to be complete; elsewhere the finding has
    `certain=False`. `extra_zones` are zones the caller knows to work and are never reported.
    """
    machine = MACHINE_TYPES.get(machine_type)
    if machine is None:
        return [_unknown_machine(machine_type)]
    offered = zones(machine.generation)
    listed = f"Write one of {', '.join(offered)}"
    if _ZONE.fullmatch(zone) is None:
        what = "it is a region, and a TPU slice lives in one zone" if _REGION.fullmatch(zone) else "it is no zone"
        near = [z for z in offered if z.startswith(f"{zone}-")]
        remedy = f"Write {' or '.join(near)}." if near else f"{listed}."
        return [Finding(path="zone", value=zone, reason=what, remedy=remedy, rule="zone")]
    if zone in offered or zone in set(extra_zones):
        return []
    facts: dict[str, list[str]] = _ZONES["generations"][machine.generation]
    region = zone.rsplit("-", 1)[0]
    covered = any(zone.startswith(area) for area in facts["complete_areas"]) or (
        bool(facts["complete_areas"]) and any(z.rsplit("-", 1)[0] == region for z in offered)
    )
    certain = covered and zone not in facts["disputed"]
    why = (
        f"no {machine.generation} node pools are offered there (Google's list as of {ZONES_DATE}), and creating one "
        "fails with 'Unsupported TPU configuration' or GCE_STOCKOUT after minutes of waiting"
        if certain
        else f"it is not on the {machine.generation} zone list as of {ZONES_DATE}, which is not complete for it"
    )
    return [
        Finding(
            path="zone",
            value=zone,
            reason=why,
            remedy=f"{listed}, or name the zone as an extra zone if you know that it works.",
            certain=certain,
            rule="zone",
        )
    ]
