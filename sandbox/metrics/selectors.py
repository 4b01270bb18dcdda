"""Label selectors, as objects and as text in a query.

Owns whether labels match. Source: Kubernetes documentation, "Labels and Selectors"; LabelSelector of the API reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

Object = dict[str, Any]

_SET: Final = re.compile(r"^(\S+)\s+(in|notin)\s+\(([^)]*)\)$")
_PARTS: Final = re.compile(r",(?![^(]*\))")


class SelectorError(ValueError):
    """Text that is no selector."""


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector (`matchLabels`, `matchExpressions`) selects an object with `labels`; an empty one does."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_holds(item, labels) for item in selector.get("matchExpressions") or [])


def _holds(expression: Object, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or []
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None


def parse(text: str) -> Object:
    """The LabelSelector that `text` is the short form of: `a=b,c!=d,e in (f,g),h,!i`.

    Raises:
        SelectorError: it is none.
    """
    expressions: list[Object] = []
    for part in filter(None, (word.strip() for word in _PARTS.split(text))):
        if found := _SET.match(part):
            operator = "In" if found[2] == "in" else "NotIn"
            values = [value.strip() for value in found[3].split(",")]
            expressions.append({"key": found[1], "operator": operator, "values": values})
        elif "=" in part:
            key, _, value = part.partition("=")
            operator = "NotIn" if key.endswith("!") else "In"
            name = key.rstrip("!").strip()
            expressions.append({"key": name, "operator": operator, "values": [value.lstrip("=").strip()]})
        else:
            operator = "DoesNotExist" if part.startswith("!") else "Exists"
            expressions.append({"key": part.lstrip("!"), "operator": operator})
        if not expressions[-1]["key"] or " " in expressions[-1]["key"]:
            raise SelectorError(f"unable to parse requirement: {part!r}")
    return {"matchExpressions": expressions}
