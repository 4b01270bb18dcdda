"""Status conditions in the form all Kubernetes APIs share, written only when they change.

Owns merging: an unchanged condition keeps its time of transition, conditions of other writers are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]


def condition(kind: str, status: str, reason: str, message: str = "", *, generation: int | None = None) -> Object:
    """One condition without its time of transition."""
    found: Object = {"type": kind, "status": status, "reason": reason, "message": message}
    if generation is not None:
        found["observedGeneration"] = generation
    return found


def merged(existing: Iterable[Object], wanted: Iterable[Object], now: str) -> list[Object]:
    """`existing` with `wanted` put in their places; equal to `existing` when nothing would change."""
    result = list(existing)
    for item in wanted:
        place = next((index for index, old in enumerate(result) if old["type"] == item["type"]), None)
        if place is None:
            result.append({**item, "lastTransitionTime": now})
            continue
        old = result[place]
        if all(old.get(key, "") == value for key, value in item.items()):
            continue
        since = old.get("lastTransitionTime", now) if old["status"] == item["status"] else now
        result[place] = {**item, "lastTransitionTime": since}
    return result
