"""What becomes of a resource whose creation or change went wrong: kept, half-made, or forgotten.

The rules are those of the Terraform provider the official plugin is built from (resource_container_cluster.go,
resource_container_node_pool.go and the generated Compute Engine resources, read 2026-11): GKE's resources stay in the state
where they exist, in whatever condition; of others a failed operation leaves nothing. The official plugin does not say why
GKE holds a resource for broken; here GKE's status message is added, as that is what people look up next.
"""

from __future__ import annotations

from typing import Any, Final

from sandbox.cloud.errors import CloudError
from sandbox.gcp.client import CloudClient
from sandbox.gcp.errors import (
    CloudAwayError,
    GivenUpError,
    InterruptedRequestError,
    InterruptedWaitError,
    OperationFailedError,
    UnreadError,
)

Record = dict[str, Any]

BROKEN: Final = frozenset({"ERROR", "DEGRADED"})
"""States in which GKE's resources are at rest and not well."""

_NOUNS: Final = {"container.clusters": "Cluster", "container.nodePools": "NodePool"}


def left_behind(cloud: CloudClient, kind: str, resource_id: str, error: Exception) -> Record | None:
    """What exists after a creation that ended with `error` and belongs into the state; None where that is nothing.

    A request that was given up before it was taken leaves nothing: what is there under that name is somebody else's.
    Only after a broken connection it may have been taken all the same.
    """
    waited_in_vain = isinstance(error, OperationFailedError | CloudAwayError) and kind in _NOUNS
    if not waited_in_vain and not (isinstance(error, InterruptedRequestError) and error.lost):
        return None
    try:
        return cloud.get(kind, resource_id)
    except (CloudError, CloudAwayError, GivenUpError):
        return None


def may_have_changed(error: Exception) -> bool:
    """Whether the cloud took, or may have taken, a change that ended with `error` without a word on how it came out."""
    return isinstance(error, InterruptedWaitError | UnreadError) or (
        isinstance(error, InterruptedRequestError) and error.lost
    )


def complaint(record: Record) -> str | None:
    """What is wrong with a resource that is there; None when all is well."""
    if record["status"] not in BROKEN:
        return None
    name = str(record["id"]).rsplit("/", 1)[-1]
    why = f": {record['error']}" if record["error"] else ""
    text = f'{_NOUNS.get(record["type"], "Resource")} {name} was created in the error state "{record["status"]}"{why}'
    return f"1 error occurred:\n\t* {text}\n\n"


def after_waiting(record: Record, failure: str) -> str | None:
    """The error of a creation whose operation failed as `failure` says, when the resource is there all the same.

    Of a cluster it is the operation's. Of a node pool its own state counts: it may have got its machines after all.
    """
    if record["type"] != "container.nodePools":
        return failure
    return None if record["status"] == "RUNNING" else complaint(record) or failure
