"""Does each TPU node pool ask for its machines in a way GKE grants: spot, reserved, flex-start, queued, autoscaled?

Reads the same pools as `node_pools.py`, which judges what they are made of.
"""

from __future__ import annotations

from typing import Any, Final

from pulumi_policy import Severity

from policies.framework import Report, resource_policy
from policies.node_pools import pools, read_pool
from policies.reading import Field
from policies.resources import Resource
from rules.capacity import Capacity, check_capacity
from rules.node_pool import TpuNodePool, is_tpu_pool
from rules.tpu import MACHINE_TYPES, slice_nodes

_FIELDS: Final[dict[str, tuple[str, type]]] = {
    "flex_start": ("nodeConfig.flexStart", bool),
    "queued": ("queuedProvisioning.enabled", bool),
    "spot": ("nodeConfig.spot", bool),
    "preemptible": ("nodeConfig.preemptible", bool),
    "max_run_duration": ("nodeConfig.maxRunDuration", str),
    "affinity": ("nodeConfig.reservationAffinity.consumeReservationType", str),
    "reservation_key": ("nodeConfig.reservationAffinity.key", str),
    "min_nodes": ("autoscaling.minNodeCount", int),
    "max_nodes": ("autoscaling.maxNodeCount", int),
    "total_min_nodes": ("autoscaling.totalMinNodeCount", int),
    "total_max_nodes": ("autoscaling.totalMaxNodeCount", int),
    "node_count": ("nodeCount", int),
    "location_policy": ("autoscaling.locationPolicy", str),
}
_MATTERS: Final = ("flex_start", "queued", "spot", "affinity")


def _check(resource: Resource, report: Report) -> None:
    for pool, location in pools(resource):
        facts = read_pool(pool, location)
        if not is_tpu_pool(facts):
            continue
        capacity = _read(pool, facts)
        for name in _MATTERS:
            if name in capacity.unknown:
                field = pool.at(*_FIELDS[name][0].split("."))
                report.undecided(next(field.unknowns(), field), "how the pool gets its machines", resource)
        report.findings((finding.under(pool.path) for finding in check_capacity(capacity)), resource)


def _read(pool: Field, facts: TpuNodePool) -> Capacity:
    values: dict[str, Any] = {}
    unknown: set[str] = set()
    for name, (path, kind) in _FIELDS.items():
        field = pool.at(*path.split(".")).of(kind)
        if field.unknown:
            unknown.add(name)
        elif field.known:
            values[name] = field.value
    named = pool.at("nodeConfig", "reservationAffinity", "values").of(list)
    if named.unknown:
        unknown.add("reservations")
    else:
        values["reservations"] = len(named.items())
    scaling = pool.at("autoscaling")
    values["autoscaling"] = not scaling.missing
    if scaling.unknown:
        unknown.add("autoscaling")
    machine = MACHINE_TYPES.get(facts.machine_type or "")
    if machine is not None and facts.topology in machine.multi_host:
        values["slice_nodes"] = slice_nodes(machine, facts.topology)
    return Capacity(**values, unknown=frozenset(unknown))


TPU_CAPACITY: Final = resource_policy(
    name="tpu-capacity",
    title="TPU node pools ask for machines as GKE grants them",
    description="Spot, reservation, flex-start, queued provisioning and autoscaling limits of a TPU pool must fit together.",
    remediation="Choose one way to the machines; flex-start and queued pools start at 0 with NO_RESERVATION.",
    severity=Severity.MEDIUM,
    tags=["tpu", "gke"],
    kinds=["NodePool", "Cluster"],
    check=_check,
)
