"""Engine resources as policies see them: which kind, which name, and their properties as plain values.

Owns the ways one Kubernetes object can be written in Pulumi: a generated class, `CustomResource`, a class of crd2pulumi
or of a provider extension (`<package>:<group>/<version>:<Kind>`), or a `…Patch` of either. What the properties say
(`apiVersion`, `kind`) counts more than the token. Does not judge anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from operator import is_, itemgetter
from typing import Any, Final, cast, overload

from pulumi_policy import PolicyProviderResource, PolicyResource

from policies.inputs import INPUTS
from policies.reading import Field, Plain, Unknown, plain, plain_once

_UNTYPED: Final = frozenset({"CustomResource", "CustomResourcePatch"})
_CORE_GROUPS: Final = frozenset({"core", ""})
DEFAULT_NAMESPACE: Final = "default"

Name = str | Unknown


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource, read once."""

    urn: str
    token: str
    """The engine's type token."""
    kind: str
    """Last part of the token, or the Kubernetes kind; empty when it cannot be known."""
    group: str
    """Kubernetes API group; empty for the core group and for what is no Kubernetes object."""
    namespace: Name
    name: Name
    props: Field
    parent: str = ""
    """URN of the component it belongs to; empty where there is none, and in policies that judge resources together."""

    @property
    def label(self) -> str:
        """How a message names it."""
        if not self.is_kubernetes:
            return f"{self.kind} '{self.urn.rsplit('::', 1)[-1]}'"
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def is_kubernetes(self) -> bool:
        """Whether it is a Kubernetes object."""
        return not self.token.startswith("gcp:")

    @property
    def key(self) -> tuple[Name, Name]:
        """Namespace and name."""
        return (self.namespace, self.name)

    def at(self, *steps: str) -> Field:
        """A field of its properties."""
        return self.props.at(*steps)


def read_resource(
    token: str,
    props: Mapping[str, Any] | None,
    urn: str,
    provider: PolicyProviderResource | None,
    wanted: frozenset[str],
) -> Resource | None:
    """The resource if its kind is wanted, else None; the cheap look at the token comes before any reading.

    Without `props` every property of it is unknown.
    """
    if not _wanted(token, wanted):
        return None
    resource = _read(token, props, urn, provider)
    return resource if resource is not None and _is(resource, wanted) else None


def _read(
    token: str, props: Mapping[str, Any] | None, urn: str, provider: PolicyProviderResource | None
) -> Resource | None:
    """The resource, of whatever kind; None for what is no resource of Google Cloud or Kubernetes."""
    kind = token.rsplit(":", 1)[-1]
    base = kind.removesuffix("Patch")
    root = Field("", Unknown() if props is None else plain_once(props))
    if token.startswith("gcp:"):
        return Resource(urn, token, kind, "", "", _name(root.at("name")), root)
    written = root.at("kind").of(str)
    if not token.startswith("kubernetes:") and written.missing and root.at("apiVersion").missing:
        return None  # a component that is called like a kind
    if written.known:
        base = str(written.value)
    elif kind in _UNTYPED:
        base = ""
    return Resource(
        urn,
        token,
        base,
        _group(root.at("apiVersion"), token),
        _namespace(root, provider),
        _name(root.at("metadata", "name")),
        root,
    )


def read_stack(resources: Iterable[PolicyResource], wanted: frozenset[str]) -> list[Resource]:
    """The wanted resources of a stack, by their outputs; by their inputs where there are no outputs yet.

    What the program declares goes before what came of it. Of Kubernetes objects nothing else counts: the API server's answer is
    full of defaults, and a Deployment that leaves `replicas` to an autoscaler comes back with `replicas: 1`.
    """
    return _reading(list(resources)).of(wanted)


@cache
def _wanted(token: str, wanted: frozenset[str]) -> bool:
    """Whether the kind may be wanted, as far as the token tells."""
    kind = token.rsplit(":", 1)[-1]
    if token.startswith("gcp:"):
        return kind in wanted
    return kind.removesuffix("Patch") in wanted or kind in _UNTYPED


def _is(resource: Resource, wanted: frozenset[str]) -> bool:
    """Whether the kind is wanted, or may be."""
    return not resource.kind or resource.kind in wanted


class _Reading:
    """The resources of one stack, each read when first asked for, for all policies that are given the same ones."""

    def __init__(self, given: list[PolicyResource], changes: int) -> None:
        self._given = given
        self._changes = changes
        self._by_token: dict[str, list[int]] = {}
        for index, resource in enumerate(given):
            self._by_token.setdefault(resource.resource_type, []).append(index)
        self._read: dict[str, list[tuple[int, Resource]]] = {}

    def holds(self, given: list[PolicyResource], changes: int) -> bool:
        """Whether these are the same resources, with the same inputs and outputs."""
        if changes != self._changes or len(given) != len(self._given):
            return False
        return all(map(is_, given, self._given)) or all(map(_same_resource, given, self._given))

    def of(self, wanted: frozenset[str]) -> list[Resource]:
        """The resources of wanted kinds, in their order."""
        found: list[tuple[int, Resource]] = []
        for token in self._by_token:
            if _wanted(token, wanted):
                found += [entry for entry in self._of_token(token) if _is(entry[1], wanted)]
        return [resource for _, resource in sorted(found, key=itemgetter(0))]

    def _of_token(self, token: str) -> list[tuple[int, Resource]]:
        if token not in self._read:
            seen = ((index, _seen(self._given[index])) for index in self._by_token[token])
            self._read[token] = [(index, resource) for index, resource in seen if resource is not None]
        return self._read[token]


_LAST: Final[list[_Reading]] = []
"""What was read last; at most one."""


def _reading(given: list[PolicyResource]) -> _Reading:
    changes = INPUTS.changes
    for last in _LAST:
        if last.holds(given, changes):
            return last
    made = _Reading(given, changes)
    _LAST[:] = [made]
    return made


def _same_resource(one: PolicyResource, other: PolicyResource) -> bool:
    """Whether both are one resource with one content; the SDK hands every policy objects of its own."""
    return one.props is other.props and one.urn == other.urn and _props(one.provider) is _props(other.provider)


def _props(provider: PolicyProviderResource | None) -> Mapping[str, Any] | None:
    return None if provider is None else provider.props


def _seen(resource: PolicyResource) -> Resource | None:
    combined = _combined(resource, INPUTS.of(resource.urn))
    return _read(resource.resource_type, combined, resource.urn, resource.provider)


def _combined(resource: PolicyResource, inputs: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The properties of a resource by its inputs and outputs; None where neither was seen."""
    outputs = resource.props
    if not len(outputs):
        return inputs
    if inputs is None or inputs is outputs:
        return outputs
    combine = declared if resource.resource_type.startswith("kubernetes:") else completed
    return Plain(combine(plain_once(inputs), plain_once(outputs)))


def completed(inputs: Any, outputs: Any) -> Any:
    """What the program declares, with what the cloud is known to add. A field that the program leaves to the cloud, and
    that is not known yet, is not written anywhere: at a preview every subnet's `purpose` is unknown otherwise.
    """
    if isinstance(inputs, dict) and isinstance(outputs, dict):
        written, made = cast("dict[str, Any]", inputs), cast("dict[str, Any]", outputs)
        added = {key: value for key, value in made.items() if key not in written and not isinstance(value, Unknown)}
        return {**added, **{key: completed(value, made.get(key)) for key, value in written.items()}}
    return declared(inputs, outputs)


def declared(inputs: Any, outputs: Any) -> Any:
    """What the program declares, with what was not known to it taken from what came of it."""
    if isinstance(inputs, Unknown):
        return inputs if outputs is None else outputs
    if isinstance(inputs, dict):
        below = cast("dict[str, Any]", outputs) if isinstance(outputs, dict) else {}
        return {key: declared(value, below.get(key)) for key, value in cast("dict[str, Any]", inputs).items()}
    if isinstance(inputs, list) and isinstance(outputs, list):
        pairs = zip_longest(cast("list[Any]", inputs), cast("list[Any]", outputs)[: len(cast("list[Any]", inputs))])
        return [declared(value, below) for value, below in pairs]
    return inputs


def _group(api_version: Field, token: str) -> str:
    text = api_version.get(str)
    if text is None:
        parts = token.split(":")
        text = parts[1] if len(parts) == 3 else ""
    group = text.split("/", 1)[0] if "/" in text else ""
    return "" if group in _CORE_GROUPS else group


def _namespace(root: Field, provider: PolicyProviderResource | None) -> Name:
    field = root.at("metadata", "namespace")
    if field.missing and provider is not None:
        field = Field("namespace", plain(provider.props)).at("namespace")
    return DEFAULT_NAMESPACE if field.missing else _name(field)


def _name(field: Field) -> Name:
    text = field.get(str)
    if text is not None:
        return text
    return field.value if isinstance(field.value, Unknown) else Unknown("it is generated by the provider")


class Index(Sequence[Resource]):
    """Resources that are found by namespace and name without looking at each: joins over a stack stay linear."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._all = list(resources)
        self._known: dict[tuple[Name, Name], list[Resource]] = {}
        self._unclear: list[Resource] = []
        for resource in self._all:
            if _is_clear(resource.key):
                self._known.setdefault(resource.key, []).append(resource)
            else:
                self._unclear.append(resource)

    def find(self, key: tuple[Name, Name]) -> tuple[list[Resource], list[Resource]]:
        """The resources that certainly have that namespace and name, and those that may have them."""
        if not _is_clear(key):
            return [], [resource for resource in self._all if same_key(key, resource.key) is None]
        return list(self._known.get(key, ())), [r for r in self._unclear if same_key(key, r.key) is None]

    @overload
    def __getitem__(self, index: int) -> Resource: ...
    @overload
    def __getitem__(self, index: slice) -> list[Resource]: ...
    def __getitem__(self, index: int | slice) -> Resource | list[Resource]:
        return self._all[index]

    def __len__(self) -> int:
        return len(self._all)


def _is_clear(key: tuple[Name, Name]) -> bool:
    return not any(isinstance(part, Unknown) for part in key)


def same(one: Name, other: Name) -> bool | None:
    """Whether two names are the same; None when that cannot be told."""
    if isinstance(one, Unknown) or isinstance(other, Unknown):
        return None
    return one == other


def same_key(one: tuple[Name, Name], other: tuple[Name, Name]) -> bool | None:
    """Whether two (namespace, name) pairs are the same; None when that cannot be told."""
    verdicts = [same(a, b) for a, b in zip(one, other, strict=True)]
    if False in verdicts:
        return False
    return None if None in verdicts else True
