"""Reads the stack's settings: the only place that asks `pulumi.Config`, and where settings that cannot be used end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import pulumi
from pulumi.runtime import config as engine_config
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from components.settings import Settings

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
    return parse(raw, stack=pulumi.get_stack(), project=pulumi.get_project(), keys=engine_config.CONFIG.get())


def parse(raw: Any, *, stack: str, project: str, keys: Iterable[str] = ()) -> Settings:
    """Validates `raw`, the value of the program's config key; `keys` are all keys of the stack's configuration.

    Raises:
        SettingsError: It cannot be used.
    """
    if raw is None:
        raise SettingsError(_nothing(stack, f"{project}:{KEY}", keys))
    if not isinstance(raw, Mapping):
        raise SettingsError(
            f"{project}:{KEY} in Pulumi.{stack}.yaml is {raw!r}; it must be a block of settings. Write them below it, each on "
            "a line of its own, as docs/settings.md lists them."
        )
    settings, details = None, list[ErrorDetails]()
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        details = error.errors(include_url=False)
    if settings is not None and not _has_nothing(cast("Mapping[Any, Any]", raw)):
        return settings
    from components import problems  # noqa: PLC0415 - words that only somebody with a wrong setting pays for

    details = [*problems.empty_blocks(cast("Mapping[Any, Any]", raw)), *details]
    if settings is not None and not details:
        return settings
    lines = [f"  {problems.describe(detail)}" for detail in details if not _follows(detail, details)]
    noun = "setting" if len(lines) == 1 else "settings"
    head = f"{len(lines)} {noun} in Pulumi.{stack}.yaml cannot be used; nothing was created."
    raise SettingsError("\n".join([head, *lines]))


def _nothing(stack: str, wanted: str, keys: Iterable[str]) -> str:
    """What is wrong where the key of the settings is not there: it is mistyped, or never was."""
    from rules.nearest import nearest  # noqa: PLC0415 - as above

    file = f"Pulumi.{stack}.yaml"
    near = nearest(wanted, keys, cutoff=0.8)
    if near is not None:
        return f"{file} has no {wanted}, but {near}. Did you mean {wanted}? Correct the key; nothing was created."
    other = "Pulumi.prod.yaml" if stack == "dev" else "Pulumi.dev.yaml"
    return (
        f"{file} has no {wanted}. Write it below `config:`, as in {other}, with the settings that docs/settings.md lists; "
        "nothing was created."
    )


def _has_nothing(value: Any) -> bool:
    """Whether anywhere in the settings a line stands without a value."""
    if isinstance(value, Mapping):
        return any(map(_has_nothing, cast("Mapping[Any, Any]", value).values()))
    return any(map(_has_nothing, cast("list[Any]", value))) if isinstance(value, list) else value is None


def _follows(detail: ErrorDetails, others: Sequence[ErrorDetails]) -> bool:
    """Whether `detail` only says that a list is too short because an entry of it is refused already."""
    depth = len(detail["loc"])
    deeper = (other["loc"] for other in others if len(other["loc"]) > depth)
    return detail["type"] == "too_short" and any(where[:depth] == detail["loc"] for where in deeper)
