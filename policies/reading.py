"""Reading resource properties in three values: known, unknown, missing.

The policy SDK raises `UnknownValueError` when a policy touches a value that is not known at preview, and answers with
one advisory line in place of everything a mandatory policy had to say. So unknown values are turned into `Unknown`
objects once, at the door, and every policy decides field by field what it can still tell. A value of the wrong type
is unknown as well: it neither crashes a policy nor passes it.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from pulumi_policy.proxy import UnknownValueError

T = TypeVar("T")

NOT_KNOWN: Final = "its value is not known before the update runs"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value nobody can judge, and why."""

    why: str = NOT_KNOWN

    def __str__(self) -> str:
        return "(unknown)"


def plain(value: object) -> Any:
    """`value` as dicts, lists and scalars, with `Unknown` objects for what is not known; whole floats as int."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, object]", value)
        return {str(key): _plain_item(mapping, key) for key in mapping}
    if isinstance(value, Sequence):
        sequence = cast("Sequence[object]", value)
        return [_plain_item(sequence, index) for index in range(len(sequence))]
    return value


_READ: Final[dict[int, tuple[weakref.ref[Any], Any]]] = {}


class Plain(dict[str, Any]):
    """Properties that `plain` has been through, and that nobody writes to."""


def plain_once(props: object) -> Any:
    """As `plain`, and once for each of the SDK's views of a resource, while it lives: every policy reads them, none writes."""
    if isinstance(props, Plain):
        return props
    if isinstance(props, dict | list):
        return plain(cast("object", props))
    key = id(props)
    kept = _READ.get(key)
    if kept is not None and kept[0]() is props:
        return kept[1]
    value = plain(props)
    with suppress(TypeError):  # not all that can be read can be watched
        _READ[key] = (weakref.ref(props, lambda _: _READ.pop(key, None)), value)
    return value


def _plain_item(container: Any, key: Any) -> Any:
    try:
        return plain(container[key])
    except UnknownValueError:
        return Unknown()


@dataclass(frozen=True, slots=True)
class Field:
    """A place in a resource: its dotted path and what is there."""

    path: str
    value: Any

    @property
    def unknown(self) -> bool:
        """There is a value, or may be, and it cannot be judged."""
        return isinstance(self.value, Unknown)

    @property
    def missing(self) -> bool:
        """Nothing is written there; null counts as nothing."""
        return self.value is None

    @property
    def known(self) -> bool:
        """There is a value and it can be judged."""
        return not self.unknown and not self.missing

    def at(self, *steps: str) -> Field:
        """The field further in. What lies in an unknown is unknown, what lies in nothing is missing."""
        value, path = self.value, self.path
        for step in steps:
            value = _step(value, path, step)
            path = f"{path}{_joint(path, step)}"
        return Field(path, value)

    def items(self) -> list[Field]:
        """The elements of a list; a single unknown field for an unknown or misshapen list, none for a missing one."""
        if self.value is None:
            return []
        if isinstance(self.value, list):
            return [Field(f"{self.path}[{i}]", item) for i, item in enumerate(cast("list[Any]", self.value))]
        return [Field(self.path, self.value if self.unknown else Unknown("it is no list"))]

    def of(self, kind: type[T]) -> Field:
        """This field, or an unknown one when its value is of another type."""
        if not self.known or (isinstance(self.value, kind) and not (kind is int and isinstance(self.value, bool))):
            return self
        return Field(self.path, Unknown(f"it is no {_KIND_NAMES.get(kind, kind.__name__)}"))

    def get(self, kind: type[T]) -> T | None:
        """The value if it is known and of that type, else None."""
        field = self.of(kind)
        return cast("T", field.value) if field.known else None

    def unknowns(self) -> Iterator[Field]:
        """Every unknown field in here."""
        if _hides(self.value):
            yield from _unknowns(self)


_KIND_NAMES: Final[Mapping[type, str]] = {
    str: "text",
    int: "whole number",
    bool: "true or false",
    dict: "object",
    list: "list",
}


def _hides(value: Any) -> bool:
    """Whether anything in there is unknown; most often nothing is, and then no path need be spelled."""
    if isinstance(value, dict):
        return any(map(_hides, cast("dict[str, Any]", value).values()))
    if isinstance(value, list):
        return any(map(_hides, cast("list[Any]", value)))
    return isinstance(value, Unknown)


def _unknowns(field: Field) -> Iterator[Field]:
    if field.unknown:
        yield field
    elif isinstance(field.value, dict):
        for key in cast("dict[str, Any]", field.value):
            yield from _unknowns(field.at(key))
    elif isinstance(field.value, list):
        for item in field.items():
            yield from _unknowns(item)


def _step(value: Any, path: str, step: str) -> Any:
    if value is None or isinstance(value, Unknown):
        return value
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).get(step)
    return Unknown(f"{path} is no object")


def _joint(path: str, step: str) -> str:
    if "." in step or "/" in step:
        return f"['{step}']"
    return f".{step}" if path else step


def related(path: str, other: str) -> bool:
    """Whether one path is the other or lies within it."""
    shorter, longer = sorted((path, other), key=len)
    return longer == shorter or longer.startswith((f"{shorter}.", f"{shorter}["))
