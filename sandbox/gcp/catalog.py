"""All resource types of the provider, by token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sandbox.gcp import cluster, compute, grants, iam, load_balancing, monitoring, nodepool, placement, projects
from sandbox.gcp.resource import ResourceType

TYPES: Final[Mapping[str, ResourceType]] = {
    kind.type: kind
    for kind in (
        *compute.TYPES,
        *load_balancing.TYPES,
        *cluster.TYPES,
        *nodepool.TYPES,
        *placement.TYPES,
        *iam.TYPES,
        *projects.TYPES,
        *grants.TYPES,
        *monitoring.TYPES,
    )
}
