"""Which zones a region spreads a cluster over when nobody chooses them.

Region and zone names: https://cloud.google.com/compute/docs/regions-zones, read 2026-08. Most regions have a, b and c.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ODD: Final[Mapping[str, str]] = {"us-east1": "bcd", "europe-west1": "bcd", "us-central1": "abcf"}


def default_zones(region: str) -> list[str]:
    """Three zones of `region`, as GKE picks for a regional cluster."""
    return [f"{region}-{letter}" for letter in _ODD.get(region, "abc")[:3]]
