"""Checking the inputs of one object: apiVersion and kind, its name, its namespace.

Needs no API server for kinds it knows, and none for a resource that is already in the state: a preview of an unchanged
stack makes no connection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from sandbox.plugin.values import Properties, is_unknown

from .objects import AUTONAMED, annotation, member, without_nulls
from .tokens import is_namespaced, parse_token


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One input that is wrong."""

    property: str
    reason: str


class Naming(Enum):
    """How a name is made for an object that has none."""

    PROPOSE = 0
    ENFORCE = 1
    DISABLE = 2


@dataclass(frozen=True, kw_only=True)
class AutoName:
    """The engine's wish for the name of an object that has none."""

    logical_name: str
    seed: bytes = b""
    proposed: str = ""
    mode: Naming = Naming.PROPOSE

    def make(self) -> str:
        """A name: the proposed one, or the logical name with eight random characters.

        Raises:
            ValueError: the stack's configuration wants names to be written out.
        """
        if self.mode is Naming.DISABLE:
            raise ValueError("automatic naming is turned off (pulumi:autonaming); write the name out")
        if self.proposed:
            return self.proposed
        return f"{self.logical_name}-{hashlib.sha256(self.seed or self.logical_name.encode()).hexdigest()[:8]}"


def check_object(
    token: str,
    news: Mapping[str, Any],
    olds: Mapping[str, Any],
    naming: AutoName,
    *,
    default_namespace: str = "default",
    discover: Callable[[str, str], bool | None] | None = None,
) -> tuple[Properties, list[Failure]]:
    """The complete inputs of the object `news`, and what is wrong with it.

    `discover` asks the API server whether a kind is namespaced, and may answer None; it is asked only for a new object
    of a kind that this provider does not know.
    """
    api_version, kind = parse_token(token)
    inputs = cast("Properties", without_nulls(dict(news)))
    failures = [
        Failure(property=field, reason=f"{field} must be known at preview; write it as a constant")
        for field in ("apiVersion", "kind")
        if is_unknown(inputs.get(field))
    ]
    inputs.setdefault("apiVersion", api_version)
    inputs.setdefault("kind", kind)
    if kind == f"{inputs['kind']}Patch":
        reason = f"{token} is not supported by the sandbox's bridge; declare the whole {inputs['kind']} instead"
        failures.append(Failure(property="kind", reason=reason))
    metadata = inputs.get("metadata", {})
    if not isinstance(metadata, dict) and not is_unknown(metadata):
        failures.append(Failure(property="metadata", reason=f"metadata must be an object, not {metadata!r}"))
    if failures or not isinstance(metadata, dict):
        return inputs, failures
    complete: Properties = dict(cast("Properties", metadata))
    inputs["metadata"] = complete
    failures = _name(complete, olds, naming)
    api_version, kind = str(inputs["apiVersion"]), str(inputs["kind"])
    namespaced = is_namespaced(api_version, kind)
    if complete.get("namespace", "") == "":
        complete.pop("namespace", None)
        if namespaced is None and olds:
            namespaced = bool(member(olds, "metadata", "namespace"))
        elif namespaced is None and discover is not None:
            namespaced = discover(api_version, kind)
        if namespaced:
            complete["namespace"] = default_namespace
    elif namespaced is False and not is_unknown(complete["namespace"]):
        reason = f"a {kind} has no namespace; remove metadata.namespace {complete['namespace']!r}"
        failures.append(Failure(property="metadata.namespace", reason=reason))
    return inputs, failures


def _name(metadata: Properties, olds: Mapping[str, Any], naming: AutoName) -> list[Failure]:
    if metadata.get("generateName"):
        reason = "generateName is not supported by the sandbox's bridge; give metadata.name, or none for a random one"
        return [Failure(property="metadata.generateName", reason=reason)]
    if metadata.get("name"):
        return []
    name = member(olds, "metadata", "name") if annotation(olds, AUTONAMED) == "true" else None
    try:
        metadata["name"] = name or naming.make()
    except ValueError as error:
        return [Failure(property="metadata.name", reason=str(error))]
    annotations = metadata.get("annotations")
    if annotations is None or isinstance(annotations, dict):
        metadata["annotations"] = {**cast("Properties", annotations or {}), AUTONAMED: "true"}
    return []
