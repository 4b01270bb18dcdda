"""Making, changing and deleting one object on the API server, and waiting for the result.

Fields are set by server-side apply under a manager of this resource alone, with strict validation: a misspelt field is
an error of the API server, not a silent loss. Creation refuses an object that exists, as pulumi-kubernetes does since
4.29. What is tried again is `attempts`' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sandbox.kube.errors import ApiError, NoMatchError, UnreachableError

from .attempts import RefusedError, UnavailableError, attempt, refusal
from .awaiting import NotReadyError, Patience, wait_gone, wait_ready
from .objects import DELETION_PROPAGATION, PATCH_FORCE, SKIP_AWAIT, annotation, object_id, to_object

if TYPE_CHECKING:
    from sandbox.kube.client import Client, Object  # loads urllib3: later, if at all

_NO_SUCH_FIELD: Final = "failed to create typed patch object"
"""How server-side apply refuses a field that the schema does not have; with status 500."""

__all__ = ["RefusedError", "UnavailableError", "create", "delete", "preview", "update"]


def create(client: Client, inputs: Mapping[str, Any], manager: str, patience: Patience) -> Object:
    """The new object, once it is ready.

    Raises:
        RefusedError: it exists already, or the API server rejects it.
        NotReadyError: it was made, but is not ready in time.
    """
    obj = to_object(inputs)
    what = object_id(obj)
    existing = attempt(lambda: _get(client, obj), what, "created", patience)
    if existing is not None:
        plural = client.kind(obj["apiVersion"], obj["kind"]).plural
        group = obj["apiVersion"].rpartition("/")[0]
        resource = f"{plural}.{group}" if group else plural
        raise RefusedError(
            f"resource {what} was not successfully created by the Kubernetes API server: "
            f'{resource} "{obj["metadata"]["name"]}" already exists; import it with '
            f"ResourceOptions(import_={object_id(existing)!r}), or delete it"
        )
    live = attempt(lambda: _apply(client, obj, manager), what, "created", patience)
    return _awaited(client, live, inputs, patience)


def update(client: Client, inputs: Mapping[str, Any], manager: str, patience: Patience) -> Object:
    """The changed object, once it is ready.

    Raises:
        RefusedError: it is gone, another manager owns a field, or the API server rejects the object.
        NotReadyError: it was changed, but is not ready in time.
    """
    obj = to_object(inputs)
    what = object_id(obj)
    if attempt(lambda: _get(client, obj), what, "updated", patience) is None:
        raise RefusedError(
            f"resource {what} was not successfully updated by the Kubernetes API server: the {obj['kind']} is not found; "
            "somebody has deleted it. Run the update with --refresh, which makes it anew"
        )
    live = attempt(lambda: _apply(client, obj, manager), what, "updated", patience)
    return _awaited(client, live, inputs, patience)


def delete(client: Client, state: Mapping[str, Any], patience: Patience) -> None:
    """Deletes the object and waits until it is gone; one that is not there is no error.

    Raises:
        RefusedError: the API server does not allow it.
        NotReadyError: finalizers keep it beyond the deadline.
    """
    api_version, kind = str(state["apiVersion"]), str(state["kind"])
    name, namespace = str(state["metadata"]["name"]), state["metadata"].get("namespace")
    policy = (annotation(state, DELETION_PROPAGATION) or "background").capitalize()

    def go() -> Object | None:
        live = client.get(api_version, kind, name, namespace)
        if live is None:
            return None
        client.delete(api_version, kind, name, namespace, propagation=policy)
        return live

    try:
        live = attempt(go, object_id(state), "deleted", patience)
    except NoMatchError:
        return  # its CRD is gone, and the object with it
    if live is not None and annotation(state, SKIP_AWAIT) != "true":
        wait_gone(client, live, patience)


def preview(client: Client, inputs: Mapping[str, Any], manager: str, *, is_new: bool) -> None:
    """Asks the API server whether it would accept the object, without changing anything.

    Raises:
        RefusedError: it is invalid as it stands. What may be there by the time of the update is no error.
    """
    obj = to_object(inputs)
    force = annotation(inputs, PATCH_FORCE) == "true"
    try:
        client.apply(obj, field_manager=manager, force=force, dry_run=True)
    except (NoMatchError, UnreachableError):
        return
    except ApiError as error:
        invalid = error.status in {400, 422} or _NO_SUCH_FIELD in error.message
        conflict = error.status == 409 and not is_new  # a new object may have the name of one that is deleted first
        if (invalid or conflict) and "does not support dry run" not in error.message:
            raise RefusedError(refusal(error, object_id(obj), "accepted")) from error


def _get(client: Client, obj: Object) -> Object | None:
    return client.get(obj["apiVersion"], obj["kind"], obj["metadata"]["name"], obj["metadata"].get("namespace"))


def _apply(client: Client, obj: Object, manager: str) -> Object:
    return client.apply(obj, field_manager=manager, force=annotation(obj, PATCH_FORCE) == "true")


def _awaited(client: Client, live: Object, inputs: Mapping[str, Any], patience: Patience) -> Object:
    if annotation(inputs, SKIP_AWAIT) == "true":
        return live
    try:
        return wait_ready(client, live, patience)
    except ValueError as error:
        raise NotReadyError(live, [str(error)]) from error
