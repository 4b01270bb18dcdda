"""Reading nested properties of a request, where any level may be missing."""

from __future__ import annotations

from typing import Any, cast

Properties = dict[str, Any]


def block(properties: Properties, *path: str) -> Properties:
    """The object at `path`; empty when it is missing."""
    found: Any = properties
    for key in path:
        found = cast(Properties, found).get(key) if isinstance(found, dict) else None
    return cast(Properties, found) if isinstance(found, dict) else {}


def text(properties: Properties, *path: str) -> str:
    """The text at `path`; empty when it is missing."""
    value = block(properties, *path[:-1]).get(path[-1])
    return "" if value is None else str(value)


def flag(properties: Properties, *path: str) -> bool:
    """The truth value at `path`; false when it is missing."""
    return bool(block(properties, *path[:-1]).get(path[-1]))
