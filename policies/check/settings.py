"""The pack's configuration, as the engine takes it: a JSON object by policy, with levels, exemptions and options.

The engine holds it against each policy's schema before it runs anything; without an engine that is done here. Owns
nothing of what the options mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, cast

from pulumi_policy import EnforcementLevel, Policy

_LEVEL: Final = "enforcementLevel"
_ALL: Final = "all"
_LEVELS: Final = {level.value: level for level in EnforcementLevel}


class ConfigError(Exception):
    """A configuration that the engine would refuse, with everything that is wrong in it."""


@dataclass(frozen=True, slots=True)
class PackConfig:
    """Levels and options by policy."""

    levels: Mapping[str, EnforcementLevel] = field(default_factory=dict[str, EnforcementLevel])
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    def level(self, policy: Policy) -> EnforcementLevel:
        """What a violation of the policy means; `remediate` blocks, as there is nothing to rewrite."""
        level = self.levels.get(policy.name) or self.levels.get(_ALL) or policy.enforcement_level
        return EnforcementLevel.MANDATORY if level in {None, EnforcementLevel.REMEDIATE} else cast("Any", level)

    def of(self, policy: Policy) -> Mapping[str, Any] | None:
        """The policy's options; None if it has none."""
        return self.options.get(policy.name)


def load(path: Path, policies: Sequence[Policy]) -> PackConfig:
    """Reads a configuration file.

    Raises:
        ConfigError: It cannot be read, is no JSON, or does not fit the policies.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}: no valid JSON: {error.msg}") from None
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{path}: cannot be read: {why}") from None
    return parse(content, policies, str(path))


def parse(content: Any, policies: Sequence[Policy], source: str) -> PackConfig:
    """The configuration in a JSON value.

    Raises:
        ConfigError: It does not fit the policies.
    """
    if not isinstance(content, dict):
        raise ConfigError(f'{source}: no object. Write {{"<policy>": {{…}}}}, as for `pulumi --policy-pack-config`.')
    known = {policy.name: policy for policy in policies}
    levels: dict[str, EnforcementLevel] = {}
    options: dict[str, Mapping[str, Any]] = {}
    wrong: list[str] = []
    for name, entry in cast("dict[str, Any]", content).items():
        if name not in known and name != _ALL:
            near = get_close_matches(name, known, 1)
            wrong.append(f"{name}: no policy of this pack{f'; did you mean {near[0]}?' if near else ''}")
            continue
        rest = dict(cast("dict[str, Any]", entry)) if isinstance(entry, dict) else {_LEVEL: entry}
        level = rest.pop(_LEVEL, None)
        if isinstance(level, str) and level in _LEVELS:
            levels[name] = _LEVELS[level]
        elif level is not None or not isinstance(entry, dict):
            wrong.append(f"{name}.{_LEVEL} is {json.dumps(level)}. Write one of {', '.join(sorted(_LEVELS))}.")
        if name in known and rest:
            options[name] = rest
            wrong += _misfits(rest, known[name], name)
    if wrong:
        raise ConfigError("\n".join(f"{source}: {line}" for line in wrong))
    return PackConfig(levels, options)


def _misfits(options: Mapping[str, Any], policy: Policy, name: str) -> Iterator[str]:
    properties = policy.config_schema.properties if policy.config_schema else {}
    for key, value in options.items():
        if key not in properties:
            yield f"{name}.{key}: no option of this policy. It has {', '.join(sorted(properties)) or 'none'}."
        else:
            yield from _validate(value, properties[key], f"{name}.{key}")


_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "array": (list,),
    "object": (dict,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def _validate(value: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    """What does not fit, for the part of JSON Schema that the pack's options use."""
    wanted = cast("str", schema.get("type", ""))
    fits = _TYPES.get(wanted, (object,))
    if not isinstance(value, fits) or (isinstance(value, bool) and wanted in {"integer", "number"}):
        yield f"{where} is {json.dumps(value)}. Write a value of type {wanted}."
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is {json.dumps(value)}. Write one of {', '.join(map(str, schema['enum']))}."
    if isinstance(value, str):
        yield from _validate_text(value, schema, where)
    elif isinstance(value, list):
        for index, item in enumerate(cast("list[Any]", value)):
            yield from _validate(item, schema.get("items", {}), f"{where}[{index}]")
    elif isinstance(value, dict):
        yield from _validate_object(cast("dict[str, Any]", value), schema, where)
    elif isinstance(value, int | float):
        low, high = schema.get("minimum"), schema.get("maximum")
        if (low is not None and value < low) or (high is not None and value > high):
            yield f"{where} is {value}, which is out of range. Write {low if low is not None else '…'} to {high or '…'}."


def _validate_text(value: str, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    if len(value) < schema.get("minLength", 0):
        yield f"{where} is '{value}'. Write at least {schema['minLength']} characters."
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where} is '{value}'. Write {schema.get('description', 'a fitting value')}"


def _validate_object(value: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> Iterator[str]:
    properties = cast("Mapping[str, Any]", schema.get("properties", {}))
    extra = schema.get("additionalProperties", True)
    for key in schema.get("required", []):
        if key not in value:
            yield f"{where}.{key} is missing."
    for key, item in value.items():
        if key in properties:
            yield from _validate(item, properties[key], f"{where}.{key}")
        elif extra is False:
            yield f"{where}.{key}: no such key. Write {', '.join(properties)}."
        elif isinstance(extra, dict):
            yield from _validate(item, cast("dict[str, Any]", extra), f"{where}.{key}")
