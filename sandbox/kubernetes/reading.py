"""The inputs of an object that is read from the API server, so that a following diff finds only what really differs.

On refresh the program's inputs are compared with the live object field by field: what the program does not set is the
API server's business. On import the fields that this provider's manager owns are the inputs, where there are any: an
object made by an update that was killed then fits the program that made it. Else all fields are.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

from sandbox.plugin.values import Properties

from .objects import member, to_inputs

_SUFFIXES: Final = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}

_ABSENT: Final = object()


def refreshed_inputs(olds: Mapping[str, Any], live: Mapping[str, Any]) -> Properties:
    """The inputs `olds` with the values that `live` has now."""
    inputs = cast("Properties", _project(dict(olds), dict(live)))
    if "stringData" in olds:
        inputs["stringData"] = _string_data(cast("Properties", olds["stringData"]), live)
    return inputs


def imported_inputs(live: Mapping[str, Any]) -> Properties:
    """The inputs of an object that is not in the state yet."""
    complete = to_inputs(live)
    for entry in cast("list[Properties]", member(live, "metadata", "managedFields") or []):
        ours = str(entry.get("manager", "")).startswith("pulumi-kubernetes") and entry.get("operation") == "Apply"
        if ours and not entry.get("subresource"):
            owned = cast("Properties", _owned(complete, cast("Properties", entry.get("fieldsV1") or {})))
            metadata = {**cast("Properties", owned.get("metadata") or {})}
            metadata.update(
                {key: complete["metadata"][key] for key in ("name", "namespace") if key in complete["metadata"]}
            )
            return {"apiVersion": complete["apiVersion"], "kind": complete["kind"], **owned, "metadata": metadata}
    return complete


def _project(old: Any, live: Any) -> Any:
    if isinstance(old, dict) and isinstance(live, dict):
        before, now = cast("Properties", old), cast("Properties", live)
        return {
            key: value
            for key in before
            if (value := _project(before[key], now[key]) if key in now else _unless_empty(before[key])) is not _ABSENT
        }
    if isinstance(old, list) and isinstance(live, list):
        first, second = cast("list[Any]", old), cast("list[Any]", live)
        common = [_project(before, now) for before, now in zip(first, second, strict=False)]
        return [*common, *second[len(first) :]]
    return old if _same_quantity(old, live) else live


def _unless_empty(value: Any) -> Any:
    # the API server leaves out what is empty
    return _ABSENT if value else value


def _same_quantity(old: Any, live: Any) -> bool:
    if old == live:
        return True
    first, second = quantity(old), quantity(live)
    return first is not None and first == second and (isinstance(old, str) or isinstance(live, str))


def quantity(value: Any) -> Decimal | None:
    """A Kubernetes quantity such as "500m", "0.5" or "16Gi" as a number; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    text = str(value)
    number = text.rstrip("numkMGTPEi")
    suffix = text[len(number) :]
    try:
        return Decimal(number) * _SUFFIXES[suffix] if suffix in _SUFFIXES else None
    except InvalidOperation:
        return None


def _string_data(old: Properties, live: Mapping[str, Any]) -> Properties:
    found: Properties = {}
    for key in old:
        encoded = member(live, "data", key)
        if isinstance(encoded, str):
            try:
                found[key] = base64.b64decode(encoded).decode()
            except (UnicodeDecodeError, binascii.Error):
                found[key] = encoded
    return found


def _owned(value: Any, fields: Properties) -> Any:
    """The part of `value` that a managedFields entry names (FieldsV1: "f:name", "k:{…}", "v:…", ".")."""
    names = [key for key in fields if key != "."]
    if not names or not isinstance(value, (dict, list)):
        return value
    if isinstance(value, dict):
        members = cast("Properties", value)
        return {
            key[2:]: _owned(members[key[2:]], fields[key]) for key in names if key[:2] == "f:" and key[2:] in members
        }
    items = cast("list[Any]", value)
    found: list[Any] = []
    for item in items:
        for key in names:
            wanted: Any = json.loads(key[2:]) if key[:2] in {"k:", "v:"} else None
            if key[:2] == "v:" and item == wanted:
                found.append(item)
            elif key[:2] == "k:" and isinstance(item, dict) and _has(cast("Properties", item), wanted):
                found.append(_owned(item, fields[key]))
    return found


def _has(item: Properties, wanted: Properties) -> bool:
    return all(item.get(key) == value for key, value in wanted.items())
