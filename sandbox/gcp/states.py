"""From inputs to state and back: what the engine keeps of a resource.

The state of a resource is what the cloud says of it, with what only the provider knows (labels it adds, its own
switches). Inputs read back from the cloud have the keys the program set, so that a refresh finds real drift only.
"""

from __future__ import annotations

from typing import Any, Final, cast

from sandbox.cloud.kind import merged
from sandbox.gcp import diff, schema
from sandbox.gcp.resource import Defaults, Properties, ResourceType
from sandbox.plugin.values import UNKNOWN

_ATTRIBUTION: Final = {"goog-pulumi-provisioned": "true"}
"""The label the official plugin adds to everything that takes labels."""

_LOCAL: Final = frozenset({"deletionPolicy"})


def state_of(kind: ResourceType, record: dict[str, Any], provider: Defaults) -> Properties:
    """The state of a resource as the cloud has it now."""
    state = cast(Properties, dict(record["state"]))
    _add_labels(kind, state, provider)
    if "deletionPolicy" in schema.inputs_of(kind.type):
        state.setdefault("deletionPolicy", "DELETE")
    fields = {**schema.inputs_of(kind.type), **schema.outputs_of(kind.type)}
    return {key: value for key, value in state.items() if key in fields}


def planned(kind: ResourceType, inputs: Properties, provider: Defaults) -> Properties:
    """The state a creation will lead to, as far as it is known at preview."""
    state = {key: value for key, value in kind.complete(inputs, provider).items() if not key.startswith("__")}
    for name in (*schema.outputs_of(kind.type), *kind.computed):
        state.setdefault(name, UNKNOWN)
    _add_labels(kind, state, provider)
    return state


def planned_update(
    kind: ResourceType, state: Properties, old_inputs: Properties, inputs: Properties, provider: Defaults
) -> Properties:
    """The state an update will lead to, as far as it is known at preview."""
    wanted = {key: value for key, value in kind.complete(inputs, provider).items() if not key.startswith("__")}
    kept = {k: v for k, v in state.items() if k in wanted or k not in old_inputs or k in kind.computed}
    result = {**kept, **wanted}
    for path in diff.compare(kind, old_inputs, state, inputs).changes:
        for name in kind.unsettles.get(path.split(".")[0].split("[")[0], ()):
            result[name] = UNKNOWN
    _add_labels(kind, result, provider)
    return result


def inputs_of(kind: ResourceType, record: dict[str, Any], state: Properties, old: Properties) -> Properties:
    """The inputs that describe a resource as it is now; those of an import when there are no `old` ones."""
    if not old:
        asked = cast(Properties, record["properties"])
        known = schema.inputs_of(kind.type)
        return {key: value for key, value in asked.items() if key in known and value is not None}
    found: Properties = {}
    for key, value in old.items():
        if key.startswith("__") or key in _LOCAL:
            found[key] = value
        elif key in state:
            found[key] = _projected(kind, value, state[key], key)
    return found


def _projected(kind: ResourceType, old: Any, actual: Any, path: str) -> Any:
    """`actual` with the keys `old` has; `old` itself where both mean the same."""
    if diff.same(kind, old, actual, path):
        return old
    if isinstance(old, dict) and isinstance(actual, dict):
        before, after = cast(Properties, old), cast(Properties, actual)
        return {key: _projected(kind, before[key], after[key], f"{path}.{key}") for key in before if key in after}
    return actual


def _add_labels(kind: ResourceType, state: Properties, provider: Defaults) -> None:
    if not kind.labels:
        return
    own = state.get(kind.labels)
    labels = cast(dict[str, str], own) if isinstance(own, dict) else {}
    everything = merged(dict(provider.labels), {**labels, **_ATTRIBUTION})
    state["pulumiLabels"] = everything
    state["effectiveLabels"] = everything
