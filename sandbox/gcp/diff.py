"""What an update would change, and whether it can be made in place.

The engine hands over the old inputs, the old state and the new inputs. A change of inputs that leaves the state as it is
(a network by name instead of by URL, a reordered set, a computed value spelled out) is no change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from sandbox.gcp.resource import Properties, ResourceType, covers, known
from sandbox.plugin.values import changed_paths

Change = Literal["add", "delete", "update"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The outcome: each changed path, those that force a replacement, and its order."""

    changes: dict[str, Change] = field(default_factory=dict[str, Change])
    replaces: tuple[str, ...] = ()
    delete_first: bool = False


def compare(kind: ResourceType, old_inputs: Properties, state: Properties, inputs: Properties) -> Difference:
    """The difference between what is and what the program wants."""
    before, after = _normal(kind, old_inputs), _normal(kind, inputs)
    reality = _normal(kind, state)
    changes: dict[str, Change] = {}
    for path, change in changed_paths(before, after).items():
        if path.startswith("__") or _is_void(kind, path, change, reality, after):
            continue
        changes[path] = cast(Change, change)
    replaces = tuple(sorted(path for path in changes if _replaces(kind, path, old_inputs, inputs)))
    return Difference(
        changes=changes, replaces=replaces, delete_first=bool(replaces) and _same_identity(kind, old_inputs, inputs)
    )


def same(kind: ResourceType, one: Any, other: Any, path: str) -> bool:
    """Whether two values of the property at `path` mean the same."""
    return _walk(kind, one, path) == _walk(kind, other, path)


def _replaces(kind: ResourceType, path: str, old: Properties, new: Properties) -> bool:
    if covers(kind.force_new, path):
        return True
    if kind.replaces is None:
        return False
    if kind.replaces(old, new, path):
        return True
    # a whole block that appears or disappears, or is not known yet, stands for all of its parts
    parts = [entry for entry in kind.force_new if entry.startswith(f"{path}.")]
    return any(not known(new.get(path)) for _ in parts) and path in new


def _is_void(kind: ResourceType, path: str, change: str, reality: Properties, after: Properties) -> bool:
    """Whether a changed input changes nothing: it says what is so anyway, or it is left to the cloud."""
    if change == "delete":
        top = re.split(r"[.\[]", path, maxsplit=1)[0]
        return covers(kind.computed.union(kind.scope), path) and top in reality
    wanted = _lookup(after, path)
    return wanted is not None and known(wanted) and _contains(_lookup(reality, path), wanted)


def _contains(actual: Any, wanted: Any) -> bool:
    """Whether everything wanted is so already."""
    if isinstance(wanted, dict):
        found = cast(Properties, actual) if isinstance(actual, dict) else {}
        return all(_contains(found.get(key), item) for key, item in cast(Properties, wanted).items())
    return actual == wanted and type(actual) is type(wanted)


def _same_identity(kind: ResourceType, old: Properties, new: Properties) -> bool:
    """Whether the replacement would have the id of what it replaces, so that both cannot exist at once."""
    if "name" in cast(list[str], new.get("__defaults") or []):
        return False
    return all(same(kind, old.get(name), new.get(name), name) for name in re.findall(r"\{(\w+)\}", kind.id))


def _normal(kind: ResourceType, properties: Properties) -> Properties:
    """`properties` with links reduced to names and sets sorted."""
    return cast(Properties, _walk(kind, {k: v for k, v in properties.items() if not k.startswith("__")}, ""))


def _walk(kind: ResourceType, value: Any, path: str) -> Any:
    if isinstance(value, dict):
        items = cast(Properties, value).items()
        return {
            k: _walk(kind, v, f"{path}.{k}" if path else k) for k, v in items if v is not None and k != "__defaults"
        }
    if isinstance(value, list):
        walked = [_walk(kind, item, path) for item in cast(list[Any], value)]
        return sorted(walked, key=repr) if path in kind.sets else walked
    if path in kind.links and isinstance(value, str):
        return value.rstrip("/").rsplit("/", 1)[-1]
    return value


def _lookup(properties: Properties, path: str) -> Any:
    found: Any = properties
    for part in re.findall(r'\["[^"]*"\]|\[\d+\]|[^.\[\]]+', path):
        if part.startswith('["'):
            found = cast(Properties, found).get(part[2:-2]) if isinstance(found, dict) else None
        elif part.startswith("["):
            items = cast(list[Any], found) if isinstance(found, list) else []
            found = items[int(part[1:-1])] if int(part[1:-1]) < len(items) else None
        else:
            found = cast(Properties, found).get(part) if isinstance(found, dict) else None
    return found
