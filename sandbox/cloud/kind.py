"""What one kind of resource knows: how it is validated, what the cloud fills in, and what work stands behind it.

A kind is stateless; everything it needs to look at comes with the call. Validation answers as the real API does, in the
order the real API checks, so that the first error a user meets is the one they would meet on Google Cloud.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

Properties = dict[str, Any]


@dataclass(kw_only=True)
class Resource:
    """One resource as the cloud holds it: what was asked for and what the cloud added."""

    type: str
    id: str
    project: str
    properties: Properties
    outputs: Properties = field(default_factory=dict[str, Any])
    status: str = "RUNNING"
    error: str = ""
    created: str = ""

    @property
    def key(self) -> str:
        """Where the store keeps it."""
        return f"{self.type}|{self.id}"

    @property
    def name(self) -> str:
        """The name it was given."""
        return str(self.properties.get("name") or self.id.rsplit("/", 1)[-1])

    def state(self) -> Properties:
        """All properties: what was asked for, completed by the cloud."""
        return merged(self.outputs, self.properties)


def merged(below: Properties, above: Properties) -> Properties:
    """Two objects in one, level by level; where both say something, `above` does."""
    result = dict(below)
    for key, value in above.items():
        lower = result.get(key)
        both = isinstance(lower, dict) and isinstance(value, dict)
        result[key] = merged(cast(Properties, lower), cast(Properties, value)) if both else value
    return result


class View(Protocol):
    """What a kind may see of the cloud."""

    def find(self, kind: str, resource_id: str) -> Resource | None:
        """The resource of `kind` with that id, or None."""
        ...

    def all(self, kind: str, project: str) -> list[Resource]:
        """Every resource of `kind` in `project`."""
        ...

    def require_api(self, project: str, api: str) -> None:
        """Refuses with 403 unless the project has `api` enabled."""
        ...

    def enable_api(self, project: str, api: str) -> None:
        """Enables `api` and what it depends on."""
        ...

    def disable_api(self, project: str, api: str) -> None:
        """Disables `api`."""
        ...

    @property
    def clusters(self) -> ClusterHosting:
        """The processes behind clusters."""
        ...


class ClusterHosting(Protocol):
    """The processes behind clusters and their nodes; see `sandbox.cloud.clusters`."""

    def start(self, cluster: Resource, version: str, report: Callable[[str], None]) -> Properties:
        """Starts the cluster's control plane, or finds it running; answers its outputs `endpoint` and `masterAuth`."""
        ...

    def apply_node_pool(self, cluster_id: str, pool: Resource) -> None:
        """Makes the cluster's nodes what the pool says."""
        ...

    def delete_node_pool(self, cluster_id: str, name: str) -> None:
        """Removes the pool's nodes."""
        ...

    def delete(self, cluster: Resource, version: str) -> None:
        """Ends the cluster's processes and removes what they stored."""
        ...


class Kind:
    """Defaults for a kind with no work behind it. Subclasses override what differs."""

    type: str = ""
    api: str = ""
    idempotent: bool = False
    """Whether creating what exists is fine (IAM bindings, enabled APIs) instead of a conflict."""
    keeps_failed: bool = False
    """Whether what could not be made, or changed, stays in state ERROR, as GKE leaves it; elsewhere all is as before."""

    def drawn(self, resource_id: str) -> str:
        """The id a new resource gets: the one that was asked for, unless the cloud draws it."""
        return resource_id

    def exists_message(self, resource: Resource) -> str:
        """The text of the 409."""
        return f"The resource '{resource.id}' already exists"

    def missing_message(self, resource_id: str) -> str:
        """The text of the 404."""
        return f"The resource '{resource_id}' was not found"

    def lock(self, resource: Resource) -> str:
        """Operations with the same lock run one after the other."""
        return resource.key

    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        """Refuses what the API refuses. `old` is None for a create.

        Raises:
            CloudError: with the text of the real API.
        """

    def complete(self, view: View, resource: Resource) -> Properties:
        """What the cloud fills in, known as soon as the request is accepted."""
        del view, resource
        return {}

    def apply(self, view: View, resource: Resource, old: Resource | None, report: Callable[[str], None]) -> Properties:
        """Does the work behind a create or an update; answers further outputs. May run twice after a restart."""
        del view, resource, old, report
        return {}

    def validate_delete(self, view: View, resource: Resource) -> None:
        """Refuses to delete what is still in use."""

    def remove(self, view: View, resource: Resource, options: Mapping[str, Any]) -> None:
        """Does the work behind a delete."""
