"""Which backends stand behind which Gateway: the joins between routes, Gateways and LLMInferenceServices of a stack.

Owns references and their resolution, unknown ones included. Does not judge: `gateway_class.py` and `health_checks.py`
do. A reference that resolves to nothing in the stack points to somebody else's object, about which nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, cast

from policies.reading import Field, Unknown
from policies.resources import Index, Name, Resource
from rules.gateway import (
    GATEWAY_GROUP,
    INFERENCE_POOL,
    INFERENCE_POOL_GROUP,
    RETIRED_INFERENCE_POOL_GROUP,
)
from rules.kserve import (
    GROUP,
    LLM_INFERENCE_SERVICE,
    LLM_INFERENCE_SERVICE_CONFIG,
    SYSTEM_NAMESPACE,
    GeneratedNames,
)

KINDS: Final = ("Gateway", "HTTPRoute", LLM_INFERENCE_SERVICE, LLM_INFERENCE_SERVICE_CONFIG)


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to an object: what is written, with the defaults filled in."""

    field: Field
    """The reference as a whole, for messages."""
    group: Name
    kind: Name
    namespace: Name
    name: Name

    @property
    def key(self) -> tuple[Name, Name]:
        """Namespace and name."""
        return (self.namespace, self.name)

    @property
    def first_unknown(self) -> Field | None:
        """A part of the reference that nobody knows."""
        return next(self.field.unknowns(), None)


def reference(field: Field, *, group: str, kind: str | None, namespace: Name) -> Reference:
    """Reads an object reference; the arguments are the defaults of its parts."""

    def part(name: str, default: Name | None) -> Name:
        value = field.at(name).of(str)
        if value.unknown:
            return cast("Unknown", value.value)
        if value.missing:
            return Unknown("it is not written") if default is None else default
        return cast("str", value.value)

    return Reference(field, part("group", group), part("kind", kind), part("namespace", namespace), part("name", None))


def resolve(ref: tuple[Name, Name], candidates: Index) -> tuple[list[Resource], list[Resource]]:
    """The candidates the reference certainly means, and those it may mean."""
    return candidates.find(ref)


class Stack:
    """The resources of a stack that have to do with routing."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        found = list(resources)

        def of(kind: str, group: str) -> Index:
            return Index(r for r in found if r.kind == kind and r.group == group)

        self.gateways = of("Gateway", GATEWAY_GROUP)
        self.routes = of("HTTPRoute", GATEWAY_GROUP)
        self.services = [Service(r, self) for r in of(LLM_INFERENCE_SERVICE, GROUP)]
        self.configs = of(LLM_INFERENCE_SERVICE_CONFIG, GROUP)

    def config(self, name: str, namespace: Name) -> Resource | None:
        """The LLMInferenceServiceConfig that KServe finds under that name: own namespace first, then its own."""
        for place in (namespace, SYSTEM_NAMESPACE):
            certain, _ = resolve((place, name), self.configs)
            if certain:
                return certain[0]
        return None


def rules_of(spec: Field) -> list[Field]:
    """The rules of an HTTPRoute spec; one unknown field if they are unknown."""
    return spec.at("rules").items()


def backends(spec: Field, namespace: Name) -> list[Reference]:
    """Every backend reference of an HTTPRoute spec; an unknown rule counts as one with unknown parts."""
    found: list[Reference] = []
    for rule in rules_of(spec):
        refs = [rule] if rule.unknown else rule.at("backendRefs").items()
        found += [reference(ref, group="", kind="Service", namespace=namespace) for ref in refs]
    return found


def parents(spec: Field, namespace: Name) -> list[Reference]:
    """Every Gateway an HTTPRoute spec attaches to; other kinds of parents are left out."""
    refs = [
        reference(ref, group=GATEWAY_GROUP, kind="Gateway", namespace=namespace)
        for ref in spec.at("parentRefs").items()
    ]
    return [r for r in refs if isinstance(r.kind, Unknown) or (r.kind, r.group) == ("Gateway", GATEWAY_GROUP)]


def is_pool(ref: Reference) -> bool | None:
    """Whether a backend reference is an InferencePool, of whichever group; None when that cannot be told."""
    if isinstance(ref.kind, Unknown):
        return None
    if ref.kind != INFERENCE_POOL:
        return False
    if isinstance(ref.group, Unknown):
        return None
    return ref.group in {INFERENCE_POOL_GROUP, RETIRED_INFERENCE_POOL_GROUP, ""}


def merged(base: Any, over: Any) -> Any:
    """`over` laid over `base` as KServe merges configs: objects by key, named lists by name, all else replaced."""
    if isinstance(base, dict) and isinstance(over, dict):
        one, two = cast("dict[str, Any]", base), cast("dict[str, Any]", over)
        return {key: merged(one.get(key), two[key]) if key in two else one[key] for key in {**one, **two}}
    if isinstance(base, list) and isinstance(over, list) and _named(base) and _named(over):
        one_list, two_list = cast("list[dict[str, Any]]", base), cast("list[dict[str, Any]]", over)
        by_name = {item["name"]: item for item in one_list}
        for item in two_list:
            by_name[item["name"]] = merged(by_name.get(item["name"]), item)
        return list(by_name.values())
    return base if over is None else over


def _named(items: list[Any]) -> bool:
    return all(isinstance(item, dict) and isinstance(cast("dict[str, Any]", item).get("name"), str) for item in items)


class Service:
    """An LLMInferenceService with the configs it is based on merged in."""

    def __init__(self, resource: Resource, stack: Stack) -> None:
        self.resource = resource
        self._stack = stack
        self._spec: Field | None = None

    @property
    def spec(self) -> Field:
        """Its spec over those of its `baseRefs`, the last of which wins; presets are not in it."""
        if self._spec is None:
            own = self.resource.at("spec")
            base: Any = None
            for ref in own.at("baseRefs").items():
                name = ref.at("name").get(str)
                config = None if name is None else self._stack.config(name, self.resource.namespace)
                if config is not None:
                    base = merged(base, config.at("spec").value)
            self._spec = Field("spec", merged(base, own.value))
        return self._spec

    @property
    def generated(self) -> GeneratedNames | None:
        """Names of what KServe makes for it; None while its own name is unknown."""
        name = self.resource.name
        return None if isinstance(name, Unknown) else GeneratedNames(name)

    @property
    def scheduler(self) -> Field:
        """`router.scheduler`; anything there, `{}` included, puts an InferencePool behind the route."""
        return self.spec.at("router", "scheduler")

    @property
    def route(self) -> Field:
        """`router.route`; present without references or rules of its own, it brings the preset's rules."""
        return self.spec.at("router", "route")

    @property
    def route_refs(self) -> list[Field]:
        """The HTTPRoutes it is given by name."""
        return self.route.at("http", "refs").items()

    @property
    def has_preset_rules(self) -> bool | None:
        """Whether KServe merges its route preset's rules in; None when that cannot be told."""
        if self.route.missing:
            return False
        refs, rules = self.route.at("http", "refs"), self.route.at("http", "spec", "rules")
        if refs.unknown or rules.unknown:
            return None
        return not refs.items() and not rules.items()

    def routes(self) -> tuple[list[Resource], list[Resource]]:
        """The stack's HTTPRoutes it is given by name: certain ones, and possible ones for unknown references."""
        certain: list[Resource] = []
        possible: list[Resource] = []
        for field in self.route_refs:
            ref = reference(field, group=GATEWAY_GROUP, kind="HTTPRoute", namespace=self.resource.namespace)
            sure, maybe = resolve((self.resource.namespace, ref.name), self._stack.routes)
            certain += sure
            possible += maybe
        return certain, possible

    def gateways(self) -> list[Reference]:
        """Every Gateway it is served through: by its own references, an inline route's, and those of its routes."""
        own = self.resource.namespace
        refs = [
            reference(ref, group=GATEWAY_GROUP, kind="Gateway", namespace=own)
            for ref in self.spec.at("router", "gateway", "refs").items()
        ]
        refs += parents(self.route.at("http", "spec"), own)
        certain, possible = self.routes()
        for route in [*certain, *possible]:
            refs += parents(route.at("spec"), route.namespace)
        return refs
