"""YAML as Kubernetes reads it, with the line of every value.

Built from parser events instead of PyYAML's loaders, which would crash on deep nesting, expand aliases without bound,
keep the last of two equal keys, and turn `2026-01-01` into a date and `22:22` into 1342 where Kubernetes sees text.
Does not know what the documents mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

import yaml

MAX_DEPTH: Final = 128
"""Levels of nesting in one document; more than any Kubernetes object has."""
MAX_VALUES: Final = 1_000_000
"""Values in one document after its aliases are expanded."""

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT: Final = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_OCTAL: Final = re.compile(r"[-+]?0o?([0-7_]+)")
_HEX: Final = re.compile(r"[-+]?0x([0-9a-fA-F_]+)")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_TAG: Final = "tag:yaml.org,2002:"
_MERGE: Final = "<<"


class UnreadableError(Exception):
    """A text that is no YAML, or none that Kubernetes takes; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Located:
    """A value of a document and where it is written."""

    value: Any
    """As JSON has it: dict, list, text, number, true, false or null."""
    line: int
    inner: dict[str, Located] | list[Located] | None = None
    """The same for the members of an object or list."""

    def find(self, path: str) -> int:
        """The line of a dotted path such as `spec.rules[0].timeouts`, or of the innermost part of it that is written."""
        place = self
        for step in _STEP.finditer(path):
            index, quoted, key = step.groups()
            inner: Located | None = None
            if index is not None and isinstance(place.inner, list) and int(index) < len(place.inner):
                inner = place.inner[int(index)]
            elif index is None and isinstance(place.inner, dict):
                inner = place.inner.get(quoted if quoted is not None else key)
            if inner is None:
                break
            place = inner
        return place.line


_STEP: Final = re.compile(r"\[([0-9]{1,9})\]|\['([^']*)'\]|\.?([^.\[\]]+)")


def documents(text: str) -> Iterator[Located]:
    """Every document in a YAML text, one after the other.

    Raises:
        UnreadableError: The text is no YAML from here on.
    """
    try:
        yield from _Builder(yaml.parse(text, Loader=_LOADER)).documents()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise UnreadableError(1 if mark is None else mark.line + 1, what) from None
    except UnicodeEncodeError as error:
        raise UnreadableError(text.count("\n", 0, error.start) + 1, "half a surrogate pair, which is no text") from None
    except yaml.YAMLError as error:
        position = getattr(error, "position", 0)
        raise UnreadableError(text.count("\n", 0, position) + 1, str(error).split("\n", 1)[0]) from None


class _Builder:
    """Turns parser events into values; one for each text."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, tuple[Located, int]] = {}
        self._count = 0

    def documents(self) -> Iterator[Located]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors, self._count = {}, 0
                yield self._value(next(self._events), 0)

    def _value(self, event: Any, depth: int) -> Located:
        line = event.start_mark.line + 1
        if depth > MAX_DEPTH:
            raise UnreadableError(line, f"nested deeper than {MAX_DEPTH} levels, which no Kubernetes object is")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor, line)
        anchor, before = cast("str | None", event.anchor), self._count
        self._add(1, line)
        if isinstance(event, yaml.ScalarEvent):
            found = Located(_scalar(event, line), line)
        elif isinstance(event, yaml.SequenceStartEvent):
            items: list[Located] = []
            while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
                items.append(self._value(event, depth + 1))
            found = Located([item.value for item in items], line, items)
        else:
            members = self._members(depth)
            found = Located({key: member.value for key, member in members.items()}, line, members)
        if anchor is not None:
            self._anchors[anchor] = (found, self._count - before)
        return found

    def _members(self, depth: int) -> dict[str, Located]:
        own: dict[str, Located] = {}
        lines: dict[str, int] = {}
        merged: dict[str, Located] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent):
                raise UnreadableError(line, "a key is no text; is this an unrendered template? Render it first")
            key, value = event.value, self._value(next(self._events), depth + 1)
            if key == _MERGE and event.implicit[0]:
                for base in value.inner if isinstance(value.inner, list) else [value]:
                    if not isinstance(base.inner, dict):
                        raise UnreadableError(line, "'<<' merges objects only")
                    merged = {**base.inner, **merged}
            elif key in own:
                twice = (
                    f"key '{key}' is written twice in one object, first in line {lines[key]}; only one of them counts"
                )
                raise UnreadableError(line, twice)
            else:
                own[key], lines[key] = value, line
        return {**merged, **own}

    def _alias(self, name: str, line: int) -> Located:
        if name not in self._anchors:
            raise UnreadableError(line, f"alias '*{name}' stands for nothing, or contains itself")
        found, size = self._anchors[name]
        self._add(size, line)
        return found

    def _add(self, count: int, line: int) -> None:
        self._count += count
        if self._count > MAX_VALUES:
            raise UnreadableError(line, f"more than {MAX_VALUES} values in one document, aliases expanded")


def _scalar(event: Any, line: int) -> Any:
    text = cast("str", event.value)
    tag = cast("str | None", event.tag)
    if tag is None:
        return _plain(text) if event.implicit[0] else text
    kind = tag.removeprefix(_TAG)
    if kind == "str" or tag == "!":
        return text
    value = _plain(text)
    if kind not in {"int", "float", "bool", "null"}:
        raise UnreadableError(line, f"tag '{tag}' is not known to Kubernetes")
    return value


def _plain(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if not (text[0].isdigit() or text[0] in "+-.") or len(text) > 400:
        return text
    if _INT.fullmatch(text):
        return int(text.replace("_", ""))
    for pattern, base in ((_OCTAL, 8), (_HEX, 16)):
        match = pattern.fullmatch(text)
        if match:
            digits = match[1].strip("_").replace("_", "")
            return int(digits, base) * (-1 if text[0] == "-" else 1) if digits else text
    if _FLOAT.fullmatch(text):
        number = float(text)
        return text if number in {float("inf"), float("-inf")} else number
    return text
