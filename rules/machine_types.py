"""Sizes in which Compute Engine's general-purpose machines come, for what lists them.

Owns the table for the families that clusters of this kind use for their system nodes. Does not own where they are to be had
(`machine_zones`) nor TPU machines (`tpu`). Source: Compute Engine's page of general-purpose machine families, 2026-08.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SIZES: Final[Mapping[str, Mapping[str, tuple[int, ...]]]] = {
    "e2": {"standard": (2, 4, 8, 16, 32), "highmem": (2, 4, 8, 16), "highcpu": (2, 4, 8, 16, 32)},
    "n2": {
        "standard": (2, 4, 8, 16, 32, 48, 64, 80, 96, 128),
        "highmem": (2, 4, 8, 16, 32, 48, 64, 80, 96, 128),
        "highcpu": (2, 4, 8, 16, 32, 48, 64, 80, 96),
    },
    "c3": {"standard": (4, 8, 22, 44, 88, 176)},
}
"""vCPUs by family and class."""

SHARED_CORE: Final = ("e2-micro", "e2-small", "e2-medium")


def names(family: str) -> list[str]:
    """The machine types of a family."""
    shared = [name for name in SHARED_CORE if name.startswith(f"{family}-")]
    return shared + [f"{family}-{kind}-{cpu}" for kind, sizes in SIZES.get(family, {}).items() for cpu in sizes]
