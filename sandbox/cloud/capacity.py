"""What the API checks in how a node pool gets its machines, and how nodes show it.

What excludes what is asked of `rules.capacity`; here stand only the reading of a request and the labels GKE adds to nodes.
Sources: docs.cloud.google.com/kubernetes-engine/docs/concepts/about-custom-compute-classes (label of flex-start, 2026-11).
"""

from __future__ import annotations

from typing import Any, cast

from rules import node_room
from rules.capacity import Capacity, check_capacity
from rules.node_pool import TpuNodePool, check_node_pool
from sandbox.cloud.errors import bad_request
from sandbox.cloud.kind import Properties, Resource
from sandbox.cloud.settings import block, flag, text


def check(pool: Resource, machine_type: str, slice_nodes: int) -> None:
    """Refuses a TPU pool whose ways to its machines exclude each other.

    Raises:
        CloudError: 400.
    """
    config = block(pool.properties, "nodeConfig")
    scaling = block(pool.properties, "autoscaling")
    affinity = block(config, "reservationAffinity")
    capacity = Capacity(
        flex_start=_flag(config, "flexStart"),
        queued=flag(pool.properties, "queuedProvisioning", "enabled"),
        spot=_flag(config, "spot"),
        preemptible=_flag(config, "preemptible"),
        max_run_duration=text(config, "maxRunDuration") or None,
        affinity=text(affinity, "consumeReservationType") or None,
        reservation_key=text(affinity, "key") or None,
        reservations=len(cast(list[Any], affinity.get("values") or [])),
        autoscaling=bool(scaling),
        min_nodes=_number(scaling, "minNodeCount"),
        max_nodes=_number(scaling, "maxNodeCount"),
        total_min_nodes=_number(scaling, "totalMinNodeCount"),
        total_max_nodes=_number(scaling, "totalMaxNodeCount"),
        node_count=_number(pool.properties, "nodeCount"),
        location_policy=text(scaling, "locationPolicy") or None,
        slice_nodes=slice_nodes if slice_nodes > 1 else None,
    )
    facts = TpuNodePool(
        machine_type=machine_type,
        flex_start=capacity.flex_start,
        spot=capacity.spot,
        auto_repair=_flag(block(pool.properties, "management"), "autoRepair"),
        node_count=capacity.node_count,
        upgrade_strategy=text(pool.properties, "upgradeSettings", "strategy") or None,
    )
    found = [*check_capacity(capacity), *(f for f in check_node_pool(facts) if f.rule == "flex-start")]
    for finding in found:
        raise bad_request(f"Invalid node pool: {finding.message}")
    if slice_nodes > 1 and facts.upgrade_strategy == "BLUE_GREEN":
        raise bad_request("Blue-green upgrades are not supported for node pools with compact placement.")


def boot_disk_gb(pool: Resource) -> int:
    """Size of the boot disk of the pool's nodes; GKE's default when it names none."""
    config = block(pool.properties, "nodeConfig")
    return int(block(config, "bootDisk").get("sizeGb") or config.get("diskSizeGb") or node_room.DEFAULT_BOOT_DISK_GB)


def node_labels(config: Properties) -> dict[str, str]:
    """Labels of a pool's nodes: its own, and what GKE adds for the way it gets machines."""
    own = {key: str(value) for key, value in block(config, "labels").items()}
    return own | ({"cloud.google.com/gke-flex-start": "true"} if flag(config, "flexStart") else {})


def limits_per_zone(pool: Resource) -> tuple[int, int] | None:
    """Fewest and most nodes per zone of an autoscaled pool; None for one of fixed size."""
    scaling = block(pool.properties, "autoscaling")
    most = scaling.get("maxNodeCount") or scaling.get("totalMaxNodeCount")
    return (int(scaling.get("minNodeCount") or 0), int(most)) if most else None


def _flag(properties: Properties, name: str) -> bool | None:
    value = properties.get(name)
    return None if value is None else bool(value)


def _number(properties: Properties, name: str) -> int | None:
    value = properties.get(name)
    return None if value is None else int(value)
