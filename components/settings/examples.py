"""A block of settings as one would begin to write it, on one line of YAML, for errors about blocks that are missing.

Derived from what the groups require; owns the few values that no type tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel

from components.settings.cluster import Cluster
from components.settings.edge import CloudArmor
from components.settings.gateway import Gateway, Tls
from components.settings.phrases import PHRASES
from components.settings.places import Place, unwrapped

_BEGUN: Final[Mapping[type[BaseModel], str]] = {
    Cluster: "{authorizedNetworks: [{name: office, cidr: 203.0.113.0/24}]}",
    Gateway: "{tls: {certificateManager: [CERTIFICATE]}}",
    Tls: "{certificateManager: [CERTIFICATE]}",
    CloudArmor: "{allowedCidrs: [203.0.113.0/24]}",
}
"""Groups that require no single field, but one of several."""

_VALUES: Final[Mapping[str, str]] = {
    "uri": "hf://ORGANIZATION/MODEL",
    "image": "IMAGE:TAG",
    "cidr": "203.0.113.0/24",
    "readiness": "/ready",
    "liveness": "/live",
    "serving": "/",
    "secret": "SECRET",
    "members": "group:models@example.com",
    "begin": '"2026-12-20T00:00:00Z"',
    "until": '"2026-12-27T00:00:00Z"',
    "pools": "POOL",
    "pool": "POOL",
}
"""Values of fields whose type says too little, by the field's name."""


def example(annotation: Any, name: str = "") -> str | None:
    """YAML for a block or a list of blocks; None for a single value."""
    bare = unwrapped(annotation)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        return _block(bare)
    origin = get_origin(bare)
    if origin is tuple:
        item = get_args(bare)[0]
        return f"[{example(item, name) or _value(Place(annotation=item), name)}]"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        item = get_args(bare)[1]
        return f"{{NAME: {example(item) or 'value'}}}"
    return None


def _block(group: type[BaseModel]) -> str | None:
    if group in _BEGUN:
        return _BEGUN[group]
    fields = {info.alias or name: (name, info) for name, info in group.model_fields.items() if info.is_required()}
    if not fields:
        name, info = next(iter(group.model_fields.items()))
        fields = {info.alias or name: (name, info)}
    parts: list[str] = []
    for alias, (name, info) in fields.items():
        at = Place(annotation=info.annotation, owner=group, field=name, info=info)
        parts.append(f"{alias}: {example(info.annotation, name) or _value(at, name)}")
    return f"{{{', '.join(parts)}}}"


def _value(at: Place, name: str) -> str:
    if name in _VALUES:
        return _VALUES[name]
    phrase = PHRASES.get(at.pattern or "")
    if phrase is not None:
        return phrase.example
    bare = unwrapped(at.annotation)
    if get_origin(bare) is Literal:
        return str(get_args(bare)[0])
    return {bool: "true", int: "1", float: "1.0"}.get(bare, "VALUE")
