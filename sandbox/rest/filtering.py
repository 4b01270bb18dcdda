"""The `filter` of Google's list methods: which items of a list an expression picks.

Owns the language: comparisons with = != > >= < <= and `:` (contains, or `field:*` is set), the older `eq` and `ne` with a regular
expression, NOT, AND (which may be left out), OR (which binds tighter than AND) and parentheses; `*` in a value stands for
anything. Does not own paging. Sources: google.aip.dev/160; the parameter `filter` of compute.googleapis.com's discovery document
(read 2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from sandbox.cloud.errors import CloudError, bad_request

Item = dict[str, Any]
Test = Callable[[Item], bool]

_TOKEN: Final = re.compile(r'\s*(?:(?P<mark>!=|>=|<=|[=<>:()])|"(?P<quoted>[^"]*)"|(?P<word>[^\s()=<>:!"]+))')
_COMPARISONS: Final = ("=", "!=", ">", ">=", "<", "<=", ":", "eq", "ne")
_AND, _OR, _NOT = "AND", "OR", "NOT"


def picked(text: str, items: Sequence[Item]) -> list[Item]:
    """The items for which the expression holds, all of them for an empty one.

    Raises:
        CloudError: 400, when it is none.
    """
    if not text.strip():
        return list(items)
    try:
        test = _Expression(text).parse()
    except ValueError as error:
        raise _refused(text, str(error)) from None
    return [item for item in items if test(item)]


def _refused(text: str, why: str) -> CloudError:
    return bad_request(f"Invalid value for field 'filter': '{text}'. Invalid list filter expression: {why}.", "invalid")


class _Expression:
    """One expression, read from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        self._quoted: list[bool] = []
        position = 0
        while position < len(text.rstrip()):
            found = _TOKEN.match(text, position)
            if found is None:
                raise ValueError(f"it cannot be read from '{text[position:].strip()}' on")
            position = found.end()
            self._quoted.append(found["quoted"] is not None)
            self._tokens.append(next(part for part in found.groups() if part is not None))
        self._at = 0

    def parse(self) -> Test:
        """The whole as one test. ValueError says what is wrong."""
        test = self._all()
        if self._at < len(self._tokens):
            raise ValueError(f"'{self._tokens[self._at]}' stands where AND, OR or the end was expected")
        return test

    def _all(self) -> Test:
        parts = [self._any()]
        while self._at < len(self._tokens) and not self._next(")"):
            if self._next(_AND):
                self._at += 1
            parts.append(self._any())
        return lambda item: all(part(item) for part in parts)

    def _any(self) -> Test:
        parts = [self._one()]
        while self._next(_OR):
            self._at += 1
            parts.append(self._one())
        return lambda item: any(part(item) for part in parts)

    def _one(self) -> Test:
        if self._next(_NOT):
            self._at += 1
            inner = self._one()
            return lambda item: not inner(item)
        if self._next("("):
            self._at += 1
            inner = self._all()
            if not self._next(")"):
                raise ValueError("a parenthesis is not closed")
            self._at += 1
            return inner
        field, how = self._word("a field"), self._word("a comparison")
        if how not in _COMPARISONS:
            raise ValueError(f"'{how}' is no comparison; write one of {' '.join(_COMPARISONS)}")
        return _comparison(field, how, self._word("a value"))

    def _next(self, what: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at] == what and not self._quoted[self._at]

    def _word(self, what: str) -> str:
        if self._at >= len(self._tokens) or self._next("(") or self._next(")"):
            raise ValueError(f"{what} is missing")
        self._at += 1
        return self._tokens[self._at - 1]


def _comparison(field: str, how: str, value: str) -> Test:
    if how in {"<", "<=", ">", ">="}:
        limit = float(value) if re.fullmatch(r"-?\d+(\.\d+)?", value) else None
        return lambda item: _ordered(_field(item, field), how, limit, value)
    if how == ":" and value == "*":
        return lambda item: _field(item, field) is not None
    try:
        pattern = re.compile(value) if how in {"eq", "ne"} else _wildcards(value)
    except re.error as error:
        raise ValueError(f"'{value}' is no regular expression: {error}") from None
    wanted = how not in {"!=", "ne"}

    def test(item: Item) -> bool:
        held = _field(item, field)
        match = pattern.search if how == ":" and isinstance(held, str) else pattern.fullmatch
        return (match(_text(held)) is not None) == wanted

    return test


def _wildcards(value: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in value.split("*")))


def _ordered(held: Any, how: str, limit: float | None, value: str) -> bool:
    if held is None:
        return False
    if limit is not None and isinstance(held, int | float):
        less, same = held < limit, held == limit
    else:
        less, same = str(held) < value, str(held) == value
    return how.endswith("=") if same else less == how.startswith("<")


def _field(item: Any, path: str) -> Any:
    for part in path.split("."):
        item = cast(Item, item).get(part) if isinstance(item, dict) else None
    return item


def _text(held: Any) -> str:
    return str(held).lower() if isinstance(held, bool) else "" if held is None else str(held)
