"""Which nodes a cluster could do without, as GKE's cluster autoscaler decides it.

Owns the decision at one moment, as plain values; how long it must hold and what happens then is `scale_down`'s. The facts are
`rules.node_scaling`'s. Nodes of a multi-host TPU slice go together or stay together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rules import node_scaling
from sandbox.cluster.spec import NodePoolSpec
from sandbox.metrics.selectors import selects as labels_match
from sandbox.node import nodes, placing

Object = dict[str, Any]

_ZONE: Final = "topology.kubernetes.io/zone"


@dataclass(frozen=True, kw_only=True)
class Unit:
    """Nodes that are given up together, and the pods that have to move for it."""

    pool: str
    nodes: tuple[Object, ...]
    pods: tuple[Object, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The names of its nodes."""
        return frozenset(node["metadata"]["name"] for node in self.nodes)


def unneeded(
    pools: Mapping[str, NodePoolSpec],
    found: Sequence[Object],
    pods: Sequence[Object],
    budgets: Sequence[Object],
) -> list[Unit]:
    """The units that could go, all at once, without a pod losing its place or a pool falling below its minimum.

    Empty nodes come first. `found` are all Nodes, `budgets` the PodDisruptionBudgets.
    """
    by_node = placing.by_node(pods)
    units = [unit for unit in _units(pools, found, by_node) if _may_go(unit, by_node, budgets)]
    units.sort(key=lambda unit: (len(unit.pods), sorted(unit.names)))
    left = {node["metadata"]["name"]: placing.room(node, by_node.get(node["metadata"]["name"], [])) for node in found}
    spare = _spare(pools, found)
    chosen: list[Unit] = []
    gone: set[str] = set()
    hosts: set[str] = set()
    """Nodes that are to take pods of others; they stay."""
    for unit in units:
        zones = [_zone(node) for node in unit.nodes]
        if unit.names & hosts or any(spare[unit.pool, zone] < zones.count(zone) for zone in zones):
            continue
        places = _places(unit, [node for node in found if node["metadata"]["name"] not in gone | unit.names], left)
        if places is None:
            continue
        hosts |= places
        gone |= unit.names
        for zone in zones:
            spare[unit.pool, zone] -= 1
        chosen.append(unit)
    return chosen


def _units(
    pools: Mapping[str, NodePoolSpec], found: Sequence[Object], by_node: Mapping[str, list[Object]]
) -> list[Unit]:
    units: list[Unit] = []
    for name, spec in pools.items():
        members = [node for node in found if nodes.pool_of(node) == name]
        if spec.limits is None or not members:
            continue
        groups = [members] if spec.slice_nodes > 1 else [[node] for node in members]
        for group in groups:
            here = [pod for node in group for pod in by_node.get(node["metadata"]["name"], [])]
            moving = tuple(pod for pod in here if node_scaling.counts(pod))
            units.append(Unit(pool=name, nodes=tuple(group), pods=moving))
    return units


def _may_go(unit: Unit, by_node: Mapping[str, list[Object]], budgets: Sequence[Object]) -> bool:
    for node in unit.nodes:
        metadata = node["metadata"]
        if (metadata.get("annotations") or {}).get(node_scaling.SCALE_DOWN_DISABLED) == "true":
            return False
        allocatable = node.get("status", {}).get("allocatable") or {}
        if unit.pods and not node_scaling.is_underused(by_node.get(metadata["name"], []), allocatable):
            return False
    return all(
        not placing.has_rules(pod)
        and not pod["metadata"].get("deletionTimestamp")
        and node_scaling.keeps_node(pod, allowances=_allowances(pod, budgets)) is None
        for pod in unit.pods
    )


def _allowances(pod: Object, budgets: Sequence[Object]) -> list[int]:
    metadata = pod["metadata"]
    return [
        int(budget.get("status", {}).get("disruptionsAllowed", 0))
        for budget in budgets
        if budget["metadata"]["namespace"] == metadata["namespace"]
        and labels_match(budget["spec"].get("selector") or {}, metadata.get("labels") or {})
    ]


def _places(unit: Unit, others: Sequence[Object], left: dict[str, dict[str, float]]) -> set[str] | None:
    """The nodes that would take the unit's pods, whose room is then taken; None when one fits nowhere."""
    room = {name: dict(amounts) for name, amounts in left.items()}
    open_nodes = [node for node in others if placing.is_open(node)]
    places: set[str] = set()
    for pod in unit.pods:
        host = next((node for node in open_nodes if placing.fits(pod, node, room[node["metadata"]["name"]])), None)
        if host is None:
            return None
        places.add(host["metadata"]["name"])
    left.update(room)
    return places


def _spare(pools: Mapping[str, NodePoolSpec], found: Sequence[Object]) -> dict[tuple[str, str], int]:
    """Nodes of each pool and zone above its minimum."""
    spare: dict[tuple[str, str], int] = {}
    for node in found:
        pool = nodes.pool_of(node)
        spec = pools.get(pool) if pool else None
        if pool and spec is not None and spec.limits is not None:
            key = (pool, _zone(node))
            spare[key] = spare.get(key, -spec.limits[0]) + 1
    return spare


def _zone(node: Object) -> str:
    return str(node["metadata"].get("labels", {}).get(_ZONE, ""))
