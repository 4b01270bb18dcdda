"""Whether the nodes without TPU hold what a stack puts there: controllers, endpoint pickers, the servers of HTTP services.

Owns what the controllers ask for, and the sum. Does not own what a node leaves for pods (`node_room`) nor sizes of machines
(`machine_types`). GKE's own pods come on top, as do cert-manager's, which ask for nothing: what is refused here cannot work, and
what passes may still be tight.
Sources: values.yaml of the charts `lws` and `kserve-llmisvc-resources` in the pinned releases (2026-11).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rules import machine_types, node_room
from rules.finding import Finding
from rules.node_room import Room


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Pods of one kind, and what each of them asks for."""

    what: str
    """Who they are, in the plural or as one: `LeaderWorkerSet's controller`."""
    count: int
    millicpu: int
    memory_mib: int


CONTROLLERS: Final = (
    Wanted(what="LeaderWorkerSet's controller", count=1, millicpu=1000, memory_mib=1024),
    Wanted(what="KServe's controller", count=1, millicpu=100, memory_mib=300),
)
"""What comes with models."""

_PROPOSED: Final = tuple(f"e2-standard-{cpu}" for cpu in (2, 4, 8, 16, 32))


def check_system_pool(machine_type: str, nodes: int, wanted: Sequence[Wanted]) -> list[Finding]:
    """Whether that many nodes hold the pods; the path is `machineType`. Sizes that are not known are not judged."""
    room = _room(machine_type)
    if room is None:
        return []
    reason = _misfit(room, nodes, wanted)
    if reason is None:
        return []
    enough = next((name for name in _PROPOSED if _misfit(_room(name) or room, nodes, wanted) is None), None)
    remedy = "more nodes" if enough is None else f"{enough} or a larger one, or more nodes"
    large = _largest_misfit(room, wanted)
    if large is not None:
        remedy = f"{enough} or a larger one" if enough else f"a machine type that holds it, or less for {large.what}"
    return [
        Finding(path="machineType", value=machine_type, reason=reason, remedy=f"Write {remedy}.", rule="system-pool")
    ]


def _room(machine_type: str) -> Room | None:
    size = machine_types.size(machine_type)
    if size is None:
        return None
    cpu = node_room.SHARED_CORE_MILLICPU if size.shared_core else node_room.allocatable_millicpu(size.vcpus)
    return Room(millicpu=cpu, memory_mib=node_room.allocatable_mib(size.memory_gib))


def _misfit(room: Room, nodes: int, wanted: Sequence[Wanted]) -> str | None:
    """Why the pods do not fit, as a clause; None when they may."""
    large = _largest_misfit(room, wanted)
    if large is not None:
        asked = _shown(large.millicpu, large.memory_mib)
        return f"a node leaves pods {_shown(room.millicpu, room.memory_mib)}, and {large.what} asks for {asked}: it stays Pending"
    cpu, memory = (sum(getattr(each, name) * each.count for each in wanted) for name in ("millicpu", "memory_mib"))
    if cpu <= room.millicpu * nodes and memory <= room.memory_mib * nodes:
        return None
    left = _shown(room.millicpu * nodes, room.memory_mib * nodes)
    whose = ", ".join(f"{each.what} × {each.count}" if each.count > 1 else each.what for each in wanted)
    pool = "1 node leaves" if nodes == 1 else f"{nodes} nodes leave"
    return f"{pool} pods {left}, and {whose} ask for {_shown(cpu, memory)} together: some stay Pending"


def _largest_misfit(room: Room, wanted: Sequence[Wanted]) -> Wanted | None:
    """Pods of which not even one fits a node that is empty."""
    return next((each for each in wanted if each.millicpu > room.millicpu or each.memory_mib > room.memory_mib), None)


def _shown(millicpu: int, memory_mib: int) -> str:
    return f"{millicpu / 1000:g} vCPU and {memory_mib / 1024:.1f} GiB"
