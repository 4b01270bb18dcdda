"""Findings with exactly one right answer, as questions about plain values: what may be rewritten without asking anybody.

Owns when a remedy is certain. Does not own what is wrong (`workload.py`, `gateway.py`, `node_pool.py`, `health.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from rules.tpu import MACHINE_TYPES

_ZERO: Final = re.compile(r"0+(\.0+)?(h|m|s|ms)?")
_DURATIONS: Final = frozenset({"request", "backendRequest"})


def certain_label(name: str) -> str | None:
    """The node label that somebody meant who wrote the name of a product or machine type; None where that is not certain.

    Compute Engine lists accelerators as `tpu-v6e`, while GKE labels nodes `tpu-v6e-slice`.
    """
    labels = {machine.node_label for machine in MACHINE_TYPES.values()}
    if name in labels or not name:
        return None
    meant = {
        machine.node_label for machine in MACHINE_TYPES.values() if name in {machine.name, machine.availability_name}
    }
    return meant.pop() if len(meant) == 1 else None


def is_single_host(machine_type: str, topology: str) -> bool:
    """Whether one machine of that type makes up the slice alone, so that no placement can be meant."""
    machine = MACHINE_TYPES.get(machine_type)
    return machine is not None and topology in machine.single_host and topology not in machine.multi_host


def asks_for_nothing(timeouts: Mapping[str, Any]) -> bool:
    """Whether a route's timeouts are all zero, which Gateway API defines as no limit (GEP-1742)."""
    values = list(timeouts.values())
    return set(timeouts) <= _DURATIONS and all(isinstance(v, str) and _ZERO.fullmatch(v) for v in values)
