"""What GKE asks of a node pool that holds TPU slices: placement, size, zones, boot disk, upgrades, flex-start.

Owns the conditions around a slice; the slice itself (`tpu.py`) is asked. Does not know how a tool spells its fields:
paths are those of the GKE API's node pool, which Pulumi shares.
Sources: cluster-toolkit modules/compute/gke-node-pool (2026-06-25); AI-Hypercomputer/xpk nodepool.py and PR #822
(2025-11-11); vllm-project/ci-infra #545 and #547 (2026-09-11); GKE autoscaler machine type table (2026).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from rules import versions
from rules.finding import Finding
from rules.tpu import MACHINE_TYPES, MachineType, check_slice, check_zone, is_tpu_machine_name, slice_nodes

MACHINE_TYPE: Final = "nodeConfig.machineType"
TOPOLOGY: Final = "placementPolicy.tpuTopology"
COMPACT: Final = "COMPACT"
HIGH_THROUGHPUT: Final = "HIGH_THROUGHPUT"
"""Type of the workload policy that places multi-host slices where GKE rejects compact placement."""


@dataclass(frozen=True, kw_only=True)
class TpuNodePool:
    """A node pool as far as the rules look at it; None is 'not written'."""

    machine_type: str | None = None
    topology: str | None = None
    """`placementPolicy.tpuTopology`."""
    placement_type: str | None = None
    placement_policy_name: str | None = None
    node_count: int | None = None
    """Nodes per zone."""
    max_node_count: int | None = None
    """Autoscaling limit per zone."""
    total_max_node_count: int | None = None
    """Autoscaling limit over all zones."""
    zones: tuple[str, ...] = ()
    """`nodeLocations`, or `location` if that is a zone."""
    location: str | None = None
    boot_disk_type: str | None = None
    upgrade_strategy: str | None = None
    version: str | None = None
    flex_start: bool | None = None
    spot: bool | None = None
    auto_repair: bool | None = None
    unknown: frozenset[str] = frozenset()
    """Names of the fields above that have a value nobody knows yet; no rule judges them."""

    def knows(self, *names: str) -> bool:
        """Whether none of these fields is unknown."""
        return self.unknown.isdisjoint(names)


def is_tpu_pool(pool: TpuNodePool) -> bool:
    """Whether the pool holds TPUs, or means to."""
    return pool.topology is not None or (pool.machine_type is not None and is_tpu_machine_name(pool.machine_type))


def check_node_pool(pool: TpuNodePool, extra_zones: Iterable[str] = ()) -> list[Finding]:
    """Everything wrong with a TPU node pool; empty for other pools. `extra_zones` as in `check_zone`."""
    if not is_tpu_pool(pool) or not pool.knows("machine_type"):
        return []
    if pool.machine_type is None:
        return [
            Finding(
                path=MACHINE_TYPE,
                value=None,
                reason=f"a pool with topology {pool.topology} needs a TPU machine type",
                remedy="Write one such as ct6e-standard-4t.",
                rule="machine-type",
            )
        ]
    machine = MACHINE_TYPES.get(pool.machine_type)
    if machine is None:
        return [_renamed(f) for f in check_slice(pool.machine_type, pool.topology or "1x1")]
    return [
        *_check_placement(pool, machine),
        *_check_zones(pool, machine, tuple(extra_zones)),
        *_check_disk(pool, machine),
        *_check_version(pool, machine),
        *_check_flex_start(pool),
    ]


def _renamed(finding: Finding) -> Finding:
    return replace(finding, path={"machineType": MACHINE_TYPE, "tpuTopology": TOPOLOGY}.get(finding.path, finding.path))


def _check_placement(pool: TpuNodePool, machine: MachineType) -> list[Finding]:
    if not pool.knows("topology"):
        return []
    if pool.topology is None:
        if pool.placement_type != COMPACT or not pool.knows("placement_type"):
            return []
        return [_needless_placement(pool, machine, "placementPolicy.type", pool.placement_type)]
    findings = [_renamed(f) for f in check_slice(machine.name, pool.topology)]
    if findings:
        return findings
    nodes = slice_nodes(machine, pool.topology)
    if nodes == 1:
        return [_needless_placement(pool, machine, TOPOLOGY, pool.topology)]
    return [*_check_multi_host_policy(pool, machine), *_check_multi_host_size(pool, machine, nodes)]


def _needless_placement(pool: TpuNodePool, machine: MachineType, path: str, value: str) -> Finding:
    return Finding(
        path=path,
        value=value,
        reason=(
            f"{machine.name} makes {pool.topology or ' or '.join(machine.single_host)} on a single host; with a "
            "placement policy GKE refuses the pool or ties its size to one slice"
        ),
        remedy="Leave placementPolicy out; GKE labels the nodes with their topology by itself.",
        rule="placement",
    )


def _check_multi_host_policy(pool: TpuNodePool, machine: MachineType) -> list[Finding]:
    if machine.placement == COMPACT:
        if not pool.knows("placement_type") or pool.placement_type == COMPACT:
            return []
        return [
            Finding(
                path="placementPolicy.type",
                value=pool.placement_type,
                reason=f"a {pool.topology} slice of {machine.name} spans several hosts, which must be neighbours",
                remedy="Write COMPACT.",
                rule="placement",
            )
        ]
    findings: list[Finding] = []
    if pool.knows("placement_type") and pool.placement_type:
        findings.append(
            Finding(
                path="placementPolicy.type",
                value=pool.placement_type,
                reason=f"GKE refuses it for {machine.name}: 'Use workload policy instead'",
                remedy="Leave type out and name a workload policy in placementPolicy.policyName.",
                rule="placement",
            )
        )
    if pool.knows("placement_policy_name") and not pool.placement_policy_name:
        findings.append(
            Finding(
                path="placementPolicy.policyName",
                value=None,
                reason=f"multi-host slices of {machine.name} are placed by a workload policy",
                remedy=f"Name a resource policy with workloadPolicy type {HIGH_THROUGHPUT} and that acceleratorTopology.",
                rule="placement",
            )
        )
    return findings


def _check_multi_host_size(pool: TpuNodePool, machine: MachineType, nodes: int) -> list[Finding]:
    slice_name = f"a {pool.topology} slice of {machine.name}"
    findings: list[Finding] = []
    sizes = (
        ("node_count", "nodeCount", pool.node_count),
        ("max_node_count", "autoscaling.maxNodeCount", pool.max_node_count),
    )
    for name, path, value in sizes:
        empty = name == "node_count" and value == 0 and pool.max_node_count is not None
        if pool.knows(name) and value is not None and value != nodes and not empty:
            findings.append(
                Finding(
                    path=path,
                    value=value,
                    reason=f"{slice_name} is {nodes} nodes, and one pool is one slice; GKE refuses other sizes",
                    remedy=f"Write {nodes}, and add a pool per further slice.",
                    rule="size",
                )
            )
    if pool.knows("total_max_node_count") and pool.total_max_node_count is not None:
        findings.append(
            Finding(
                path="autoscaling.totalMaxNodeCount",
                value=pool.total_max_node_count,
                reason="GKE then reads 0 per zone and refuses the pool: 'Maximum node count 0 is not a valid size'",
                remedy=f"Write maxNodeCount: {nodes} and leave totalMaxNodeCount out.",
                rule="size",
            )
        )
    if pool.knows("zones", "location") and len(pool.zones) > 1:
        findings.append(
            Finding(
                path="nodeLocations",
                value=list(pool.zones),
                reason=f"{slice_name} lives in exactly one zone",
                remedy="Write the one zone, and add a pool per further zone.",
                rule="zone",
            )
        )
    if pool.knows("upgrade_strategy") and pool.upgrade_strategy == "BLUE_GREEN":
        findings.append(
            Finding(
                path="upgradeSettings.strategy",
                value=pool.upgrade_strategy,
                reason="a compactly placed pool cannot be upgraded blue-green",
                remedy="Write SURGE.",
                rule="placement",
            )
        )
    return findings


def _check_zones(pool: TpuNodePool, machine: MachineType, extra_zones: tuple[str, ...]) -> list[Finding]:
    if not pool.knows("zones", "location"):
        return []
    if not pool.zones:
        if pool.location is None:
            return []
        finding = check_zone(machine.name, pool.location, extra_zones)
        return [
            replace(
                f,
                path="nodeLocations",
                value=None,
                reason=f"location '{pool.location}' is a region; its default zones need not have {machine.generation}",
            )
            for f in finding
            if f.rule == "zone"
        ]
    findings: list[Finding] = []
    for index, zone in enumerate(pool.zones):
        path = "location" if zone == pool.location else f"nodeLocations[{index}]"
        findings += [replace(f, path=path) for f in check_zone(machine.name, zone, extra_zones)]
    return findings


def _check_disk(pool: TpuNodePool, machine: MachineType) -> list[Finding]:
    disk = pool.boot_disk_type
    if disk is None or not pool.knows("boot_disk_type") or disk in machine.boot_disk_types:
        return []
    return [
        Finding(
            path="nodeConfig.diskType",
            value=disk,
            reason=f"{machine.name} cannot boot from it; GKE refuses the pool",
            remedy=f"Write {' or '.join(machine.boot_disk_types)}.",
            rule="boot-disk",
        )
    ]


def _check_version(pool: TpuNodePool, machine: MachineType) -> list[Finding]:
    if pool.version is None or machine.minimum_gke_version is None or not pool.knows("version"):
        return []
    try:
        if versions.at_least(pool.version, machine.minimum_gke_version):
            return []
    except ValueError as error:
        return [
            Finding(
                path="version", value=pool.version, reason="it is no GKE version", remedy=str(error), rule="version"
            )
        ]
    return [
        Finding(
            path="version",
            value=pool.version,
            reason=f"GKE knows {machine.name} only from {machine.minimum_gke_version}",
            remedy=f"Write {machine.minimum_gke_version} or newer.",
            rule="version",
        )
    ]


def _check_flex_start(pool: TpuNodePool) -> list[Finding]:
    if not pool.flex_start or not pool.knows("flex_start"):
        return []
    wrong: list[tuple[str, object, str]] = []
    if pool.knows("auto_repair") and pool.auto_repair is not False:
        wrong.append(("management.autoRepair", pool.auto_repair, "Write false."))
    if pool.knows("node_count") and pool.node_count:
        wrong.append(("nodeCount", pool.node_count, "Leave nodeCount out and write autoscaling.minNodeCount: 0."))
    if pool.knows("spot") and pool.spot:
        wrong.append(("nodeConfig.spot", pool.spot, "Choose one of spot and flexStart."))
    return [
        Finding(path=path, value=value, reason="GKE refuses it for a flex-start pool", remedy=remedy, rule="flex-start")
        for path, value, remedy in wrong
    ]
