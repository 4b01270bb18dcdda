"""A node pool of TPU machines.

Owns the pool, and the workload policy where a generation is placed by one. Placement, boot disk, autoscaling limits in nodes and
upgrades are not arguments: they follow from machine type, topology and capacity, as the rules know them, so a pool that GKE
refuses cannot be written. Does not own labels and taints of TPU nodes, which GKE sets, nor the compute class a pool may be in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from components.google import NodePool, ResourcePolicy
from components.naming import joined, node_tag
from rules import compute_class, tpu
from rules.capacity import ANY, NO_RESERVATION, RESERVATION_KEY, SPECIFIC_RESERVATION
from rules.node_pool import COMPACT, HIGH_THROUGHPUT


@dataclass(frozen=True, kw_only=True)
class TpuNodePoolArgs:
    """Arguments of TpuNodePool.

    Attributes:
        name: The pool's name in the cluster.
        cluster: Id of the cluster.
        cluster_name: Name of the cluster, for what is named after both.
        region: Region of the cluster.
        zone: The one zone of its nodes.
        extra_zones: Zones known to have TPU node pools although the built-in list lacks them; the policies read it here.
        machine_type: TPU machine type, such as ct6e-standard-4t.
        topology: Shape of a slice in chips, such as 2x2.
        slices: How many slices a pool of fixed size has; of a growing one, the fewest and the most.
        capacity: on-demand, spot, flex-start or reservation.
        reservation: Name of the reservation, for that capacity.
        max_run_hours: After how many hours flex-start machines go; None for GKE's 7 days.
        queued: Machines come by ProvisioningRequest, for flex-start.
        service_account: E-mail of the nodes' service account.
        compute_class: The compute class the pool is in; None for none.
        boot_disk_type: Type of the boot disk; None for the first the machine type takes.
        boot_disk_gb: Size of the boot disk in GB.
        boot_disk_kms_key: Cloud KMS key of the boot disk; None for Google's.
        max_pods_per_node: How many pods a node may hold; None for the cluster's default.
        labels: Labels of the machines in Google Cloud.
        gvnic: Use Google's virtual network card.
    """

    name: str
    cluster: pulumi.Input[str]
    cluster_name: str
    region: str
    zone: str
    extra_zones: tuple[str, ...] = ()
    machine_type: str
    topology: str
    slices: int | tuple[int, int]
    capacity: str = "on-demand"
    reservation: str | None = None
    max_run_hours: int | None = None
    queued: bool = False
    service_account: pulumi.Input[str]
    compute_class: str | None = None
    boot_disk_type: str | None = None
    boot_disk_gb: int = 100
    boot_disk_kms_key: pulumi.Input[str] | None = None
    max_pods_per_node: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    gvnic: bool = True


class TpuNodePool(pulumi.ComponentResource):
    """TPU nodes of one machine type and topology."""

    pool: NodePool

    def __init__(self, name: str, args: TpuNodePoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:index:TpuNodePool", name, vars(args), opts)
        machine = tpu.machine_type(args.machine_type)
        if machine is None:
            raise pulumi.RunError(
                f"{name}: {args.machine_type} is no TPU machine type; known: {', '.join(tpu.MACHINE_TYPES)}"
            )
        nodes = tpu.slice_nodes(machine, args.topology)
        flex_start = args.capacity == "flex-start"
        self.pool = NodePool(
            name,
            name=args.name,
            cluster=args.cluster,
            node_locations=[args.zone],
            **_size(args, nodes),
            # GKE refuses a placement policy on single-host pools and requires one on multi-host pools.
            placement_policy=self._placement(name, args, machine) if nodes > 1 else None,
            queued_provisioning={"enabled": True} if args.queued else None,
            # Flex-start machines are not repaired but waited for again.
            management={"auto_repair": not flex_start, "auto_upgrade": True},
            upgrade_settings=_upgrades(multi_host=nodes > 1, flex_start=flex_start),
            max_pods_per_node=args.max_pods_per_node,
            node_config=_node_config(args, machine),
            opts=pulumi.ResourceOptions(
                parent=self,
                # It only says what the autoscaler starts from; a change of it would replace the pool and its machines.
                ignore_changes=["initialNodeCount"] if isinstance(args.slices, tuple) else None,
            ),
        )
        self.register_outputs({"name": self.pool.name})

    def _placement(self, name: str, args: TpuNodePoolArgs, machine: tpu.MachineType) -> Any:
        if machine.placement == COMPACT:
            return {"type": COMPACT, "tpu_topology": args.topology}
        policy = ResourcePolicy(
            f"{name}-slice",
            name=joined(args.cluster_name, args.name),
            region=args.region,
            workload_policy={"type": HIGH_THROUGHPUT, "accelerator_topology": args.topology},
            opts=pulumi.ResourceOptions(parent=self),
        )
        # The API reports no type here; any other value would replace the pool at every update.
        return {"type": "", "policy_name": policy.name, "tpu_topology": args.topology}


def _node_config(args: TpuNodePoolArgs, machine: tpu.MachineType) -> Any:
    config = {
        "machine_type": args.machine_type,
        "tags": [node_tag(args.cluster_name)],
        **_capacity(args),
        **_binding(args.compute_class),
        "resource_labels": dict(args.labels) or None,
        "gvnic": {"enabled": True} if args.gvnic else None,
        "boot_disk": {"disk_type": args.boot_disk_type or machine.boot_disk_types[0], "size_gb": args.boot_disk_gb},
        "boot_disk_kms_key": args.boot_disk_kms_key,
        "service_account": args.service_account,
        "oauth_scopes": ["https://www.googleapis.com/auth/cloud-platform"],
        "shielded_instance_config": {"enable_secure_boot": True, "enable_integrity_monitoring": True},
        "workload_metadata_config": {"mode": "GKE_METADATA"},
    }
    return {name: value for name, value in config.items() if value is not None}


def _size(args: TpuNodePoolArgs, nodes: int) -> dict[str, Any]:
    if not isinstance(args.slices, tuple):
        return {"node_count": args.slices * nodes}
    low, high = (count * nodes for count in args.slices)
    # Limits are per zone: of total ones GKE reads 0 per zone for a TPU pool, and refuses it.
    limits = {"min_node_count": low, "max_node_count": high}
    location = {"location_policy": ANY} if args.capacity in {"flex-start", "spot"} else {}
    return {"initial_node_count": low, "autoscaling": {**limits, **location}}


def _capacity(args: TpuNodePoolArgs) -> dict[str, Any]:
    if args.capacity == "reservation":
        affinity = {
            "consume_reservation_type": SPECIFIC_RESERVATION,
            "key": RESERVATION_KEY,
            "values": [args.reservation],
        }
        return {"spot": False, "reservation_affinity": affinity}
    none = {"reservation_affinity": {"consume_reservation_type": NO_RESERVATION}}
    if args.capacity == "spot":
        return {"spot": True, **none}
    if args.capacity == "flex-start":
        duration = None if args.max_run_hours is None else f"{args.max_run_hours * 3600}s"
        return {"spot": False, "flex_start": True, "max_run_duration": duration, **none}
    return {"spot": False}


def _binding(wanted: str | None) -> dict[str, Any]:
    if wanted is None:
        return {}
    taint = {"key": compute_class.LABEL, "value": wanted, "effect": compute_class.NODE_TAINT_EFFECT}
    return {"labels": compute_class.node_label(wanted), "taints": [taint]}


def _upgrades(*, multi_host: bool, flex_start: bool) -> Any:
    """One node at a time without a spare one, for which there is no TPU; other pools GKE upgrades in a way of its own."""
    if multi_host or flex_start:
        return None
    return {"strategy": "SURGE", "max_surge": 0, "max_unavailable": 1}
