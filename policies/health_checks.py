"""Does every routed backend have a HealthCheckPolicy that attaches to it and asks for the right thing?

Without one GKE's load balancer asks for '/', which vLLM answers with 404: pods Ready, backends UNHEALTHY, requests 503.
Which policy attaches to which backend is `routed.py`'s. Limits and reasons are `rules.health`'s knowledge.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

from pulumi_policy import Severity

from policies.framework import Report, resource_policy, stack_policy
from policies.reading import Unknown, related
from policies.remediation import port_specification
from policies.resources import Resource, same
from policies.routed import SHADOW, RoutedBackend, Targets, of_route, of_service
from policies.routing import KINDS, Reference, Stack, parents, resolve
from rules.finding import Finding
from rules.gateway import GKE_NETWORKING_GROUP, INFERENCE_POOL, is_gke_class
from rules.health import HEALTH_CHECK_POLICY, check_health_check_policy, check_target_ref
from rules.vllm import HEALTH_PATH, PORT

_QUESTION: Final = "whether the backend has a HealthCheckPolicy"
_IRRELEVANT: Final = ("logConfig", "host", "response", "request", "port", "portName", "grpcServiceName", "proxyHeader")
"""Parts of a health check in which an unknown value decides nothing."""


def _check(resources: list[Resource], report: Report) -> None:
    policies = [r for r in resources if (r.kind, r.group) == (HEALTH_CHECK_POLICY, GKE_NETWORKING_GROUP)]
    targets = Targets(policies)
    seen: set[tuple[Any, ...]] = set()
    for backend in _backends(Stack(resources), report):
        key = (backend.kind, backend.group, backend.namespace, backend.name)
        if key not in seen:
            seen.add(key)
            _judge(backend, targets, report)


def _backends(stack: Stack, report: Report) -> Iterator[RoutedBackend]:
    for route in stack.routes:
        if _on_gke(stack, parents(route.at("spec"), route.namespace)):
            yield from of_route(route, report, _QUESTION)
    for service in stack.services:
        if not service.route.missing and _on_gke(stack, service.gateways()):
            yield from of_service(service, report, _QUESTION)


def _on_gke(stack: Stack, refs: list[Reference]) -> bool:
    """Whether some Gateway may be GKE's; only Gateways known to be another controller's are not."""
    for ref in refs:
        certain, _ = resolve(ref.key, stack.gateways)
        classes = [g.at("spec", "gatewayClassName").get(str) for g in certain]
        if not classes or any(name is None or is_gke_class(name) for name in classes):
            return True
    return not refs


def _judge(backend: RoutedBackend, targets: Targets, report: Report) -> None:
    if targets.attached(backend):
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


def _missing(backend: RoutedBackend, misses: list[str]) -> Finding:
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


def _near_miss(backend: RoutedBackend, policy: Resource, ref: Reference) -> str:
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
