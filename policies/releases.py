"""Helm releases of a stack: which chart, which version, which values, and the GKE version they go to.

Owns reading `Release` and `Chart` resources. Does not judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from policies.node_pools import CLUSTER
from policies.reading import Field
from policies.resources import Resource
from rules import versions
from rules.compatibility import CHANNEL_FLOORS

RELEASE_KINDS: Final = ("Release", "Chart")
_SUFFIX: Final = re.compile(r"-v?\d+\.\d+\.\d+[^/]*$")


@dataclass(frozen=True, slots=True)
class Release:
    """One Helm release, or chart rendered by the engine."""

    resource: Resource
    chart: str
    """The chart's own name; empty while it is not known."""
    local: bool
    """A chart from a directory or archive, whose version stands in itself."""

    @property
    def version(self) -> Field:
        """The version asked for."""
        return self.resource.at("version").of(str)

    @property
    def values(self) -> Field:
        """The values given."""
        return self.resource.at("values")


def read_releases(resources: Iterable[Resource]) -> list[Release]:
    """The Helm releases among these resources, named by their own fields in messages."""
    found: list[Release] = []
    for resource in resources:
        if resource.kind not in RELEASE_KINDS or not resource.token.startswith("kubernetes:helm.sh"):
            continue
        name = resource.at("name").get(str) or resource.urn.rsplit("::", 1)[-1]
        namespace = resource.at("namespace").get(str) or "default"
        text = resource.at("chart").get(str) or ""
        base = text.rstrip("/").rsplit("/", 1)[-1]
        chart = _SUFFIX.sub("", base.removesuffix(".tgz")) if base.endswith(".tgz") else base
        remote = "://" in text or resource.at("repositoryOpts", "repo").value is not None
        found.append(Release(replace(resource, name=name, namespace=namespace), chart, not remote))
    return found


def gke_version(resources: Iterable[Resource]) -> str | None:
    """The oldest version that a cluster of the stack is pinned to; None when there is none or it is not known."""
    found: list[str] = []
    for resource in resources:
        if resource.token != CLUSTER:
            continue
        for name in ("minMasterVersion", "masterVersion"):
            text = resource.at(name).get(str)
            try:
                if text is not None:
                    versions.parse(text)
                    found.append(text)
                    break
            except ValueError:
                continue
    return min(found, key=lambda text: tuple(-1 if n is None else n for n in versions.parse(text)), default=None)


def oldest_gke_version(resources: Sequence[Resource]) -> str | None:
    """The version that the stack's clusters have at least: what one is pinned to, else what its release channel offers."""
    pinned = gke_version(resources)
    if pinned is not None:
        return pinned
    clusters = [resource for resource in resources if resource.token == CLUSTER]
    floors = [CHANNEL_FLOORS.get(r.at("releaseChannel", "channel").get(str) or "") for r in clusters]
    known = [floor for floor in floors if floor is not None]
    return min(known) if known and len(known) == len(floors) and not any(map(_hidden, clusters)) else None


def _hidden(cluster: Resource) -> bool:
    return any(cluster.at(name).unknown for name in ("minMasterVersion", "masterVersion"))
