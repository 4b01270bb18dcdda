"""The annotation `pulumi.com/waitFor`: what to wait for in the words of `kubectl wait --for`.

`condition=TYPE`, `condition=TYPE=STATUS`, `jsonpath={PATH}`, `jsonpath={PATH}=VALUE`, or a JSON array of these, all of
which have to hold. Unlike pulumi-kubernetes before the fix of its issue 4521, a condition that already holds for the
current generation counts, whenever it changed last.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from sandbox.plugin.values import Properties

_STEP: Final = re.compile(
    r"""
    \.(?P<name>(?:[^.\[\]\\]|\\.)+)                                   # .name, a dot in it escaped as \.
    | \[ \s* (?P<index>-?\d+) \s* \]                                  # [0]
    | (?:\.\*|\[ \s* (?P<all>\*) \s* \])                              # .* and [*]
    | \[ \s* (?P<quote>['"]) (?P<key>[^'"]+) (?P=quote) \s* \]        # ['name']
    | \[\? \( \s* @(?P<field>[^=!\s]+) \s* == \s* (?P<q>['"]?) (?P<value>[^'")]*) (?P=q) \s* \) \]   # [?(@.a=="b")]
    """,
    re.VERBOSE,
)


class WaitForError(ValueError):
    """An annotation `pulumi.com/waitFor` that cannot be understood."""


@dataclass(frozen=True, kw_only=True)
class ConditionIs:
    """An entry of `status.conditions` has a status."""

    type: str
    status: str = "True"

    def lack(self, live: Mapping[str, Any]) -> str | None:
        """What is missing, None where the condition holds for the object's current generation."""
        found = condition_of(live, self.type)
        if found is None:
            return f"there is no condition {self.type} yet"
        generation = cast("Properties", live.get("metadata") or {}).get("generation", 0)
        status = cast("Properties", live.get("status") or {})
        seen = found.get("observedGeneration", status.get("observedGeneration", generation))
        if str(found.get("status", "")).lower() == self.status.lower():
            return None if seen >= generation else f"condition {self.type} is of an older version of the object"
        detail = ": ".join(text for text in (found.get("reason"), found.get("message")) if text)
        return f"condition {self.type} is {found.get('status')}, not {self.status}" + (f" ({detail})" if detail else "")


@dataclass(frozen=True, kw_only=True)
class PathIs:
    """A JSONPath finds something, or finds only `value`."""

    path: str
    value: str | None = None

    def lack(self, live: Mapping[str, Any]) -> str | None:
        """What is missing, None where the path is there with the wanted value."""
        found = [_text(item) for item in find(self.path, live)]
        found = [text for text in found if text]
        if self.value is None:
            return None if found else f"{{{self.path}}} is not there yet"
        if found and all(text == self.value for text in found):
            return None
        return f"{{{self.path}}} is {', '.join(found) or 'not there yet'}, not {self.value}"


def parse_wait_for(annotation: str) -> list[ConditionIs | PathIs]:
    """What the annotation asks for.

    Raises:
        WaitForError: it is none of the forms.
    """
    text = annotation.strip()
    if not text.startswith("["):
        return [_parse_one(text)]
    try:
        parts = json.loads(text)
    except ValueError as error:
        raise WaitForError(f"pulumi.com/waitFor {annotation!r} is no JSON array of conditions: {error}") from error
    if not parts or not all(isinstance(part, str) for part in parts):
        raise WaitForError(f"pulumi.com/waitFor {annotation!r} must be an array of at least one text")
    return [_parse_one(part) for part in cast("list[str]", parts)]


def _parse_one(text: str) -> ConditionIs | PathIs:
    form, _, rest = text.partition("=")
    if form == "condition" and rest:
        kind, _, status = rest.partition("=")
        return ConditionIs(type=kind, status=status or "True")
    if form == "jsonpath" and (match := re.fullmatch(r"\{(.+?)\}(?:=(.*))?|(\.[^{}=]+)(?:=(.*))?", rest)):
        path, value = match[1] or match[3], match[2] if match[1] else match[4]
        find(path, {})
        return PathIs(path=path, value=None if value is None else value.strip("'\""))
    raise WaitForError(
        f"pulumi.com/waitFor {text!r} is not understood; write condition=Ready, condition=Ready=True, "
        "jsonpath={.status.phase}=Running, or a JSON array of these"
    )


def condition_of(live: Mapping[str, Any], kind: str) -> Properties | None:
    """The entry of `status.conditions` with this type, whatever its case."""
    conditions = cast("Properties", live.get("status") or {}).get("conditions")
    for condition in cast("list[Properties]", conditions if isinstance(conditions, list) else []):
        if str(condition.get("type", "")).lower() == kind.lower():
            return condition
    return None


def find(path: str, value: Any) -> list[Any]:
    """The values at a JSONPath such as `.status.conditions[?(@.type=="Ready")].status`.

    Raises:
        WaitForError: the path uses what is not understood here.
    """
    found, position = [value], 0
    path = path.removeprefix("$")
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise WaitForError(f"the JSONPath {{{path}}} is not understood at {path[position:]!r}")
        found = [result for item in found for result in _step(match, item)]
        position = match.end()
    return found


def _step(match: re.Match[str], item: Any) -> list[Any]:
    if match["name"] == "*" or match["all"]:
        return list(cast("Properties", item).values()) if isinstance(item, dict) else list(item or [])
    if name := match["key"] or match["name"]:
        name = name.replace("\\.", ".")
        return [cast("Properties", item)[name]] if isinstance(item, dict) and name in item else []
    if not isinstance(item, list):
        return []
    items = cast("list[Any]", item)
    if match["index"] is not None:
        index = int(match["index"])
        return [items[index]] if -len(items) <= index < len(items) else []
    return [entry for entry in items if any(_text(hit) == match["value"] for hit in find(match["field"], entry))]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
