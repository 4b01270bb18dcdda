"""Arguments of a component as the properties it is registered with, so that policies and previews see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, cast


def props(value: Any) -> Any:
    """`value` with its dataclasses as objects, at any depth. Outputs stay what they are: `asdict` would try to copy them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: props(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: props(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [props(item) for item in cast("list[Any]", value)]
    return value
