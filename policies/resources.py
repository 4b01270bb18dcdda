"""Engine resources as policies see them: which kind, which name, and their properties as plain values.

Owns the ways one Kubernetes object can be written in Pulumi: a generated class, `CustomResource`, a class of crd2pulumi
or of a provider extension (`<package>:<group>/<version>:<Kind>`), or a `…Patch` of either. What the properties say
(`apiVersion`, `kind`) counts more than the token. Does not judge anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final, cast, overload

from pulumi_policy import PolicyProviderResource, PolicyResource

from policies.inputs import INPUTS
from policies.reading import Field, Unknown, plain, plain_once

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
    return _read(token, props, urn, provider, wanted) if _wanted(token, wanted) else None


def _read(
    token: str,
    props: Mapping[str, Any] | None,
    urn: str,
    provider: PolicyProviderResource | None,
    wanted: frozenset[str],
) -> Resource | None:
    """As `read_resource`, of a token that may be wanted."""
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
    if base and base not in wanted:
        return None
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
    may_be_wanted = (r for r in resources if _wanted(r.resource_type, wanted))
    read = (_read(r.resource_type, _seen(r), r.urn, r.provider, wanted) for r in may_be_wanted)
    return [resource for resource in read if resource is not None]


def _wanted(token: str, wanted: frozenset[str]) -> bool:
    """Whether the kind may be wanted, as far as the token tells."""
    kind = token.rsplit(":", 1)[-1]
    if token.startswith("gcp:"):
        return kind in wanted
    return kind.removesuffix("Patch") in wanted or kind in _UNTYPED


def _seen(resource: PolicyResource) -> Mapping[str, Any] | None:
    inputs, outputs = INPUTS.of(resource.urn), resource.props
    if not len(outputs):
        return inputs
    held = _READ.get(resource.urn)
    if held is not None and held.inputs is inputs and held.outputs is outputs:
        return held.value
    if inputs is None or inputs is outputs:
        combined = plain(outputs)
    else:
        combine = declared if resource.resource_type.startswith("kubernetes:") else completed
        combined = combine(plain(inputs), plain(outputs))
    _READ[resource.urn] = _Read(inputs, outputs, Plain(combined))
    return _READ[resource.urn].value


class Plain(dict[str, Any]):
    """Properties that `reading.plain` has been through."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What became of the properties of a resource, which every policy over the stack asks for."""

    inputs: Mapping[str, Any] | None
    outputs: Mapping[str, Any]
    value: Plain


_READ: Final[dict[str, _Read]] = {}
"""By URN; one of each, so it grows no further than the stack."""


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
