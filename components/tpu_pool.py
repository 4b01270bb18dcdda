"""A node pool of TPU machines.

Owns the pool. Its size, placement policy and boot disk are not arguments: they follow from machine type and topology, as
the rules know them, so a pool that GKE refuses cannot be written. Does not own labels and taints of TPU nodes: GKE sets
them.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.google import NodePool
from rules import tpu


@dataclass(frozen=True, kw_only=True)
class TpuNodePoolArgs:
    """Arguments of TpuNodePool.

    Attributes:
        name: The pool's name in the cluster.
        cluster: Id of the cluster.
        zone: The one zone of its nodes.
        machine_type: TPU machine type, such as ct6e-standard-4t.
        topology: Shape of a slice in chips, such as 2x2.
        nodes: VMs in the pool.
        service_account: E-mail of the nodes' service account.
        spot: Use spot capacity.
    """

    name: str
    cluster: pulumi.Input[str]
    zone: str
    machine_type: str
    topology: str
    nodes: int
    service_account: pulumi.Input[str]
    spot: bool


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
        multi_host = tpu.is_multi_host(machine, args.topology)
        self.pool = NodePool(
            name,
            name=args.name,
            cluster=args.cluster,
            node_locations=[args.zone],
            node_count=args.nodes,
            # GKE refuses a placement policy on single-host pools and requires one on multi-host pools.
            placement_policy={"type": "COMPACT", "tpu_topology": args.topology} if multi_host else None,
            management={"auto_repair": True, "auto_upgrade": True},
            node_config={
                "machine_type": args.machine_type,
                "spot": args.spot,
                "boot_disk": {"disk_type": machine.boot_disk_types[0], "size_gb": 100},
                "service_account": args.service_account,
                "oauth_scopes": ["https://www.googleapis.com/auth/cloud-platform"],
                "shielded_instance_config": {"enable_secure_boot": True, "enable_integrity_monitoring": True},
                "workload_metadata_config": {"mode": "GKE_METADATA"},
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"name": self.pool.name})
