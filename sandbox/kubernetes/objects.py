"""Kubernetes objects as the engine stores them: names, ids, annotations, and what is left out of the state.

The state of a resource is the live object without the parts that change by themselves, so that a refresh of an
untouched cluster finds nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final, cast

from sandbox.plugin.values import Properties

FIELD_MANAGER: Final = "__fieldManager"
INITIAL_API_VERSION: Final = "__initialApiVersion"

AUTONAMED: Final = "pulumi.com/autonamed"
DELETION_PROPAGATION: Final = "pulumi.com/deletionPropagationPolicy"
PATCH_FIELD_MANAGER: Final = "pulumi.com/patchFieldManager"
PATCH_FORCE: Final = "pulumi.com/patchForce"
SKIP_AWAIT: Final = "pulumi.com/skipAwait"
TIMEOUT_SECONDS: Final = "pulumi.com/timeoutSeconds"
WAIT_FOR: Final = "pulumi.com/waitFor"

_SERVER_METADATA: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
_RESTLESS_METADATA: Final = ("managedFields", "resourceVersion", "generation")
_RESTLESS_STATUS: Final = frozenset(
    {"lastHeartbeatTime", "lastProbeTime", "lastTransitionTime", "lastUpdateTime", "observedGeneration"}
)
_SERVER_ANNOTATIONS: Final = (
    "deployment.kubernetes.io/revision",
    "kubectl.kubernetes.io/last-applied-configuration",
)

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the engine's mark of a secret, itself public


def member(properties: Mapping[str, Any], *keys: str) -> Any:
    """The value at a path of keys, None where there is none."""
    value: Any = properties
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = cast("Properties", value).get(key)
    return value


def annotation(obj: Mapping[str, Any], name: str) -> str | None:
    """An annotation of `obj` as text."""
    value = member(obj, "metadata", "annotations", name)
    return None if value is None else str(value)


def object_id(obj: Mapping[str, Any]) -> str:
    """The resource id: "namespace/name", or "name" for an object without namespace."""
    name, namespace = member(obj, "metadata", "name"), member(obj, "metadata", "namespace")
    return f"{namespace}/{name}" if namespace else str(name)


def split_id(resource_id: str) -> tuple[str | None, str]:
    """Namespace and name of a resource id."""
    namespace, _, name = resource_id.rpartition("/")
    return namespace or None, name


def field_manager(urn: str, inputs: Mapping[str, Any], state: Mapping[str, Any] | None = None) -> str:
    """The manager under which this resource's fields are applied: the annotation's, the one it had, or one of its own.

    Its own derives from the URN, so that a creation repeated after a crash is made by the same manager.
    """
    wanted = annotation(inputs, PATCH_FIELD_MANAGER) or (state or {}).get(FIELD_MANAGER)
    return str(wanted) if wanted else f"pulumi-kubernetes-{hashlib.sha256(urn.encode()).hexdigest()[:8]}"


def without_nulls(value: Any) -> Any:
    """`value` without the members that are null: an API server takes them as absent."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in cast("Properties", value).items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in cast("list[Any]", value)]
    return value


def to_object(inputs: Mapping[str, Any]) -> Properties:
    """The object to send to the API server."""
    return {key: value for key, value in inputs.items() if not key.startswith("__") and key != "status"}


def to_state(live: Mapping[str, Any], *, manager: str, initial_api_version: str) -> Properties:
    """The outputs of a resource: the live object without what changes by itself, and who manages it."""
    state = dict(live)
    metadata = cast("Properties", live.get("metadata") or {})
    state["metadata"] = {key: value for key, value in metadata.items() if key not in _RESTLESS_METADATA}
    if "status" in state:
        state["status"] = _calm(state["status"])
    return with_secrets({**state, FIELD_MANAGER: manager, INITIAL_API_VERSION: initial_api_version})


def to_inputs(live: Mapping[str, Any]) -> Properties:
    """The live object without what the API server adds: the inputs of an imported resource."""
    inputs = {key: value for key, value in live.items() if key != "status" and not key.startswith("__")}
    metadata = cast("Properties", live.get("metadata") or {})
    metadata = {key: value for key, value in metadata.items() if key not in _SERVER_METADATA}
    annotations = cast("Properties", metadata.pop("annotations", {}))
    annotations = {key: value for key, value in annotations.items() if key not in _SERVER_ANNOTATIONS}
    if annotations:
        metadata["annotations"] = annotations
    inputs["metadata"] = metadata
    return inputs


def with_secrets(properties: Properties) -> Properties:
    """`properties` with the data of a core Secret marked as secret to the engine."""
    if properties.get("kind") != "Secret" or properties.get("apiVersion") != "v1":
        return properties
    return {
        key: {_SIGNATURE: _SECRET, "value": value} if key in {"data", "stringData"} else value
        for key, value in properties.items()
    }


def _calm(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _calm(item) for k, item in cast("Properties", value).items() if k not in _RESTLESS_STATUS}
    if isinstance(value, list):
        return [_calm(item) for item in cast("list[Any]", value)]
    return value
