"""What the provider found out, in the engine's own messages."""

from __future__ import annotations

from pulumi.runtime.proto import provider_pb2

from sandbox.gcp.diff import Difference


def difference(found: Difference) -> provider_pb2.DiffResponse:
    """The answer to Diff."""
    kinds = {
        ("add", False): provider_pb2.PropertyDiff.ADD,
        ("add", True): provider_pb2.PropertyDiff.ADD_REPLACE,
        ("delete", False): provider_pb2.PropertyDiff.DELETE,
        ("delete", True): provider_pb2.PropertyDiff.DELETE_REPLACE,
        ("update", False): provider_pb2.PropertyDiff.UPDATE,
        ("update", True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
    }
    detailed = {
        path: provider_pb2.PropertyDiff(kind=kinds[change, path in found.replaces], inputDiff=True)
        for path, change in found.changes.items()
    }
    some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=some if found.changes else none,
        diffs=sorted({path.split(".")[0].split("[")[0] for path in found.changes}),
        replaces=list(found.replaces),
        deleteBeforeReplace=found.delete_first,
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )
