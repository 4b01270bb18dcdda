"""In which zones nodes without TPU can be had, as far as a dated list can tell.

Owns the list (`data/machine_zones.json`) and what is certain without one: AI zones hold accelerators only, and a TPU machine
is no machine for controllers. Does not own TPU machines (`tpu`), nor which types a family has (`machine_types`). A family that is
merely not listed for a zone warns.
Source of AI zones: https://cloud.google.com/compute/docs/regions-zones/ai-zones, read 2026-08.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from rules import machine_types
from rules.finding import Finding
from rules.tpu import is_tpu_machine_name
from rules.tpu.machines import DATA

_TABLE: Final[dict[str, Any]] = json.loads((DATA / "machine_zones.json").read_text(encoding="utf-8"))
DATE: Final[str] = _TABLE["date"]
_AI_ZONE: Final = re.compile(r"[a-z]+-[a-z]+\d+-ai\d+[a-z]?")
_FAMILIES: Final = "a2|a3|a4x?|c2d?|c3d?|c4[ad]?|e2|f1|g1|g2|g4|h3|h4d|m1|m2|m3|m4|n1|n2d?|n4[ad]?|t2[ad]|x4|z3"
_PLAUSIBLE: Final = re.compile(r"[a-z]\d{1,2}[a-z]{0,2}-[a-z]+-[a-z0-9-]+")
_MACHINE: Final = re.compile(rf"(?:(?P<family>{_FAMILIES})-[a-z0-9-]+|custom-\d+-\d+)")


def is_ai_zone(zone: str) -> bool:
    """Whether a zone holds accelerators only, such as us-south1-ai1b."""
    return _AI_ZONE.fullmatch(zone) is not None


def is_machine_type(name: str) -> bool:
    """Whether `name` is a Compute Engine machine type without TPU, as far as the lists can tell."""
    return _MACHINE.fullmatch(name) is not None and machine_types.exists(name) is not False


def families(zone: str) -> list[str]:
    """The families that are listed for a zone; none for an AI zone."""
    if is_ai_zone(zone):
        return []
    return [*_TABLE["everywhere"], *(name for name, zones in _TABLE["families"].items() if zone in zones)]


def listed_zones() -> frozenset[str]:
    """The zones that the list names for some family."""
    return frozenset(zone for zones in _TABLE["families"].values() for zone in zones)


def check_machine(machine_type: str, zones: Iterable[str]) -> list[Finding]:
    """Whether nodes without TPU of that machine type can be had in those zones; the path is `machineType`."""
    if is_tpu_machine_name(machine_type):
        return [
            _finding(
                machine_type, "it is a TPU machine type, and these nodes are for what needs no TPU", "e2-standard-4"
            )
        ]
    match = _MACHINE.fullmatch(machine_type)
    if match is None:
        plausible = _PLAUSIBLE.fullmatch(machine_type) is not None
        reason = (
            "no machine family of this name is known here" if plausible else "it is no machine type of Compute Engine"
        )
        return [_finding(machine_type, reason, _instead(machine_type), certain=not plausible)]
    if machine_types.exists(machine_type) is False:
        reason = f"Compute Engine has no such machine type, by the list of {machine_types.DATE}: GKE refuses the pool"
        return [_finding(machine_type, reason, _instead(machine_type))]
    family = match["family"] or "n1"
    for zone in zones:
        if is_ai_zone(zone):
            reason = f"{zone} is an AI zone, which has accelerators only: GKE refuses the pool"
            return [_finding(machine_type, reason, "a standard zone of the region for these nodes")]
        if family in _TABLE["everywhere"] or zone in _TABLE["families"].get(family, ()):
            continue
        reason = f"the list of {DATE} does not say whether {zone} has {family} machines"
        return [
            _finding(
                machine_type,
                reason,
                "an e2 machine type, which every zone has, or see the list of Google",
                certain=False,
            )
        ]
    return []


def _instead(machine_type: str) -> str:
    near = machine_types.nearest(machine_type)
    return (
        "one such as e2-standard-4" if near is None else f"{near}, if you meant that, or another one of Compute Engine"
    )


def _finding(machine_type: str, reason: str, instead: str, *, certain: bool = True) -> Finding:
    return Finding(
        path="machineType",
        value=machine_type,
        reason=reason,
        remedy=f"Write {instead}.",
        certain=certain,
        rule="machine-zone",
    )
