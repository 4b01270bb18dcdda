"""In which zones GKE makes node pools of which TPU generation, as far as a dated list can tell.

Owns the list (`data/tpu_zones.json`). It drifts, and zones with TPU VMs need not have node pools: so a zone is refused only
where the list is known to be complete, and callers can name zones that they know to work.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from rules.finding import Finding
from rules.tpu.machines import DATA, MACHINE_TYPES, unknown_machine

_ZONE: Final = re.compile(r"[a-z]+-[a-z]+\d+-[a-z0-9]+")
_REGION: Final = re.compile(r"[a-z]+-[a-z]+\d+")
_ZONES: Final[dict[str, Any]] = json.loads((DATA / "tpu_zones.json").read_text(encoding="utf-8"))
ZONES_SOURCE: Final[str] = _ZONES["source"]
ZONES_DATE: Final[str] = _ZONES["date"]


def zones(generation: str) -> tuple[str, ...]:
    """The zones with node pools of that generation, as of `ZONES_DATE`; empty for an unknown generation."""
    return tuple(_ZONES["generations"].get(generation, {}).get("zones", ()))


def check_zone(
    machine_type: str,
    zone: str,
    extra_zones: Iterable[str] = (),
    *,
    named: str = "extraTpuZones of the settings, or extraZones of the pack's configuration,",
) -> list[Finding]:
    """Whether that zone has node pools of that machine type.

    The list drifts, so a zone is refused only where the table is known to be complete; elsewhere the finding has
    `certain=False`. `extra_zones` are zones the caller knows to work and are never reported; `named` is where they are written.
    """
    machine = MACHINE_TYPES.get(machine_type)
    if machine is None:
        return [unknown_machine(machine_type)]
    offered = zones(machine.generation)
    listed = _listed(offered, zone)
    if _ZONE.fullmatch(zone) is None:
        what = "it is a region, and a TPU slice lives in one zone" if _REGION.fullmatch(zone) else "it is no zone"
        near = [z for z in offered if z.startswith(f"{zone}-")]
        remedy = f"Write {' or '.join(near)}." if near else f"{listed}."
        return [Finding(path="zone", value=zone, reason=what, remedy=remedy, rule="zone")]
    if zone in offered or zone in set(extra_zones):
        return []
    facts: dict[str, list[str]] = _ZONES["generations"][machine.generation]
    region = zone.rsplit("-", 1)[0]
    covered = any(zone.startswith(area) for area in facts["complete_areas"]) or (
        bool(facts["complete_areas"]) and any(z.rsplit("-", 1)[0] == region for z in offered)
    )
    certain = covered and zone not in facts["disputed"]
    why = (
        f"no {machine.generation} node pools are offered there (Google's list as of {ZONES_DATE}), and creating one "
        "fails with 'Unsupported TPU configuration' or GCE_STOCKOUT after minutes of waiting"
        if certain
        else f"it is not on the {machine.generation} zone list as of {ZONES_DATE}, which is not complete for it"
    )
    return [
        Finding(
            path="zone",
            value=zone,
            reason=why,
            remedy=f"{listed}{_disputed(facts['disputed'], zone)}, or name the zone under {named} if you know that it works.",
            certain=certain,
            rule="zone",
        )
    ]


def _listed(offered: tuple[str, ...], zone: str) -> str:
    """The zones to choose from: those of the same region first, which need no other setting changed."""
    region = zone.rsplit("-", 1)[0]
    near = [each for each in offered if each.rsplit("-", 1)[0] == region]
    if not near:
        return f"Write one of {', '.join(offered)}"
    far = [each for each in offered if each not in near]
    return f"Write {' or '.join(near)}" + (f", or in another region one of {', '.join(far)}" if far else "")


def _disputed(disputed: list[str], zone: str) -> str:
    """Which zones of the region some lists name and others do not."""
    region = zone.rsplit("-", 1)[0]
    near = [each for each in disputed if each.rsplit("-", 1)[0] == region and each != zone]
    return f" (lists disagree about {', '.join(near)})" if near else ""
