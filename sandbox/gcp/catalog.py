"""All resource types of the provider, by token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sandbox.gcp import cluster, compute, iam, nodepool, projects
from sandbox.gcp.resource import ResourceType

TYPES: Final[Mapping[str, ResourceType]] = {
    kind.type: kind for kind in (*compute.TYPES, *cluster.TYPES, *nodepool.TYPES, *iam.TYPES, *projects.TYPES)
}
