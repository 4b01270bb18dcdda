"""Property values as they travel between the engine and a provider.

The engine sends protobuf `Struct`s. Numbers are always floating point there, values not known at preview are a sentinel
string, and secrets may be wrapped in an object with a signature key. These helpers turn them into plain Python values
and back. Sentinels: pulumi `sdk/go/common/resource/plugin/rpc.go` and `sdk/go/common/resource/properties.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from google.protobuf import json_format, struct_pb2

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The sentinel of a value that is not known during preview. `pulumi.runtime.rpc.UNKNOWN` on the program's side."""

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the signature of a secret, not one

Properties = dict[str, Any]


def from_struct(struct: struct_pb2.Struct) -> Properties:
    """The properties of `struct` as plain values: whole numbers become `int`, secrets are unwrapped, unknowns stay `UNKNOWN`."""
    return cast(Properties, _plain(json_format.MessageToDict(struct)))


def to_struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """`properties` as a protobuf `Struct`."""
    struct = struct_pb2.Struct()
    json_format.ParseDict(dict(properties), struct)
    return struct


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, list):
        return [_plain(item) for item in cast(list[Any], value)]
    if isinstance(value, dict):
        properties = cast(dict[str, Any], value)
        if properties.get(_SIGNATURE) == _SECRET:
            return _plain(properties.get("value"))
        return {key: _plain(item) for key, item in properties.items()}
    return value


def is_unknown(value: Any) -> bool:
    """Whether `value` itself is not known yet."""
    return isinstance(value, str) and value == UNKNOWN


def has_unknowns(value: Any) -> bool:
    """Whether `value` is not known yet or holds a part that is not."""
    if isinstance(value, dict):
        return any(has_unknowns(item) for item in cast(dict[str, Any], value).values())
    if isinstance(value, list):
        return any(has_unknowns(item) for item in cast(list[Any], value))
    return is_unknown(value)


def changed_paths(
    old: Any, new: Any, *, same: Callable[[Any, Any], bool] | None = None, path: str = ""
) -> dict[str, str]:
    """The paths at which `new` differs from `old`, each with "add", "delete" or "update".

    A path is written as the engine's detailed diff wants it: `spec.rules[0].timeouts`, keys that are no plain names as
    `metadata.labels["app.kubernetes.io/name"]`. An unknown in `new` counts as an update.
    """
    if same is not None and same(old, new):
        return {}
    if isinstance(old, dict) and isinstance(new, dict):
        before, after = cast(dict[str, Any], old), cast(dict[str, Any], new)
        changes: dict[str, str] = {}
        for key in sorted({*before, *after}):
            where = _member(path, key)
            if key not in before:
                changes[where] = "add"
            elif key not in after:
                changes[where] = "delete"
            else:
                changes.update(changed_paths(before[key], after[key], same=same, path=where))
        return changes
    if isinstance(old, list) and isinstance(new, list):
        first, second = cast(list[Any], old), cast(list[Any], new)
        changes = {}
        for index in range(max(len(first), len(second))):
            where = f"{path}[{index}]"
            if index >= len(first):
                changes[where] = "add"
            elif index >= len(second):
                changes[where] = "delete"
            else:
                changes.update(changed_paths(first[index], second[index], same=same, path=where))
        return changes
    return {} if old == new and type(old) is type(new) else {path: "update"}


def _member(path: str, key: str) -> str:
    if key.replace("_", "a").replace("-", "a").isalnum():
        return f"{path}.{key}" if path else key
    escaped = key.replace('"', '\\"')
    return f'{path}["{escaped}"]'
