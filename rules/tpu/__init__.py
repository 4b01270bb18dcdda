"""TPU slices on GKE: machine types, topologies, the arithmetic between them, zones, and the names GKE gives them.

Owns what is true of a slice whoever creates it. Does not own what a node pool must look like around it (`node_pool.py`)
nor quota and stock, which only a live project can answer. v6e is complete; of other generations only what is verified.
"""

from __future__ import annotations

from rules.tpu.machines import (
    MACHINE_TYPES,
    TPU_ACCELERATOR_LABEL,
    TPU_RESOURCE,
    TPU_TAINT_EFFECT,
    TPU_TAINT_KEY,
    TPU_TAINT_VALUE,
    TPU_TOPOLOGY_LABEL,
    MachineType,
    accelerator,
    is_tpu_machine_name,
    machine_type,
    machines_for,
)
from rules.tpu.parallelism import Layout, check_parallel_size, layout
from rules.tpu.slices import check_slice, chips, is_multi_host, slice_nodes
from rules.tpu.zones import ZONES_DATE, ZONES_SOURCE, check_zone, zones

__all__ = [
    "MACHINE_TYPES",
    "TPU_ACCELERATOR_LABEL",
    "TPU_RESOURCE",
    "TPU_TAINT_EFFECT",
    "TPU_TAINT_KEY",
    "TPU_TAINT_VALUE",
    "TPU_TOPOLOGY_LABEL",
    "ZONES_DATE",
    "ZONES_SOURCE",
    "Layout",
    "MachineType",
    "accelerator",
    "check_parallel_size",
    "check_slice",
    "check_zone",
    "chips",
    "is_multi_host",
    "is_tpu_machine_name",
    "layout",
    "machine_type",
    "machines_for",
    "slice_nodes",
    "zones",
]
