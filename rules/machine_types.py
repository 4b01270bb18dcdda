"""Which of Compute Engine's general-purpose machine types there are, and how large each is.

Owns the shapes of the families that GKE's nodes without TPU come in, and the limits of custom types (`data/machine_shapes.json`,
with source and date). Does not own where they are to be had (`machine_zones`), TPU machines (`tpu`), nor families for special
work (a, g, h, m, x, z), whose names are taken as they are. The newest families still get new sizes: one that is not listed
there is no certain mistake.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rules import nearest as nearest_name
from rules.tpu.machines import DATA

_TABLE: Final[dict[str, Any]] = json.loads((DATA / "machine_shapes.json").read_text(encoding="utf-8"))
DATE: Final[str] = _TABLE["date"]
FAMILIES: Final[Mapping[str, Mapping[str, tuple[float, list[int]]]]] = _TABLE["families"]
"""By family and class: GiB of memory for each vCPU, and the numbers of vCPUs."""
GROWING: Final = frozenset(_TABLE["growing"])
"""Families that get new sizes while this list is young."""
SHARED_CORE: Final = tuple(_TABLE["shared"])

_NAME: Final = re.compile(r"(?P<family>[a-z]\d[a-z]?)-(?P<kind>[a-z]+)-(?P<cpu>\d+)(?P<more>-[a-z0-9-]+)?")
_CUSTOM: Final = re.compile(
    r"(?:(?P<family>[a-z]\d[a-z]?)-)?custom-(?P<cpu>\d+|micro|small|medium)-(?P<mib>\d+)(?P<ext>-ext)?"
)
_STEP_MIB: Final = 256
_SHARED_CUSTOM: Final[Mapping[str, tuple[int, int]]] = {
    "micro": (1024, 2048),
    "small": (2048, 4096),
    "medium": (4096, 8192),
}
"""MiB of memory for each of the two vCPUs of custom types that share a core."""


@dataclass(frozen=True, kw_only=True)
class _Custom:
    """Limits of a family's custom types."""

    cpus: frozenset[int]
    least_mib: int
    """For each vCPU."""
    most_mib: int
    """For each vCPU, without extended memory (`-ext`)."""
    extends: bool


_CUSTOMS: Final[Mapping[str, _Custom]] = {
    "e2": _Custom(cpus=frozenset(range(2, 33, 2)), least_mib=512, most_mib=8192, extends=False),
    "n1": _Custom(cpus=frozenset({1, *range(2, 97, 2)}), least_mib=922, most_mib=6656, extends=True),
    "n2": _Custom(cpus=frozenset({*range(2, 33, 2), *range(36, 129, 4)}), least_mib=512, most_mib=8192, extends=True),
    "n2d": _Custom(cpus=frozenset({2, 4, 8, 16, 32, 48, 64, 80, 96}), least_mib=512, most_mib=8192, extends=True),
}


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a machine is."""

    vcpus: int
    memory_gib: float
    shared_core: bool = False


def names(family: str) -> list[str]:
    """The machine types of a family, without those that bring local disks or are bare metal."""
    shared = [name for name in SHARED_CORE if name.startswith(f"{family}-")]
    return shared + [f"{family}-{kind}-{cpu}" for kind, (_, cpus) in FAMILIES.get(family, {}).items() for cpu in cpus]


def size(name: str) -> Size | None:
    """How large a machine of that type is; None where the list does not say."""
    if name in SHARED_CORE:
        return Size(vcpus=2, memory_gib=_TABLE["shared"][name], shared_core=True)
    custom = _CUSTOM.fullmatch(name)
    if custom is not None:
        shared = custom["cpu"] in _SHARED_CUSTOM
        return Size(vcpus=2 if shared else int(custom["cpu"]), memory_gib=int(custom["mib"]) / 1024, shared_core=shared)
    match = _NAME.fullmatch(name)
    listed = FAMILIES.get(match["family"], {}).get(match["kind"]) if match else None
    if match is None or listed is None:
        return None
    return Size(vcpus=int(match["cpu"]), memory_gib=int(match["cpu"]) * listed[0])


def exists(name: str) -> bool | None:
    """Whether there is such a machine type; None where the list cannot tell."""
    custom = _CUSTOM.fullmatch(name)
    if custom is not None:
        return _custom_exists(custom)
    match = _NAME.fullmatch(name)
    family = name.partition("-")[0]
    if family not in FAMILIES:
        return None
    if name in SHARED_CORE or name in _TABLE["metal"]:
        return True
    if match is None or match["kind"] not in FAMILIES[family]:
        return False
    cpus = FAMILIES[family][match["kind"]][1]
    if match["more"] is not None:
        cpus = _TABLE["lssd"].get(f"{family}-{match['kind']}", []) if match["more"] == "-lssd" else []
    if int(match["cpu"]) in cpus:
        return True
    return None if family in GROWING else False


def _custom_exists(custom: re.Match[str]) -> bool | None:
    family, cpu, mib = custom["family"] or "n1", custom["cpu"], int(custom["mib"])
    if cpu in _SHARED_CUSTOM:
        least, most = _SHARED_CUSTOM[cpu]
        return family == "e2" and 2 * least <= mib <= 2 * most and mib % _STEP_MIB == 0 and not custom["ext"]
    limits = _CUSTOMS.get(family)
    if limits is None:
        return None if family in GROWING or family not in FAMILIES else False
    if int(cpu) not in limits.cpus or mib % _STEP_MIB or mib < int(cpu) * limits.least_mib:
        return False
    return limits.extends if custom["ext"] else mib <= int(cpu) * limits.most_mib


def nearest(name: str) -> str | None:
    """The machine type that was probably meant; None when nothing is like it."""
    family = name.partition("-")[0]
    match = _NAME.fullmatch(name)
    listed = FAMILIES.get(family, {}).get(match["kind"]) if match else None
    if match is not None and listed is not None:
        cpu = min(listed[1], key=lambda each: abs(each - int(match["cpu"])))
        return f"{family}-{match['kind']}-{cpu}"
    known = names(family) or [each for other in FAMILIES for each in names(other)]
    return nearest_name.nearest(name, known)
