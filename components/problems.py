"""The words for settings that cannot be used: field, value, reason, and what to write instead.

Owns how pydantic's errors read to somebody who writes YAML. Does not own the checks that are the settings' own, which bring
their words with them (`settings/checks.py`), nor what a text has to look like (`settings/phrases.py`). Nothing here runs while
settings are right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final, cast

from pydantic_core import ErrorDetails

from components.loading import KEY
from components.settings.examples import example
from components.settings.meanings import meaning
from components.settings.phrases import PHRASES, corrected
from components.settings.places import Place, is_block, item_of, place
from rules.nearest import nearest

_CLOCK: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_KEY_MARK: Final = "[key]"
"""How pydantic says that it is about a name in a mapping, not its value."""
_BOUNDS: Final[Mapping[str, str]] = {"ge": "{} or more", "gt": "more than {}", "le": "{} or less", "lt": "less than {}"}


def describe(detail: ErrorDetails) -> str:
    """One problem in one line: field, value, reason, remedy; what a terminal would not print is escaped."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in _described(detail))


def empty_blocks(raw: Mapping[Any, Any]) -> list[ErrorDetails]:
    """Blocks that may be left out and stand there with nothing in them, which would silently count as left out."""
    found: list[ErrorDetails] = []

    def visit(value: Any, location: tuple[int | str, ...]) -> None:
        if value is None:
            at = place(location)
            if at is not None and at.optional and is_block(at.annotation):
                found.append({"type": "empty_block", "loc": location, "msg": "", "input": None})
        elif isinstance(value, Mapping):
            for key, item in cast("Mapping[Any, Any]", value).items():
                visit(item, (*location, str(key)))
        elif isinstance(value, list | tuple):
            for index, item in enumerate(cast("Sequence[Any]", value)):
                visit(item, (*location, index))

    visit(raw, ())
    return found


def _described(detail: ErrorDetails) -> str:
    location = detail["loc"]
    if detail["type"] == "refused":
        context = detail.get("ctx", {})
        where = ".".join(part for part in (_path(location), str(context["field"])) if part)
        return f"{where}: {context['value']}: {context['reason']}. {context['remedy']}"
    if location and location[-1] == _KEY_MARK:
        location = location[:-1]
    where, at = _path(location), place(location)
    what = _meaning(at)
    if detail["type"] == "empty_block":
        shown = None if at is None else example(at.annotation)
        written = f"Write, for example, {location[-1]}: {shown}, or delete the line"
        return f"{where}: nothing stands in this block, and it would count as left out. {written}. It is: {what}"
    if detail["type"] == "extra_forbidden":
        known = _names(location[:-1])
        close = nearest(str(location[-1]), known, cutoff=0.6)
        hint = f"Did you mean {close}?" if close else f"Known here: {', '.join(known)}."
        return f"{where}: there is no such setting. {hint}"
    if detail["type"] == "missing":
        shown = None if at is None else example(at.annotation, str(location[-1]))
        if shown is not None:
            return f"{where}: is missing ({what}). Write, for example, {location[-1]}: {shown}"
        return f"{where}: is missing ({what}). Set it with: pulumi config set --path '{where}' VALUE"
    reason, remedy = _reason(detail, at)
    return ". ".join(
        part for part in (f"{where}: {_shown(detail['input'])}: {reason}", remedy, f"It is: {what}") if part
    )


def _reason(detail: ErrorDetails, at: Place | None) -> tuple[str, str]:
    """Why a value cannot be used, and what to write, both without a final full stop."""
    kind, value = detail["type"], detail["input"]
    if value is None:
        return "nothing stands there", "Write a value, or delete the line" if at and at.has_default else "Write a value"
    words = _PLAIN.get(kind)
    if words is None and (known := _WORDS.get(kind)) is not None:
        words = known(detail, at)
    if words is not None:
        return words
    text = detail["msg"].replace("Tuple", "list").replace("List", "list").replace(" after validation", "")
    return f"{text[:1].lower()}{text[1:]}", ""


def _no_match(detail: ErrorDetails, at: Place | None) -> tuple[str, str] | None:
    pattern = str(detail.get("ctx", {})["pattern"])
    if pattern not in PHRASES:
        return None
    phrase, meant = PHRASES[pattern], corrected(pattern, str(detail["input"]), at.longest if at else None)
    return f"it has to be {phrase.what}", f"Write {meant}" if meant else f"Write one such as {phrase.example}"


def _no_choice(detail: ErrorDetails, at: Place | None) -> tuple[str, str] | None:
    choices = [str(choice) for choice in at.choices] if at else []
    near = nearest(str(detail["input"]), choices, cutoff=0.6)
    listed = f"Write one of {', '.join(choices)}"
    return ("there is no such choice", f"Write {near}" if near else listed) if choices else None


def _out_of_bounds(detail: ErrorDetails, _: Place | None) -> tuple[str, str]:
    ((name, bound),) = detail.get("ctx", {}).items()
    if name in {"gt", "lt"} and isinstance(detail["input"], int) and isinstance(bound, int):
        name, bound = ("ge", bound + 1) if name == "gt" else ("le", bound - 1)
    return "this is out of bounds", f"Write {_BOUNDS[name].format(bound)}"


def _too_long(detail: ErrorDetails, _: Place | None) -> tuple[str, str]:
    longest = detail.get("ctx", {})["max_length"]
    return f"it has {len(str(detail['input']))} letters", f"Write at most {longest}"


def _no_list(detail: ErrorDetails, at: Place | None) -> tuple[str, str]:
    value = detail["input"]
    of_blocks = at is not None and is_block(item_of(at.annotation))
    shown = (
        example(at.annotation) if at and of_blocks else f"[{value if isinstance(value, str) else _shown(value, 60)}]"
    )
    return "this is no list", f"Write a list, such as {shown}"


def _no_block(_: ErrorDetails, at: Place | None) -> tuple[str, str]:
    shown = None if at is None else example(at.annotation)
    return "this is no block of settings", f"Write a block, such as {shown}" if shown else "Write names with values"


def _no_text(detail: ErrorDetails, at: Place | None) -> tuple[str, str]:
    """For a value that YAML does not read as text where text has to be."""
    value: Any = detail["input"]
    if isinstance(value, Mapping | list | tuple):
        kind = "a block" if isinstance(value, Mapping) else "a list"
        return f"this is {kind}, and the setting takes text", "Write one text"
    if isinstance(value, bool):
        return (
            "YAML reads what stands there as true or false, and the setting takes text",
            f'Put it in quotes: "{_shown(value)}", or yes, no, on or off if you wrote that',
        )
    if isinstance(value, date):
        return "YAML reads what stands there as a date, and the setting takes text", f'Put it in quotes: "{value}"'
    text = str(value)
    if at is not None and at.pattern == _CLOCK and isinstance(value, int) and 0 <= value < 24 * 60:
        text = f"{value // 60:02}:{value % 60:02}"
    elif at is not None and at.pattern and isinstance(value, int | float):
        text = corrected(at.pattern, text) or text
    return (
        "YAML reads what stands there as a number, and the setting takes text",
        f'Put it in quotes, as you mean it: "{text}" (without them 1.30 is 1.3, 0x2 is 2, and 12:00 can be 720)',
    )


_Words = Callable[[ErrorDetails, Place | None], tuple[str, str] | None]

_WHOLE: Final = ("this is no whole number", "Write a whole number, without quotes and unit")
_NUMBER: Final = ("this is no number", "Write a number, without quotes and unit")
_TRUTH: Final = ("this is neither true nor false", "Write true or false")
_MOMENT: Final = ("this is no moment with a time zone", 'Write one in quotes, such as "2026-12-20T00:00:00Z"')

_PLAIN: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float", "int_parsing_size"), _WHOLE),
    **dict.fromkeys(("float_parsing", "float_type", "finite_number"), _NUMBER),
    **dict.fromkeys(("bool_parsing", "bool_type"), _TRUTH),
    **dict.fromkeys(
        (
            "datetime_parsing",
            "datetime_type",
            "datetime_from_date_parsing",
            "datetime_object_invalid",
            "timezone_aware",
        ),
        _MOMENT,
    ),
}
"""By pydantic's kind of error, where the value changes nothing."""

_WORDS: Final[Mapping[str, _Words]] = {
    "string_pattern_mismatch": _no_match,
    "string_type": _no_text,
    "literal_error": _no_choice,
    **dict.fromkeys(("greater_than_equal", "greater_than", "less_than_equal", "less_than"), _out_of_bounds),
    "string_too_long": _too_long,
    **dict.fromkeys(("tuple_type", "list_type"), _no_list),
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type", "mapping_type"), _no_block),
}
"""By pydantic's kind of error."""


def _shown(value: Any, limit: int = 120) -> str:
    text = "empty" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _path(location: Sequence[int | str]) -> str:
    path = KEY
    for part in location:
        path += f".{part}" if isinstance(part, str) and part.isidentifier() else f"[{_shown(part)}]"
    return path


def _names(location: Sequence[int | str]) -> list[str]:
    at = place(location)
    model = at.model if at is not None else None
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _meaning(at: Place | None) -> str:
    if at is None or at.owner is None or at.field is None:
        return "a setting"
    return re.sub(r"\.$", "", meaning(at.owner, at.field)) or "a setting"
