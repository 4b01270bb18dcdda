"""GKE node pools, TPU slices above all: what the API checks and the nodes behind them.

What a TPU machine type can do is asked of `rules.tpu`, which others there are of `rules.machine_types`; here stand the texts and
the order of GKE's own checks. How GKE words a machine type that a zone lacks: keras-team/kinetic issue 305 (2026-08-14).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from typing_extensions import override

from rules import tpu
from rules import versions as gke_versions
from rules.machine_zones import is_ai_zone, is_machine_type
from sandbox.cloud import capacity, names, placement
from sandbox.cloud.container import CLUSTERS, POOLS, ContainerKind, node_zones
from sandbox.cloud.errors import CloudError, bad_request
from sandbox.cloud.kind import Properties, Resource, View
from sandbox.cloud.projects import account_exists
from sandbox.cloud.settings import block, flag, text

DEFAULT_MACHINE_TYPE: Final = "e2-medium"

_NAME: Final = re.compile(r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$")


def cluster_path(pool_id: str) -> str:
    """The path of the cluster a node pool belongs to."""
    return pool_id.rsplit("/nodePools/", 1)[0]


def machine_of(pool: Resource) -> str:
    """The pool's machine type; GKE's default when it names none."""
    return text(pool.properties, "nodeConfig", "machineType") or DEFAULT_MACHINE_TYPE


def topology_of(pool: Resource) -> str | None:
    """The slice topology of a TPU pool; what one VM makes up alone when it names none; None for other machines."""
    machine = tpu.machine_type(machine_of(pool))
    if machine is None:
        return None
    asked = text(pool.properties, "placementPolicy", "tpuTopology")
    return asked or next((t for t in machine.single_host if tpu.chips(t) == machine.chips_per_vm), None)


def zones_of(pool: Resource, cluster: Resource) -> list[str]:
    """The zones the pool's nodes are in."""
    return sorted(cast(list[str], pool.properties.get("nodeLocations") or []) or node_zones(cluster))


def nodes_per_zone(pool: Resource) -> int:
    """Nodes per zone: the fixed count, or what autoscaling starts from."""
    count = pool.properties.get("nodeCount")
    if count is None:
        count = pool.properties.get("initialNodeCount")
    minimum = block(pool.properties, "autoscaling").get("minNodeCount") or 0
    if count is None and not block(pool.properties, "autoscaling"):
        return 1
    return max(int(count or 0), int(minimum))


def slice_nodes(pool: Resource) -> int:
    """Nodes of one slice of the pool; 1 for machines without TPU."""
    machine, topology = tpu.machine_type(machine_of(pool)), topology_of(pool)
    return tpu.slice_nodes(machine, topology) if machine is not None and topology else 1


class NodePools(ContainerKind):
    """Node pools. Creating one makes Nodes appear in the cluster."""

    type = POOLS

    @override
    def lock(self, resource: Resource) -> str:
        return f"{CLUSTERS}|{cluster_path(resource.id)}"

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        path = cluster_path(resource.id)
        cluster = view.find(CLUSTERS, path)
        if cluster is None:
            raise CloudError(404, f"Not found: {path}.", "notFound")
        if not _NAME.match(resource.name):
            raise bad_request(
                f'Invalid value for field "node_pool.name": "{resource.name}". Name must start with a lowercase letter '
                "followed by up to 39 lowercase letters, numbers, or hyphens, and cannot end with a hyphen."
            )
        zones = _check_zones(resource, cluster)
        _check_machine(resource, zones)
        machine = tpu.machine_type(machine_of(resource))
        if machine is not None:
            _check_slice(view, resource, cluster, machine, zones, old)
        elif block(resource.properties, "placementPolicy").get("tpuTopology"):
            raise bad_request(f"TPU topology cannot be specified for machine type {machine_of(resource)}.")
        account = text(resource.properties, "nodeConfig", "serviceAccount")
        if "@" in account and not account_exists(view, resource.project, account):
            raise bad_request(f'Service account "{account}" does not exist.')

    @override
    def complete(self, view: View, resource: Resource) -> Properties:
        cluster = view.find(CLUSTERS, cluster_path(resource.id))
        zones = zones_of(resource, cluster) if cluster else []
        version = str(cluster.outputs.get("masterVersion", "")) if cluster else ""
        count = nodes_per_zone(resource)
        group = f"gke-{names.last(cluster_path(resource.id))}-{resource.name}-{names.number_of(resource.id, 8):x}-grp"
        urls = [
            f"{names.COMPUTE}projects/{resource.project}/zones/{zone}/instanceGroupManagers/{group}" for zone in zones
        ]
        machine = tpu.machine_type(machine_of(resource))
        config = block(resource.properties, "nodeConfig")
        taints = list(cast(list[dict[str, Any]], config.get("taints") or []))
        if machine is not None and not any(taint.get("key") == tpu.TPU_TAINT_KEY for taint in taints):
            taints.append({"key": tpu.TPU_TAINT_KEY, "value": tpu.TPU_TAINT_VALUE, "effect": "NO_SCHEDULE"})
        return {
            "version": text(resource.properties, "version") or version,
            "nodeLocations": zones,
            "nodeCount": count,
            "initialNodeCount": count,
            "maxPodsPerNode": int(resource.properties.get("maxPodsPerNode") or 110),
            "instanceGroupUrls": urls,
            "managedInstanceGroupUrls": [url.replace("instanceGroupManagers", "instanceGroups") for url in urls],
            "namePrefix": "",
            "operation": "",
            "upgradeSettings": {"strategy": "SURGE", "maxSurge": 1, "maxUnavailable": 0},
            "management": {"autoRepair": True, "autoUpgrade": True},
            "nodeConfig": {
                "machineType": DEFAULT_MACHINE_TYPE,
                "diskSizeGb": 100,
                "diskType": machine.boot_disk_types[0] if machine else "pd-balanced",
                "imageType": "COS_CONTAINERD",
                "serviceAccount": "default",
                "loggingVariant": "DEFAULT",
                "metadata": {"disable-legacy-endpoints": "true"},
                "effectiveTaints": taints,
            },
        }

    @override
    def apply(self, view: View, resource: Resource, old: Resource | None, report: Callable[[str], None]) -> Properties:
        view.clusters.apply_node_pool(cluster_path(resource.id), resource)
        return {}

    @override
    def remove(self, view: View, resource: Resource, options: Mapping[str, Any]) -> None:
        view.clusters.delete_node_pool(cluster_path(resource.id), resource.name)


def _check_zones(pool: Resource, cluster: Resource) -> list[str]:
    region = names.region_of(text(cluster.properties, "location"))
    zones = zones_of(pool, cluster)
    for zone in zones:
        if not names.is_zone(zone):
            raise bad_request(f'Location "{zone}" does not exist. Write a zone such as {region}-a.')
        if names.region_of(zone) != region:
            raise bad_request(f'Node location "{zone}" is not in the cluster\'s region "{region}".')
    return zones


def _check_machine(pool: Resource, zones: list[str]) -> None:
    name = machine_of(pool)
    known = tpu.machine_type(name)
    for zone in zones:
        missing = bad_request(f'Invalid machine type "{name}" in zone "{zone}": GCE_NOT_FOUND')
        if known is not None:
            if any(finding.certain for finding in tpu.check_zone(name, zone)):
                raise missing
        elif is_ai_zone(zone) or not is_machine_type(name):
            raise missing
    _check_disk(pool, known, name)


def _check_disk(pool: Resource, machine: tpu.MachineType | None, name: str) -> None:
    config = block(pool.properties, "nodeConfig")
    disk = config.get("diskType") or block(config, "bootDisk").get("diskType")
    if not disk:
        return
    allowed = machine.boot_disk_types if machine else None
    if (allowed is not None and disk not in allowed) or (name.startswith("e2-") and str(disk).startswith("hyperdisk")):
        instead = (
            f" Boot disks of {name} may be {', '.join(allowed)}." if allowed else f" {name} takes pd-* boot disks only."
        )
        raise bad_request(
            f"Google Compute Engine: [{disk}, {name}] features are not compatible for creating instance.{instead}"
        )


def _check_slice(
    view: View, pool: Resource, cluster: Resource, machine: tpu.MachineType, zones: list[str], old: Resource | None
) -> None:
    topology = topology_of(pool) or ""
    for finding in tpu.check_slice(machine.name, topology):
        if finding.certain:
            raise bad_request(
                f'Invalid TPU topology "{topology}" for machine type "{machine.name}": {finding.reason}. {finding.remedy}'
            )
    version = str(cluster.outputs.get("masterVersion", ""))
    if machine.minimum_gke_version and version and not gke_versions.at_least(version, machine.minimum_gke_version):
        raise bad_request(
            f"Machine type {machine.name} requires node version {machine.minimum_gke_version} or later; got {version}."
        )
    policy = block(pool.properties, "placementPolicy")
    size = tpu.slice_nodes(machine, topology)
    if size == 1:
        capacity.check(pool, machine.name, size)
        if policy.get("type") == "COMPACT":
            raise bad_request(
                f"Compact placement is not supported for the single-host TPU machine type {machine.name} with topology "
                f"{topology}. Leave placementPolicy out."
            )
        return
    _check_gang(pool, machine, topology, zones, old)
    if machine.placement == "WORKLOAD_POLICY":
        placement.check_policy(view, pool, topology)
    capacity.check(pool, machine.name, size)


def _check_gang(
    pool: Resource, machine: tpu.MachineType, topology: str, zones: list[str], old: Resource | None
) -> None:
    size = tpu.slice_nodes(machine, topology)
    policy = block(pool.properties, "placementPolicy")
    if machine.placement == "WORKLOAD_POLICY" and policy.get("type") == "COMPACT":
        raise bad_request(
            f"Creation of a managed instance group with {machine.name} machine type with placement policy is not "
            "supported. Use workload policy instead."
        )
    if len(zones) != 1:
        raise bad_request(
            f"Multi-host TPU node pool must be in exactly one zone, got {', '.join(zones)}. Set nodeLocations to one zone."
        )
    if old is not None and nodes_per_zone(pool) != nodes_per_zone(old):
        raise CloudError(501, f"Multi-host TPU pool ({pool.name}) manual resize is not supported", "notImplemented")
    scaling = block(pool.properties, "autoscaling")
    if scaling:
        limit = int(scaling.get("maxNodeCount") or 0)
        if limit != size:
            raise bad_request(
                f"Maximum node count {limit} is not a valid size of TPU pod slice with topology {topology}"
            )
    count = nodes_per_zone(pool)
    if count != size and not (scaling and count == 0) and not flag(pool.properties, "queuedProvisioning", "enabled"):
        raise bad_request(
            f"Google Compute Engine: Invalid value for field 'resource.resizeBy': '{count}'. Requested invalid target size "
            f"'{count}' for a Managed Instance Group in the gang mode of size '{size}'. Should be equal to the gang size.",
            "invalid",
        )


def default_pool(cluster: Resource) -> Resource:
    """The node pool GKE makes along with a cluster that keeps its default pool."""
    name = "default-pool"
    config = dict(block(cluster.properties, "nodeConfig"))
    return Resource(
        type=POOLS,
        id=f"{cluster.id}/nodePools/{name}",
        project=cluster.project,
        properties={
            "name": name,
            "project": cluster.project,
            "location": cluster.properties.get("location"),
            "cluster": cluster.name,
            "nodeCount": int(cluster.properties.get("initialNodeCount") or 0),
            "nodeConfig": config,
        },
        created=cluster.created,
    )


def node_taints(pool: Resource) -> tuple[tuple[str, str, str], ...]:
    """The pool's own taints as Kubernetes writes them: (key, value, effect)."""
    effects: Mapping[str, str] = {
        "NO_SCHEDULE": "NoSchedule",
        "PREFER_NO_SCHEDULE": "PreferNoSchedule",
        "NO_EXECUTE": "NoExecute",
    }
    taints = cast(list[dict[str, Any]], block(pool.properties, "nodeConfig").get("taints") or [])
    return tuple(
        (str(t.get("key")), str(t.get("value", "")), effects.get(str(t.get("effect")), "NoSchedule")) for t in taints
    )
