"""The backends that routes and LLMInferenceServices lead to, and which policies attach to each of them.

Owns the join of backends and what has a `targetRef`: HealthCheckPolicies and GCPBackendPolicies alike. A policy whose target
misses (wrong group, kind or namespace) is taken by the API server and does nothing, so it attaches to nothing here either.
Does not judge, but says where it cannot be told what a route leads to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from policies.framework import Report
from policies.reading import Field, Unknown
from policies.resources import Name, Resource, same
from policies.routing import Reference, Service, backends, is_pool, reference
from rules.gateway import INFERENCE_POOL, INFERENCE_POOL_GROUP
from rules.health import TARGET_GROUPS

SHADOW: Final = "-ip-"
"""In the name of the Service that GKE makes for an InferencePool, between the pool's name and a hash."""


@dataclass(frozen=True, slots=True)
class RoutedBackend:
    """A routed backend and who routes to it."""

    kind: str
    group: str
    namespace: Name
    name: Name
    source: Resource
    field: Field

    @property
    def label(self) -> str:
        """How a message names it."""
        return f"{self.kind} {self.namespace}/{self.name}"


Target = tuple[Resource, Reference]
"""A policy and what it aims at."""


class Targets:
    """What policies of one kind aim at, indexed by where and by name."""

    def __init__(self, policies: Iterable[Resource]) -> None:
        self._all: list[Target] = []
        self._exact: dict[tuple[Name, ...], list[Resource]] = {}
        self._unclear: list[Target] = []
        self._by_name: dict[str, list[Target]] = {}
        for policy in policies:
            ref = reference(policy.at("spec", "targetRef"), group="", kind=None, namespace=policy.namespace)
            key = (ref.group, ref.kind, ref.namespace, ref.name, policy.namespace)
            self._all.append((policy, ref))
            if any(isinstance(part, Unknown) for part in key):
                self._unclear.append((policy, ref))
            else:
                self._exact.setdefault(key, []).append(policy)
            if not isinstance(ref.name, Unknown):
                for name in _meant(ref.name):
                    self._by_name.setdefault(name, []).append((policy, ref))

    def attached(self, backend: RoutedBackend) -> list[Resource]:
        """The policies that certainly attach to the backend."""
        key = (backend.group, backend.kind, backend.namespace, backend.name, backend.namespace)
        return self._exact.get(key, [])

    def possible(self, backend: RoutedBackend) -> list[Target]:
        """The policies that may attach to it, for all that is known."""
        if isinstance(backend.namespace, Unknown) or isinstance(backend.name, Unknown):
            return [target for target in self._all if _may_cover(backend, target)]
        return [target for target in self._unclear if _may_cover(backend, target)]

    def named(self, backend: RoutedBackend) -> list[Target]:
        """The policies that name it, or its shadow Service, wherever they aim."""
        return [] if isinstance(backend.name, Unknown) else self._by_name.get(backend.name, [])


def _meant(name: str) -> list[str]:
    """The name, and the pools whose shadow Service it may be."""
    parts = name.split(SHADOW)
    return [name, *(SHADOW.join(parts[:end]) for end in range(1, len(parts)))]


def _may_cover(backend: RoutedBackend, target: Target) -> bool:
    policy, ref = target
    pairs = (
        (backend.group, ref.group),
        (backend.kind, ref.kind),
        (backend.namespace, ref.namespace),
        (backend.name, ref.name),
        (backend.namespace, policy.namespace),
    )
    return all(same(mine, theirs) is not False for mine, theirs in pairs)


def of_route(source: Resource, report: Report, question: str) -> Iterator[RoutedBackend]:
    """What an HTTPRoute leads to; `question` is what stays open where that cannot be told."""
    for ref in backends(source.at("spec"), source.namespace):
        pool = is_pool(ref)
        if pool is None or isinstance(ref.kind, Unknown) or isinstance(ref.name, Unknown):
            report.undecided(ref.first_unknown or ref.field, question, source)
        elif pool:
            yield RoutedBackend(INFERENCE_POOL, INFERENCE_POOL_GROUP, ref.namespace, ref.name, source, ref.field)
        elif ref.kind in TARGET_GROUPS and "{{" not in ref.name:
            yield RoutedBackend(ref.kind, TARGET_GROUPS[ref.kind], ref.namespace, ref.name, source, ref.field)


def of_service(service: Service, report: Report, question: str) -> Iterator[RoutedBackend]:
    """What an LLMInferenceService's route leads to, unless routes of the stack say it themselves."""
    source, field = service.resource, Field("spec.router.route", service.route.value)
    if service.route.at("http", "refs").unknown:
        report.undecided(service.route.at("http", "refs"), question, source)
        return
    certain, possible = service.routes()
    if service.route_refs and (certain or possible):
        return
    names = service.generated
    if names is None:
        report.undecided(source.at("metadata", "name"), question, source)
        return
    if not service.scheduler.missing:
        own = service.scheduler.at("pool", "ref", "name")
        if own.unknown or service.scheduler.unknown:
            report.undecided(own, question, source)
        else:
            pool = own.get(str) or names.inference_pool
            yield RoutedBackend(INFERENCE_POOL, INFERENCE_POOL_GROUP, source.namespace, pool, source, field)
    yield RoutedBackend("Service", "", source.namespace, names.workload_service, source, field)
