"""What a fault may be aimed at: the resource of a request or operation, with the places it is in."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from sandbox.cloud import monitoring, names, nodepools
from sandbox.cloud.container import CLUSTERS, POOLS, node_zones
from sandbox.cloud.fault_texts import Target
from sandbox.cloud.kind import Resource, View

_PLACES: Final = ("zone", "location", "region")


def target_of(view: View, resource: Resource) -> Target:
    """The resource as a target. A cluster is also in the zones of its nodes, a node pool in its own alone.

    What has a number for a name is known by its display name: nobody can write the number into a script, and each attempt
    at its creation would count as another resource's.
    """
    name = resource.id
    if resource.type in {kind.type for kind in monitoring.KINDS}:
        name = f"{resource.id.rpartition('/')[0]}/{monitoring.display_name(resource)}"
    own = [str(resource.properties[name]) for name in _PLACES if resource.properties.get(name)]
    machine = ""
    if resource.type == CLUSTERS:
        own += node_zones(resource)
    if resource.type == POOLS:
        cluster = view.find(CLUSTERS, nodepools.cluster_path(resource.id))
        zones = nodepools.zones_of(resource, cluster) if cluster else own
        own = [*zones, *{names.region_of(zone) for zone in zones}]
        machine = nodepools.machine_of(resource)
    return Target(
        type=resource.type,
        id=name,
        project=resource.project,
        places=tuple(dict.fromkeys(own)),
        machine_type=machine,
    )


def target_by_id(view: View, kind: str, resource_id: str) -> Target:
    """The target a request names by id; where there is no such resource, what the id itself says."""
    resource = view.find(kind, resource_id)
    if resource is not None:
        return target_of(view, resource)
    parts = resource_id.split("/")
    places = [after for word, after in pairwise(parts) if word.removesuffix("s") in _PLACES]
    project = parts[1] if parts[0] == "projects" and len(parts) > 1 else parts[0]
    return Target(type=kind, id=resource_id, project=project, places=tuple(places))
