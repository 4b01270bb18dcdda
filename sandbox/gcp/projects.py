"""Enabled APIs as the official provider treats them."""

from __future__ import annotations

from typing import Final

from sandbox.gcp.resource import ResourceType

SERVICE: Final = ResourceType(
    type="gcp:projects/service:Service",
    kind="serviceusage.services",
    noun="Project Service",
    id="{project}/{service}",
    autoname=False,
    force_new=frozenset({"project", "service"}),
    defaults={"disableOnDestroy": False},
)

TYPES: Final = (SERVICE,)
