"""TPU pools in the order in which GKE adds nodes to them, as one place for a model.

Owns the ComputeClass, and what a pod writes to land on a pool or in a class. Does not own the pools: each carries the label and
the taint of its class itself (`tpu_pool.py`). GKE tries the pools in order when a node is missing; among nodes that are there the
scheduler chooses as it likes.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.manifests import manifest
from rules import compute_class, network, tpu


@dataclass(frozen=True, kw_only=True)
class TpuComputeClassArgs:
    """Arguments of TpuComputeClass.

    Attributes:
        name: The class's name in the cluster.
        pools: Names of its node pools; the first one is tried first.
        return_to_first: Move pods back to an earlier pool when it has machines again.
    """

    name: str
    pools: tuple[str, ...]
    return_to_first: bool = False


class TpuComputeClass(pulumi.ComponentResource):
    """A fallback order of TPU pools."""

    compute_class: pulumi.CustomResource

    def __init__(self, name: str, args: TpuComputeClassArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:index:TpuComputeClass", name, vars(args), opts)
        self.compute_class = manifest(
            name,
            api_version=compute_class.API_VERSION,
            kind=compute_class.KIND,
            name=args.name,
            spec={
                # One pool a rule: within a rule GKE knows no order.
                "priorities": [{"nodepools": [pool]} for pool in args.pools],
                "nodePoolAutoCreation": {"enabled": False},
                "activeMigration": {"optimizeRulePriority": args.return_to_first},
                "whenUnsatisfiable": compute_class.DO_NOT_SCALE_UP,
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"name": args.name})


def placement(
    *, machine: tpu.MachineType, topology: str, pool: str | None = None, compute_class_name: str | None = None
) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Node selector and tolerations of a pod for slices of that machine type and topology.

    `pool` pins it to one node pool, `compute_class_name` to the pools of a class; with neither it takes any fitting node.
    """
    selector = {tpu.TPU_ACCELERATOR_LABEL: machine.node_label, tpu.TPU_TOPOLOGY_LABEL: topology}
    tolerations = [_toleration(tpu.TPU_TAINT_KEY, tpu.TPU_TAINT_VALUE, tpu.TPU_TAINT_EFFECT)]
    if compute_class_name is not None:
        # GKE adds this toleration itself; written out, the pods also fit where its webhook is not asked.
        tolerations.append(_toleration(compute_class.LABEL, compute_class_name, compute_class.TAINT_EFFECT))
        selector[compute_class.LABEL] = compute_class_name
    elif pool is not None:
        selector = {network.NODE_POOL_LABEL: pool, **selector}
    return selector, tolerations


def _toleration(key: str, value: str, effect: str) -> dict[str, str]:
    return {"key": key, "operator": "Equal", "value": value, "effect": effect}
