"""Fault scripts: which errors the simulated Google Cloud is to give, and when. `make up FAULTS=path.yaml`.

Owns the form of a script and the messages for a wrong one. What a fault does is `sandbox.cloud.faults`' business. A script
is deterministic: attempts are counted per resource, and chances are drawn from the seed, so that it plays out the same
whatever order the engine takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

Operation = Literal["create", "read", "update", "delete", "*"]

Effect = Literal[
    "stockout",
    "quotaExceeded",
    "rateLimit",
    "operationInProgress",
    "clusterBusy",
    "serverError",
    "permissionDenied",
    "slow",
    "neverEnding",
    "degraded",
    "responseLost",
    "notFound",
]

CLUSTERS: Final = "container.clusters"
POOLS: Final = "container.nodePools"
READERS: Final = "secretmanager.iamMembers"
"""Grants on secrets."""

ONLY_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "stockout": (POOLS,),
    "degraded": (CLUSTERS,),
    "clusterBusy": (CLUSTERS, POOLS),
    "notFound": (READERS,),
}
"""Effects that strike some types only."""

ONLY_OPERATIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "stockout": ("create", "update"),
    "degraded": ("create", "update"),
    "quotaExceeded": ("create", "update"),
    "clusterBusy": ("create", "update", "delete"),
    "operationInProgress": ("create", "update", "delete"),
    "slow": ("create", "update", "delete"),
    "neverEnding": ("create", "update", "delete"),
    "responseLost": ("create", "update", "delete"),
    "notFound": ("create", "read"),
}
"""Effects that strike some operations only."""

CODES: Final[Mapping[str, tuple[int, ...]]] = {"serverError": (503, 500, 502, 504), "rateLimit": (429, 403)}
"""HTTP codes an effect can have; the first is what it has unless the script says otherwise."""


class FaultScriptError(Exception):
    """The script cannot be used; the message says where, why and what to write."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Match(_Model):
    """What a fault strikes. Left out is everything; texts are globs (`*`, `?`, `[ab]`)."""

    type: str = "*"
    """The API's name of a kind of resource: container.nodePools, compute.*"""
    name: str = "*"
    """The resource's name, or its whole id; of what has a number for a name (alert policies, dashboards) the display name."""
    operation: Operation = "*"
    zone: str = "*"
    """A zone or region the resource is in; a node pool counts for each of its zones."""


class Fault(_Model):
    """One fault."""

    effect: Effect
    match: Match = Match()
    attempt: Annotated[int, Field(ge=1)] = 1
    """Strikes from this request or operation on; counted per resource, from 1."""
    count: Annotated[int, Field(ge=1)] | Literal["always"] = 1
    """How often it strikes each resource."""
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Chance of each strike, drawn from the script's seed."""
    seconds: Annotated[float, Field(gt=0)] | None = None
    """How much longer the operation takes, in GKE's seconds; for effect slow, which requires it."""
    code: int | None = None
    """HTTP code, for serverError and rateLimit."""
    message: Annotated[str, Field(min_length=1)] | None = None
    """The error's text in place of the real API's."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.effect == "slow") != (self.seconds is not None):
            why = "slow needs it" if self.effect == "slow" else f"{self.effect} takes none"
            _refuse("seconds", self.seconds, why, "seconds: 600 with effect: slow, and leave it out otherwise")
        if self.code is not None and self.code not in CODES.get(self.effect, ()):
            known = "; ".join(f"{', '.join(map(str, codes))} for {effect}" for effect, codes in CODES.items())
            _refuse("code", self.code, f"{self.effect} has no such code", f"one of {known}, or leave it out")
        types = ONLY_TYPES.get(self.effect, ())
        if types and not any(fnmatchcase(name, self.match.type) for name in types):
            _refuse("match.type", self.match.type, f"{self.effect} does not happen to it", f"one of {', '.join(types)}")
        operations = ONLY_OPERATIONS.get(self.effect, ())
        if operations and self.match.operation not in {*operations, "*"}:
            why = f"{self.effect} does not happen to it"
            _refuse("match.operation", self.match.operation, why, f"one of {', '.join(operations)}")
        return self


class Script(_Model):
    """A fault script."""

    seed: int = 0
    """Chances are drawn from it: the same seed strikes the same attempts."""
    faults: tuple[Fault, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The script as it is written."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _refuse(field: str, value: object, reason: str, instead: str) -> None:
    shown = "not set" if value is None else repr(value)
    context = {"field": field, "value": shown, "reason": reason, "instead": instead}
    raise PydanticCustomError("refused", "{field}: {value}: {reason}. Write {instead}.", context)


def parse(content: object, types: Sequence[str] = ()) -> Script:
    """The script in `content`, parsed YAML or JSON. `types` are the kinds of resource there are, if they are known.

    Raises:
        FaultScriptError: one line per mistake: the field, its value, why not, what to write.
    """
    if not isinstance(content, dict):
        raise FaultScriptError("the script is no block. Write faults: and a list of faults under it.")
    try:
        script = Script.model_validate(content)
    except ValidationError as error:
        lines = {_path(item["loc"]): _line(cast("dict[str, Any]", item)) for item in reversed(error.errors())}
        raise FaultScriptError("\n".join(reversed(lines.values()))) from None
    for index, fault in enumerate(script.faults):
        if types and not any(fnmatchcase(name, fault.match.type) for name in types):
            raise FaultScriptError(
                f"faults[{index}].match.type: {fault.match.type!r}: no such type. Write one of {', '.join(sorted(types))}."
            )
    return script


def load(path: Path, types: Sequence[str] = ()) -> Script:
    """The script in a YAML file.

    Raises:
        FaultScriptError: as `parse`, also when the file cannot be read.
    """
    try:
        return parse(yaml.safe_load(path.read_text(encoding="utf-8")), types)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FaultScriptError(f"{path}: {reason}. Write the path of a fault script, such as {EXAMPLE}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FaultScriptError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from None
    except FaultScriptError as error:
        lines = [f"{path}: {line}" for line in str(error).splitlines()]
        raise FaultScriptError("\n".join(lines)) from None


EXAMPLE: Final = "examples/faults/stockout.yaml"


def _path(location: Sequence[int | str]) -> str:
    path = ""
    for part in location:
        if part in {"constrained-int", "literal['always']"}:  # which of count's two forms was tried
            continue
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _line(error: Mapping[str, Any]) -> str:
    path = _path(error["loc"])
    if error["type"] == "refused":
        return f"{path}.{error['msg']}" if path else str(error["msg"])
    value = error.get("input")
    if error["type"] == "missing":
        return f"{path}: not set. Write {_remedy(path)}."
    if error["type"] == "extra_forbidden":
        return f"{path}: no such field. Write one of {_fields(path)}."
    reasons = {"literal_error": "no such word", "tuple_type": "this is no list", "model_type": "this is no block"}
    reason = reasons.get(str(error["type"]), str(error["msg"])[0].lower() + str(error["msg"])[1:])
    return f"{path}: {value!r}: {reason}. Write {_remedy(path)}."


def _remedy(path: str) -> str:
    return {
        "effect": f"one of {', '.join(Effect.__args__)}",
        "operation": f"one of {', '.join(Operation.__args__)}",
        "attempt": "a number from 1",
        "count": "a number from 1, or always",
        "probability": "a number above 0, up to 1",
        "seconds": "a number of GKE's seconds, such as 600",
        "code": "an HTTP code such as 503",
        "seed": "a whole number",
        "faults": "a list of faults",
        "match": "a block with type, name, operation or zone",
    }.get(path.rsplit(".", 1)[-1], "a text")


def _fields(path: str) -> str:
    parent = path.rpartition(".")[0]
    model = Script if not parent else Match if parent.endswith("match") else Fault
    return ", ".join(to_camel(name) for name in model.model_fields)
