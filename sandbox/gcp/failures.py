"""Errors in the form the official plugin gives them to the engine."""

from __future__ import annotations

from typing import Final, NoReturn

import grpc
from google.protobuf import any_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from sandbox.cloud.errors import CloudError
from sandbox.gcp.errors import OperationFailedError, UnreadError
from sandbox.gcp.resource import Properties, ResourceType
from sandbox.plugin.values import to_struct

_BARE: Final = frozenset({"container.clusters"})
"""Kinds whose errors the official plugin passes on without a word of its own."""

_WRAPPED: Final = {
    "serviceusage.services": "Error when reading or editing Project Service : Request `{verb} Project Service {id}`",
    "cloudresourcemanager.iamMembers": "Error applying IAM policy for project: Request `{verb} IAM Members {id}`",
}
_GKE_NOUNS: Final = {"container.clusters": "cluster", "container.nodePools": "NodePool"}
_READERS: Final = "secretmanager.iamMembers"
"""Its plugin reads a secret's IAM policy before it adds to it, and says so when there is no such secret
(terraform-provider-google, services/secretmanager/iam_secret_manager_secret.go, read 2026-11)."""
_PARTICIPLES: Final = {"Create": "creating", "Update": "updating", "Delete": "deleting", "Read": "reading"}


def worded(kind: ResourceType, verb: str, resource_id: str, error: Exception) -> str:
    """`error` as the plugin words it; `verb` is Create, Read, Update or Delete."""
    if isinstance(error, UnreadError):
        return worded(kind, "Read", resource_id, error.why)
    if isinstance(error, OperationFailedError) and kind.kind.startswith("container."):
        text = f"Error waiting for {_PARTICIPLES[verb]} GKE {_GKE_NOUNS[kind.kind]}: {error}"
    elif isinstance(error, OperationFailedError):
        text = f"Error waiting to {verb.lower()} {kind.noun}: {error}"
    elif not isinstance(error, CloudError) or kind.kind in _BARE:
        text = str(error)
    elif kind.kind in _WRAPPED:
        text = f"{_WRAPPED[kind.kind].format(verb=verb, id=resource_id)} returned error: {error}"
    elif kind.kind == _READERS and error.code == 404:
        secret = "/".join(resource_id.split("/")[:4])
        text = f'Error retrieving IAM policy for secretmanager secret "{secret}": {error}'
    elif kind.kind == "container.nodePools":
        text = f"error {_PARTICIPLES[verb]} NodePool: {error}"
        if verb == "Create" and error.reason == "alreadyExists":
            text = f"resource - {resource_id} - already exists"
    else:
        text = f"Error {_PARTICIPLES[verb]} {kind.noun}: {error}"
    return f"1 error occurred:\n\t* {text}\n\n"


def abort(context: grpc.ServicerContext, message: str, code: grpc.StatusCode = grpc.StatusCode.UNKNOWN) -> NoReturn:
    """Ends the call with an error."""
    context.abort(code, message)
    raise AssertionError(message)


def abort_half_made(
    context: grpc.ServicerContext, resource_id: str, state: Properties, inputs: Properties, reason: str
) -> NoReturn:
    """Ends the call with an error that says the resource exists all the same, so that the engine keeps it."""
    detail = provider_pb2.ErrorResourceInitFailed(
        id=resource_id, properties=to_struct(state), inputs=to_struct(inputs), reasons=[reason]
    )
    packed = any_pb2.Any()
    packed.Pack(detail)
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=reason)
    status.details.append(packed)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    abort(context, reason)
