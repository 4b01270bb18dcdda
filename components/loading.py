"""Reads the stack's settings: the only place that asks `pulumi.Config`, and the words of its errors."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import pulumi
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from components.settings import Settings
from components.settings.meanings import meaning

KEY = "platform"
"""The one config key of the program."""


class SettingsError(pulumi.RunError):
    """Settings that cannot be used; the message lists every reason with its remedy. The engine prints it as it is."""


def load() -> Settings:
    """The settings of the current stack.

    Raises:
        SettingsError: The key is missing, is no object, or holds a value that cannot be used.
    """
    config = pulumi.Config()
    try:
        raw = config.get_object(KEY)
    except pulumi.ConfigTypeError:
        raw = config.get(KEY)
    return parse(raw, stack=pulumi.get_stack(), project=pulumi.get_project())


def parse(raw: Any, *, stack: str, project: str) -> Settings:
    """Validates `raw`, the value of the program's config key.

    Raises:
        SettingsError: It cannot be used.
    """
    if raw is None:
        raise SettingsError(
            f"Pulumi.{stack}.yaml has no {project}:{KEY}. Copy the block from Pulumi.dev.yaml and adapt it."
        )
    if not isinstance(raw, Mapping):
        raise SettingsError(f"{project}:{KEY} in Pulumi.{stack}.yaml is {raw!r}; it must be a block of settings.")
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems = [f"  {describe(detail)}" for detail in details if not _follows(detail, details)]
        noun = "setting" if len(problems) == 1 else "settings"
        head = f"{len(problems)} {noun} in Pulumi.{stack}.yaml cannot be used; nothing was created."
        raise SettingsError("\n".join([head, *problems])) from None


def _follows(detail: ErrorDetails, others: Sequence[ErrorDetails]) -> bool:
    """Whether `detail` only says that a list is too short because an entry of it is refused already."""
    depth = len(detail["loc"])
    deeper = (other["loc"] for other in others if len(other["loc"]) > depth)
    return detail["type"] == "too_short" and any(where[:depth] == detail["loc"] for where in deeper)


def describe(detail: ErrorDetails) -> str:
    """One problem in one line: field, value, reason, remedy; what a terminal would not print is escaped."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in _described(detail))


def _described(detail: ErrorDetails) -> str:
    location = detail["loc"]
    if detail["type"] == "refused":
        context = detail.get("ctx", {})
        where = ".".join(part for part in (_path(location), str(context["field"])) if part)
        return f"{where}: {context['value']}: {context['reason']}. Write {context['instead']}."
    where = _path(location)
    if detail["type"] == "extra_forbidden":
        known = _names(location[:-1])
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known)}."
        return f"{where}: there is no such setting. {hint}"
    if detail["type"] == "missing":
        return f"{where}: is missing ({_meaning(location)}). Set it with: pulumi config set --path '{where}' VALUE"
    return f"{where}: {_shown(detail['input'])}: {_reason(detail['msg'])}. It is: {_meaning(location)}"


def _shown(value: Any, limit: int = 120) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _reason(message: str) -> str:
    """Pydantic's words, with YAML's names for things instead of Python's."""
    text = re.sub(r"a valid dictionary or instance of \w+", "a block of settings", message)
    text = text.replace("a valid tuple", "a list").replace("Tuple", "list").replace(" after validation", "")
    return f"{text[:1].lower()}{text[1:]}"


def _path(location: Sequence[int | str]) -> str:
    path = KEY
    for part in location:
        path += f".{part}" if isinstance(part, str) and part.isidentifier() else f"[{_shown(part)}]"
    return path


def _model(location: Sequence[int | str]) -> type[BaseModel] | None:
    """The settings class at `location`."""
    current: type[BaseModel] = Settings
    for part in location:
        if isinstance(part, int):
            continue
        field = next((f for n, f in current.model_fields.items() if part in (n, f.alias)), None)
        candidates = [field.annotation, *get_args(field.annotation)] if field else []
        found = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
        if found is None:
            return None
        current = found
    return current


def _names(location: Sequence[int | str]) -> list[str]:
    model = _model(location)
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _meaning(location: Sequence[int | str]) -> str:
    named = [part for part in location if isinstance(part, str)]
    model = _model(location[: location.index(named[-1])]) if named else None
    if model is not None:
        for name, field in model.model_fields.items():
            if named[-1] in (name, field.alias):
                return meaning(model, name).rstrip(".")
    return "a setting"
