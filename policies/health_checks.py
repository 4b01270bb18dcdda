"""Does every routed backend have a HealthCheckPolicy that attaches to it and asks for the right thing?

Without one GKE's load balancer asks for '/', which vLLM answers with 404: pods Ready, backends UNHEALTHY, requests 503.
A policy whose targetRef misses (wrong group, kind or namespace) is taken by the API server and does nothing, so it does
not count here either. Limits and reasons are `rules.health`'s knowledge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

from pulumi_policy import Severity

from policies.framework import Report, resource_policy, stack_policy
from policies.reading import Field, Unknown, related
from policies.remediation import port_specification
from policies.resources import Name, Resource, same
from policies.routing import KINDS, Reference, Service, Stack, backends, is_pool, parents, reference, resolve
from rules.finding import Finding
from rules.gateway import GKE_NETWORKING_GROUP, INFERENCE_POOL, INFERENCE_POOL_GROUP, is_gke_class
from rules.health import HEALTH_CHECK_POLICY, TARGET_GROUPS, check_health_check_policy, check_target_ref
from rules.vllm import HEALTH_PATH, PORT

SHADOW: Final = "-ip-"
"""In the name of the Service that GKE makes for an InferencePool, between the pool's name and a hash."""
_QUESTION: Final = "whether the backend has a HealthCheckPolicy"
_IRRELEVANT: Final = ("logConfig", "host", "response", "request", "port", "portName", "grpcServiceName", "proxyHeader")
"""Parts of a health check in which an unknown value decides nothing."""


@dataclass(frozen=True, slots=True)
class _Backend:
    """A routed backend and who routes to it."""

    kind: str
    group: str
    namespace: Name
    name: Name
    source: Resource
    field: Field

    @property
    def label(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def _check(resources: list[Resource], report: Report) -> None:
    policies = [r for r in resources if (r.kind, r.group) == (HEALTH_CHECK_POLICY, GKE_NETWORKING_GROUP)]
    targets = _Targets(policies)
    seen: set[tuple[Any, ...]] = set()
    for backend in _backends(Stack(resources), report):
        key = (backend.kind, backend.group, backend.namespace, backend.name)
        if key not in seen:
            seen.add(key)
            _judge(backend, targets, report)


_Target = tuple[Resource, Reference]


class _Targets:
    """What the HealthCheckPolicies of the stack aim at, indexed by where and by name."""

    def __init__(self, policies: list[Resource]) -> None:
        self._all: list[_Target] = []
        self._exact: set[tuple[Name, ...]] = set()
        self._unclear: list[_Target] = []
        self._by_name: dict[str, list[_Target]] = {}
        for policy in policies:
            ref = reference(policy.at("spec", "targetRef"), group="", kind=None, namespace=policy.namespace)
            key = (ref.group, ref.kind, ref.namespace, ref.name, policy.namespace)
            self._all.append((policy, ref))
            if any(isinstance(part, Unknown) for part in key):
                self._unclear.append((policy, ref))
            else:
                self._exact.add(key)
            if not isinstance(ref.name, Unknown):
                for name in _meant(ref.name):
                    self._by_name.setdefault(name, []).append((policy, ref))

    def cover(self, backend: _Backend) -> bool:
        """Whether a policy certainly attaches to the backend."""
        return (backend.group, backend.kind, backend.namespace, backend.name, backend.namespace) in self._exact

    def possible(self, backend: _Backend) -> list[_Target]:
        """The policies that may attach to it, for all that is known."""
        if isinstance(backend.namespace, Unknown) or isinstance(backend.name, Unknown):
            return [target for target in self._all if _may_cover(backend, target)]
        return [target for target in self._unclear if _may_cover(backend, target)]

    def named(self, backend: _Backend) -> list[_Target]:
        """The policies that name it, or its shadow Service, wherever they aim."""
        return [] if isinstance(backend.name, Unknown) else self._by_name.get(backend.name, [])


def _meant(name: str) -> list[str]:
    """The name, and the pools whose shadow Service it may be."""
    parts = name.split(SHADOW)
    return [name, *(SHADOW.join(parts[:end]) for end in range(1, len(parts)))]


def _may_cover(backend: _Backend, target: _Target) -> bool:
    policy, ref = target
    pairs = (
        (backend.group, ref.group),
        (backend.kind, ref.kind),
        (backend.namespace, ref.namespace),
        (backend.name, ref.name),
        (backend.namespace, policy.namespace),
    )
    return all(same(mine, theirs) is not False for mine, theirs in pairs)


def _backends(stack: Stack, report: Report) -> Iterator[_Backend]:
    for route in stack.routes:
        if _on_gke(stack, parents(route.at("spec"), route.namespace)):
            yield from _of_route(route.at("spec"), route, report)
    for service in stack.services:
        if not service.route.missing and _on_gke(stack, service.gateways()):
            yield from _of_service(service, report)


def _on_gke(stack: Stack, refs: list[Reference]) -> bool:
    """Whether some Gateway may be GKE's; only Gateways known to be another controller's are not."""
    for ref in refs:
        certain, _ = resolve(ref.key, stack.gateways)
        classes = [g.at("spec", "gatewayClassName").get(str) for g in certain]
        if not classes or any(name is None or is_gke_class(name) for name in classes):
            return True
    return not refs


def _of_route(spec: Field, source: Resource, report: Report) -> Iterator[_Backend]:
    for ref in backends(spec, source.namespace):
        pool = is_pool(ref)
        if pool is None or isinstance(ref.kind, Unknown) or isinstance(ref.name, Unknown):
            report.undecided(ref.first_unknown or ref.field, _QUESTION, source)
        elif pool:
            yield _Backend(INFERENCE_POOL, INFERENCE_POOL_GROUP, ref.namespace, ref.name, source, ref.field)
        elif ref.kind in TARGET_GROUPS and "{{" not in ref.name:
            yield _Backend(ref.kind, TARGET_GROUPS[ref.kind], ref.namespace, ref.name, source, ref.field)


def _of_service(service: Service, report: Report) -> Iterator[_Backend]:
    """What an LLMInferenceService's route leads to, unless routes of the stack say it themselves."""
    source, field = service.resource, Field("spec.router.route", service.route.value)
    if service.route.at("http", "refs").unknown:
        report.undecided(service.route.at("http", "refs"), _QUESTION, source)
        return
    certain, possible = service.routes()
    if service.route_refs and (certain or possible):
        return
    names = service.generated
    if names is None:
        report.undecided(source.at("metadata", "name"), _QUESTION, source)
        return
    if not service.scheduler.missing:
        own = service.scheduler.at("pool", "ref", "name")
        if own.unknown or service.scheduler.unknown:
            report.undecided(own, _QUESTION, source)
        else:
            pool = own.get(str) or names.inference_pool
            yield _Backend(INFERENCE_POOL, INFERENCE_POOL_GROUP, source.namespace, pool, source, field)
    yield _Backend("Service", "", source.namespace, names.workload_service, source, field)


def _judge(backend: _Backend, targets: _Targets, report: Report) -> None:
    if targets.cover(backend):
        return
    possible = targets.possible(backend)
    for policy, ref in possible:
        hidden = ref.first_unknown or policy.at("metadata", "namespace")
        report.undecided(hidden, f"whether this policy covers {backend.label}", policy)
    if possible:
        return
    report.finding(
        _missing(backend, [_near_miss(backend, *target) for target in targets.named(backend)]), backend.source
    )


def _missing(backend: _Backend, misses: list[str]) -> Finding:
    hints = "; ".join(dict.fromkeys(miss for miss in misses if miss))
    return Finding(
        path=backend.field.path,
        value=backend.label,
        reason=f"no HealthCheckPolicy in the stack targets it{f' ({hints})' if hints else ''}, so GKE asks for '/', vLLM "
        "answers 404, and requests end in 503 'no healthy upstream' while every pod is Ready",
        remedy=f"Declare a HealthCheckPolicy in namespace {backend.namespace} with targetRef {{group: '{backend.group}', "
        f"kind: {backend.kind}, name: {backend.name}}} and an httpHealthCheck of {HEALTH_PATH} on port {PORT}.",
        rule="missing",
    )


def _near_miss(backend: _Backend, policy: Resource, ref: Reference) -> str:
    """Why a policy that seems meant for the backend does not count; empty if it does not seem so."""
    if isinstance(ref.name, Unknown) or isinstance(backend.name, Unknown):
        return ""
    shadow = backend.kind == INFERENCE_POOL and ref.name.startswith(f"{backend.name}{SHADOW}")
    if ref.name != backend.name and not shadow:
        return ""
    differences = [
        f"its {what} is '{have}' instead of '{want}'"
        for what, have, want in (
            ("targetRef.group", ref.group, backend.group),
            ("targetRef.kind", ref.kind, backend.kind),
            ("targetRef.namespace", ref.namespace, backend.namespace),
            ("metadata.namespace", policy.namespace, backend.namespace),
        )
        if same(have, want) is False
    ]
    if shadow:
        differences.append("it targets GKE's shadow Service of the pool, to which nothing attaches")
    return f"{policy.label} names it but does not attach: {', '.join(differences)}" if differences else ""


def _check_content(resource: Resource, report: Report) -> None:
    if resource.group != GKE_NETWORKING_GROUP:
        return
    spec = resource.at("spec")
    target = spec.at("targetRef")
    unknowns = [field for field in spec.unknowns() if not _is_irrelevant(field.path)]
    for field in unknowns:
        report.undecided(field, "whether the health check attaches and can succeed", resource)
    findings: list[Finding] = []
    kind = target.at("kind")
    if kind.get(str) is not None and not target.at("group").unknown:
        own = None if isinstance(resource.namespace, Unknown) else resource.namespace
        findings += check_target_ref(target.at("group").get(str), str(kind.value), target.at("namespace").get(str), own)
    if spec.of(dict).known:
        findings += check_health_check_policy(cast(dict[str, Any], spec.value))
    for finding in findings:
        if not any(related(field.path, finding.path) for field in unknowns):
            report.finding(finding, resource)


def _is_irrelevant(path: str) -> bool:
    return any(step in _IRRELEVANT for step in path.split("."))


HEALTH_CHECK_MISSING: Final = stack_policy(
    name="backend-health-check",
    title="Every routed backend has a HealthCheckPolicy",
    description="GKE checks '/' on a backend without a HealthCheckPolicy, which no vLLM server answers with 200.",
    remediation="Declare one HealthCheckPolicy per routed InferencePool and Service, in the backend's namespace, with the "
    "backend's group, kind and name in targetRef.",
    severity=Severity.CRITICAL,
    tags=["gateway", "kserve", "health"],
    kinds=(*KINDS, HEALTH_CHECK_POLICY),
    check=_check,
)

HEALTH_CHECK_CONTENT: Final = resource_policy(
    name="health-check-policy",
    title="HealthCheckPolicies attach and can succeed",
    description="A HealthCheckPolicy must fit its CRD, name a target that exists to GKE, and ask for a served path.",
    remediation="Write type and the matching member, portSpecification, a requestPath other than '/', and a timeout no "
    "longer than the interval.",
    severity=Severity.HIGH,
    tags=["gateway", "health"],
    kinds=[HEALTH_CHECK_POLICY],
    check=_check_content,
    fix=port_specification,
)
