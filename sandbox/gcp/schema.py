"""Checking inputs against the official provider's schema: unknown and missing properties, wrong types, enumerations.

Texts are those of the official plugin, followed by what to write instead where it can be told.
"""

from __future__ import annotations

import difflib
import json
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from sandbox.gcp.resource import Properties, ResourceType
from sandbox.plugin.values import is_unknown

_FILE: Final = Path(__file__).with_name("schema.json")

Fields = dict[str, str]


class Failure(NamedTuple):
    """One input that is refused."""

    property: str
    reason: str


@cache
def document() -> dict[str, Any]:
    """The generated schema; see `sandbox.gcp.generate`."""
    return cast(dict[str, Any], json.loads(_FILE.read_text(encoding="utf-8")))


def inputs_of(token: str) -> Fields:
    """Input property -> type."""
    return cast(Fields, document()["resources"][token]["inputs"])


def outputs_of(token: str) -> Fields:
    """Property that only the cloud fills in -> type."""
    return cast(Fields, document()["resources"][token]["outputs"])


def check(kind: ResourceType, urn: str, inputs: Properties) -> list[Failure]:
    """What is wrong with `inputs`, apart from what only the cloud can tell."""
    name = urn.rsplit("::", 1)[-1]
    failures: list[Failure] = []
    resource = cast(dict[str, Any], document()["resources"][kind.type])
    required = [*resource["required"], *kind.required]
    _check_object(inputs, inputs_of(kind.type), required, "", name, failures)
    for path, values in kind.enums.items():
        for where, value in _at(inputs, path.split("."), ""):
            if isinstance(value, str) and not is_unknown(value) and value not in values:
                offered = " ".join(f'"{item}"' for item in values)
                failures.append(Failure(where, f'expected {where} to be one of [{offered}], got "{value}"'))
    for path, problem in kind.checks(inputs) if not failures else []:
        failures.append(Failure(path, f"{problem}. Examine values at '{name}.{path}'."))
    return failures


def _check_object(
    value: Properties, fields: Fields, required: list[str], path: str, name: str, failures: list[Failure]
) -> None:
    for key in required:
        if value.get(key) is None:
            where = f"{path}.{key}" if path else key
            snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in key)
            reason = f'Missing required argument. The argument "{snake}" is required, but no definition was found.'
            failures.append(Failure(where, f"{reason}. Examine values at '{name}.{where}'."))
    for key, item in value.items():
        if key.startswith("__"):
            continue
        where = f"{path}.{key}" if path else key
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else f" It takes {', '.join(fields)}."
            failures.append(Failure(where, f"Invalid or unknown key. Examine values at '{name}.{where}'.{hint}"))
        else:
            _check_value(item, fields[key], where, name, failures)


def _check_value(value: Any, kind: str, path: str, name: str, failures: list[Failure]) -> None:
    if value is None or is_unknown(value) or kind == "any":
        return
    shape, wanted = (list, "list") if kind.startswith("[") else (dict, "object")
    scalar = not kind.startswith(("[", "{")) and kind not in document()["types"]
    if not (_fits(value, kind) if scalar else isinstance(value, shape)):
        failures.append(_mismatch(path, name, kind if scalar else wanted, value))
    elif kind.startswith("["):
        for index, item in enumerate(cast(list[Any], value)):
            _check_value(item, kind[1:-1], f"{path}[{index}]", name, failures)
    elif kind.startswith("{"):
        for key, item in cast(Properties, value).items():
            _check_value(item, kind[1:-1], f"{path}.{key}", name, failures)
    elif not scalar:
        nested = cast(dict[str, Any], document()["types"][kind])
        _check_object(cast(Properties, value), nested["properties"], nested["required"], path, name, failures)


def _fits(value: Any, kind: str) -> bool:
    """Whether the official plugin would take the value, which converts texts that read as the wanted type."""
    if kind == "boolean":
        return isinstance(value, bool) or value in {"true", "false"}
    if isinstance(value, bool):
        return kind == "string"
    if kind == "string":
        return isinstance(value, str | int | float)
    if isinstance(value, str):
        return value.lstrip("-").replace(".", "", 1).isdigit()
    if kind == "integer":
        return isinstance(value, int)
    return isinstance(value, int | float)


def _mismatch(path: str, name: str, wanted: str, value: Any) -> Failure:
    got = {bool: "boolean", int: "integer", float: "number", str: "string", list: "list", dict: "object"}
    reason = f"expected type '{wanted}', got '{got.get(type(value), 'null')}' value {json.dumps(value)[:80]}"
    return Failure(path, f"{reason}. Examine values at '{name}.{path}'.")


def _at(value: Any, path: list[str], where: str) -> list[tuple[str, Any]]:
    """The values at a path, whatever lists lie on the way."""
    if isinstance(value, list):
        found: list[tuple[str, Any]] = []
        for index, item in enumerate(cast(list[Any], value)):
            found += _at(item, path, f"{where}[{index}]")
        return found
    if not path:
        return [(where, value)]
    if not isinstance(value, dict):
        return []
    key = path[0]
    item = cast(Properties, value).get(key)
    return _at(item, path[1:], f"{where}.{key}" if where else key) if item is not None else []
