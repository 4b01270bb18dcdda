"""What the provider knows of one resource type: identity, defaults, and what a change of a property means.

The rules are those of the Terraform provider that the official plugin is built from (google v8, its `Default`,
`ForceNew`, `Optional + Computed` and `DiffSuppressFunc`), restated per type in the modules next to this one.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.plugin.values import has_unknowns

Properties = dict[str, Any]

AUTONAME_DIGITS: Final = 7
"""Hexadecimal digits the official plugin appends to a logical name."""


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """The provider's own configuration, which completes a resource's identity."""

    project: str = ""
    region: str = ""
    zone: str = ""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


def _no_checks(_: Properties) -> list[tuple[str, str]]:
    return []


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """One resource type."""

    type: str
    """`gcp:compute/network:Network`"""
    kind: str
    """The simulated cloud's name for it: `compute.networks`."""
    noun: str
    """How the official provider's error texts call it: `Network`."""
    id: str
    """The resource's id, with property names in braces."""
    imports: tuple[str, ...] = ()
    """Other forms of the id that `import` and `get` take; the id's own form is always one."""
    scope: tuple[str, ...] = ("project",)
    """Properties that default to the provider's configuration: project, region, location."""
    autoname: bool = True
    """Whether `name` is made from the logical name when it is missing."""
    required: tuple[str, ...] = ()
    """Required beyond what the SDK's arguments demand."""
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Values the provider writes into missing inputs."""
    force_new: frozenset[str] = frozenset()
    """Paths whose change replaces the resource, parts included: `placementPolicy`, `nodeConfig.spot`."""
    computed: frozenset[str] = frozenset()
    """Inputs the cloud fills in when they are missing: removing one from the program changes nothing."""
    links: frozenset[str] = frozenset()
    """Paths where a bare name, a path and a URL of the same resource are equal."""
    sets: frozenset[str] = frozenset()
    """Paths of lists whose order means nothing."""
    enums: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Path -> the values the provider takes."""
    unsettles: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Input -> outputs that are not known at preview when it changes."""
    labels: str = ""
    """The property with labels, if the type has any; `effectiveLabels` and `pulumiLabels` follow from it."""
    parent: tuple[str, str] | None = None
    """A property that may hold the whole path of the resource this one is in, and that path's form: its parts are then
    this resource's scope."""
    checks: Callable[[Properties], list[tuple[str, str]]] = _no_checks
    """Further client-side validation: (path, what is wrong) of known inputs."""
    replaces: Callable[[Properties, Properties, str], bool] | None = None
    """Decides for paths where it depends on the values: (old inputs, new inputs, path)."""

    def complete(self, inputs: Properties, provider: Defaults) -> Properties:
        """`inputs` with identity taken from the provider's configuration where the program left it out."""
        completed = {**inputs, **self._scope_of_parent(inputs)}
        for name in self.scope:
            if completed.get(name):
                continue
            value = {
                "project": provider.project,
                "region": provider.region,
                "location": provider.zone or provider.region,
            }[name]
            if value:
                completed[name] = value
        return completed

    def _scope_of_parent(self, inputs: Properties) -> Properties:
        if self.parent is None:
            return {}
        name, form = self.parent
        path = re.fullmatch(_pattern(form), str(inputs.get(name)))
        return {part: path[part] for part in self.scope} if path else {}

    def resource_id(self, properties: Properties) -> str:
        """The id of the resource with these properties.

        Raises:
            ValueError: a property of the id is missing, named by its path.
        """

        def value(match: re.Match[str]) -> str:
            found = properties.get(match[1])
            if not found:
                raise ValueError(f"{match[1]}: required field is not set")
            text = str(found)
            return (
                text
                if match[1] in {"role", "member", "service", "cryptoKeyId"}
                else text.rstrip("/").rsplit("/", 1)[-1]
            )

        return re.sub(r"\{(\w+)\}", value, self.id)

    def parse_id(self, resource_id: str, provider: Defaults) -> Properties | None:
        """The identifying properties in an id of any accepted form, or None when it has none of them."""
        for form in (self.id, *self.imports):
            match = re.fullmatch(_pattern(form), resource_id)
            if match is None:
                continue
            found = self.complete(dict(match.groupdict()), provider)
            if all(found.get(name) for name in re.findall(r"\{(\w+)\}", self.id)):
                return found
        return None


def _pattern(form: str) -> str:
    parts = re.split(r"(\{\w+\})", form)
    seen: set[str] = set()
    pattern = ""
    for part in parts:
        if not part.startswith("{"):
            pattern += re.escape(part)
        elif part[1:-1] in seen:
            pattern += f"(?P={part[1:-1]})"
        else:
            seen.add(part[1:-1])
            body = ".+" if part in {"{role}", "{member}", "{cryptoKeyId}"} else "[^/ ]+"
            pattern += f"(?P<{part[1:-1]}>{body})"
    return pattern


def physical_name(urn: str, random_seed: bytes) -> str:
    """The name of a resource that was given none: its logical name and random hexadecimal digits."""
    logical = urn.rsplit("::", 1)[-1]
    drawn = random_seed.hex() if random_seed else secrets.token_hex(4)
    return f"{logical}-{drawn[:AUTONAME_DIGITS]}"


def covers(paths: frozenset[str], path: str) -> bool:
    """Whether `path` is one of `paths` or a part of one; list indices do not count."""
    plain = re.sub(r"\[[^\]]*\]", "", path)
    return any(plain == entry or plain.startswith(f"{entry}.") for entry in paths) or any(
        path.startswith(f"{entry}[") for entry in paths
    )


def known(value: Any) -> bool:
    """Whether a value is there and fully known."""
    return value is not None and not has_unknowns(value)
