"""Whether pods that ask for TPUs can land on a node, and on the slice they mean.

Owns the relation of node selectors, `google.com/tpu` and slices. Does not own node pools (`node_pool.py`).
Sources: GKE's vLLM-on-TPU samples (kubernetes-engine-samples, 2026-07-30); vllm-project/ci-infra PR #525 on the
ambiguity of 2x4; GKE tutorial serve-vllm-tpu on single-host serving.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rules.finding import Finding
from rules.tpu import (
    MACHINE_TYPES,
    TPU_ACCELERATOR_LABEL,
    TPU_RESOURCE,
    TPU_TOPOLOGY_LABEL,
    MachineType,
    is_multi_host,
    machines_for,
)
from rules.tpu import (
    chips as chips_of,
)


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A kind of slice that a declared node pool offers."""

    machine: MachineType
    topology: str

    def __str__(self) -> str:
        return f"{self.machine.name} {self.topology}"


def check_accelerator(value: str) -> list[Finding]:
    """Whether a node selector's accelerator is a label GKE puts on TPU nodes."""
    labels = sorted({m.node_label for m in MACHINE_TYPES.values()} | {"tpu-v4-podslice", "tpu-v5-lite-device"})
    if value in labels:
        return []
    near = [label for label in labels if label.startswith(value) or value.startswith(label)]
    return [
        Finding(
            path=f"nodeSelector['{TPU_ACCELERATOR_LABEL}']",
            value=value,
            reason="GKE labels no node with it, so the pods stay Pending for ever",
            remedy=f"Write {' or '.join(near or labels)}.",
            rule="accelerator",
        )
    ]


def check_request(accelerator: str, topology: str, chips: int) -> list[Finding]:
    """Whether some machine type with these two labels offers exactly `chips` per node."""
    machines = machines_for(accelerator, topology)
    if any(m.chips_per_vm == chips for m in machines):
        return []
    family = [m for m in MACHINE_TYPES.values() if m.node_label == accelerator]
    if not family or (not machines and not all(m.complete for m in family)):
        return []
    if not machines:
        offered = sorted({t for m in family for t in m.topologies})
        return [
            Finding(
                path=f"nodeSelector['{TPU_TOPOLOGY_LABEL}']",
                value=topology,
                reason=f"no {accelerator} node has this topology, so the pods stay Pending for ever",
                remedy=f"Write one of {', '.join(offered)}.",
                rule="topology",
            )
        ]
    fitting = " or ".join(f"{m.chips_per_vm} (on {m.name})" for m in machines)
    return [
        Finding(
            path=f"resources.limits['{TPU_RESOURCE}']",
            value=chips,
            reason=f"a node of a {topology} {accelerator} slice offers another number of chips, and a pod takes "
            "all of a node's chips or stays Pending",
            remedy=f"Write {fitting}.",
            rule="chips",
        )
    ]


def check_declared(accelerator: str, topology: str, chips: int, slices: Iterable[Slice]) -> list[Finding]:
    """Whether one of the declared node pools' slices fits the pods."""
    declared = list(slices)
    for item in declared:
        if (item.machine.node_label, item.topology, item.machine.chips_per_vm) == (accelerator, topology, chips):
            return []
    return [
        Finding(
            path="nodeSelector",
            value=f"{accelerator} {topology} with {chips} chips per pod",
            reason=f"no node pool of the stack offers it (there are: {', '.join(map(str, declared))}), so the pods "
            "stay Pending for ever",
            remedy="Declare such a node pool, or select what a declared one offers.",
            rule="no-pool",
        )
    ]


def check_single_pod(accelerator: str, topology: str, chips: int) -> list[Finding]:
    """Whether one pod alone can run the slice it selects; a multi-host slice needs a group of them."""
    machines = [m for m in machines_for(accelerator, topology) if m.chips_per_vm == chips]
    if not machines or not all(is_multi_host(m, topology) for m in machines):
        return []
    return [
        Finding(
            path=f"nodeSelector['{TPU_TOPOLOGY_LABEL}']",
            value=topology,
            reason=f"with {chips} chips per pod this is a slice of several hosts, and a server in one pod waits for "
            "the others for ever",
            remedy="Select a single-host topology, or give the service a worker template (LeaderWorkerSet).",
            rule="multi-host",
        )
    ]


def check_group(topology: str, chips: int, size: int, path: str) -> list[Finding]:
    """Whether a group of `size` pods with that many chips each takes exactly one slice."""
    try:
        wanted = chips_of(topology)
    except ValueError:
        return []
    if chips * size == wanted:
        return []
    hosts = wanted // chips if chips and wanted % chips == 0 else None
    return [
        Finding(
            path=path,
            value=size,
            reason=f"{size} pods of {chips} chips are {chips * size}, and a {topology} slice is {wanted} chips: the group "
            "waits for hosts that never come, or holds a slice it does not use",
            remedy=f"Write {hosts}." if hosts else "Choose chips per pod and topology from one row of the TPU table.",
            rule="group",
        )
    ]
