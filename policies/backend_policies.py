"""Does the load balancer wait long enough for the models, and can each GCPBackendPolicy attach?

A routed InferencePool without a policy has GKE's default of 30 seconds, which cuts streams. So has the workload Service of an
LLMInferenceService without a scheduler, since completions go there. What is refused is `rules.backend`'s knowledge.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

from pulumi_policy import Severity

from policies.framework import Report, resource_policy, stack_policy
from policies.health_agreement import duplicate_finding, duplicates, target_of
from policies.reading import Field, Unknown, related
from policies.resources import Name, Resource
from policies.routing import KINDS, Stack, backends, is_pool, parents
from rules.backend import (
    BACKEND_POLICY,
    MINIMUM_LLM_TIMEOUT_SECONDS,
    RECOMMENDED_LLM_TIMEOUT_SECONDS,
    check_backend_policy,
    check_backend_target,
    check_llm_timeout,
)
from rules.finding import Finding
from rules.gateway import (
    DEFAULT_BACKEND_TIMEOUT_SECONDS,
    GKE_NETWORKING_GROUP,
    INFERENCE_POOL,
    INFERENCE_POOL_GROUP,
    is_gke_class,
)

_Key = tuple[str, Name, Name]
_LIMITED: Final = (("sessionAffinity",), ("connectionDraining", "drainingTimeoutSec"))


def _check_content(resource: Resource, report: Report) -> None:
    if resource.group != GKE_NETWORKING_GROUP:
        return
    spec, target = resource.at("spec"), resource.at("spec", "targetRef")
    unknowns: list[Field] = []
    for field in (target.at("group"), target.at("kind"), target.at("name"), target.at("namespace")):
        if field.unknown:
            unknowns.append(field)
            report.undecided(field, "whether the policy attaches", resource)
    affinity, draining = (spec.at("default", *path) for path in _LIMITED)
    for field in (affinity, draining):
        if field.unknown and (field is draining or target.at("kind").get(str) != "Service"):
            unknowns.append(field)
            report.undecided(field, "whether the API server takes the policy", resource)
    findings: list[Finding] = []
    kind = target.at("kind").get(str)
    if kind is not None and not target.at("group").unknown:
        own = None if isinstance(resource.namespace, Unknown) else resource.namespace
        group, namespace = target.at("group").get(str), target.at("namespace").get(str)
        findings += check_backend_target(group, kind, namespace, own)
    if spec.of(dict).known:
        findings += check_backend_policy(cast("dict[str, Any]", spec.value))
    for finding in findings:
        if not any(related(field.path, finding.path) for field in unknowns):
            report.finding(finding, resource)


def _check(resources: list[Resource], report: Report) -> None:
    policies = [r for r in resources if (r.kind, r.group) == (BACKEND_POLICY, GKE_NETWORKING_GROUP)]
    for policy, others in duplicates(policies):
        report.finding(duplicate_finding(policy, others), policy)
    by_target: dict[tuple[Any, ...], Resource] = {}
    vague: list[Resource] = []
    for policy in sorted(policies, key=lambda p: p.urn, reverse=True):
        ref = target_of(policy)
        if any(isinstance(part, Unknown) for part in (ref.group, ref.kind, ref.namespace, ref.name, policy.namespace)):
            vague.append(policy)
        elif ref.namespace == policy.namespace:
            by_target[(ref.kind, ref.group, ref.namespace, ref.name)] = policy
    minimum = _minimum(report)
    for (kind, namespace, name), (source, field) in _models(Stack(resources)).items():
        policy = by_target.get((kind, INFERENCE_POOL_GROUP if kind == INFERENCE_POOL else "", namespace, name))
        if policy is not None:
            _judge(policy, minimum, report)
        elif vague:
            for other in vague:
                hidden = target_of(other).first_unknown or other.at("metadata", "namespace")
                report.undecided(hidden, f"whether this policy covers {kind} {namespace}/{name}", other)
        else:
            report.finding(_missing(kind, namespace, name, field), source)


def _judge(policy: Resource, minimum: int, report: Report) -> None:
    timeout = policy.at("spec", "default", "timeoutSec").of(int)
    if timeout.unknown:
        report.undecided(timeout, "whether the load balancer waits for a whole answer", policy)
    else:
        report.findings(check_llm_timeout(timeout.get(int), minimum), policy)


def _minimum(report: Report) -> int:
    value: Any = report.config.get("minimumSeconds")
    return int(value) if isinstance(value, (int, float)) and value >= 1 else MINIMUM_LLM_TIMEOUT_SECONDS


def _models(stack: Stack) -> dict[_Key, tuple[Resource, Field]]:
    """The backends that completions go to, with what routes to them; only behind Gateways that may be GKE's."""
    found: dict[_Key, tuple[Resource, Field]] = {}
    for source, field, key in _routed(stack):
        found.setdefault(key, (source, field))
    return found


def _routed(stack: Stack) -> Iterator[tuple[Resource, Field, _Key]]:
    foreign = {
        gateway.key
        for gateway in stack.gateways
        if not is_gke_class(gateway.at("spec", "gatewayClassName").get(str) or "gke-l7-")
    }
    for route in stack.routes:
        refs = parents(route.at("spec"), route.namespace)
        if refs and all(ref.key in foreign for ref in refs):
            continue
        for ref in backends(route.at("spec"), route.namespace):
            if is_pool(ref) and isinstance(ref.name, str):
                yield route, ref.field, (INFERENCE_POOL, ref.namespace, ref.name)
    for service in stack.services:
        names = service.generated
        if service.route.missing or names is None or service.scheduler.unknown:
            continue
        field = Field("spec.router.route", service.route.value)
        resource = service.resource
        if service.scheduler.missing:
            yield resource, field, ("Service", resource.namespace, names.workload_service)
        elif service.scheduler.at("pool", "ref").missing and not service.route_refs:
            yield resource, field, (INFERENCE_POOL, resource.namespace, names.inference_pool)


def _missing(kind: str, namespace: Name, name: Name, field: Field) -> Finding:
    group = INFERENCE_POOL_GROUP if kind == INFERENCE_POOL else ""
    return Finding(
        path=field.path,
        value=f"{kind} {namespace}/{name}",
        reason=f"no {BACKEND_POLICY} in the stack targets it, so the load balancer cuts every answer and stream after "
        f"{DEFAULT_BACKEND_TIMEOUT_SECONDS} s",
        remedy=f"Declare a {BACKEND_POLICY} in namespace {namespace} with targetRef {{group: '{group}', kind: {kind}, name: "
        f"{name}}} and spec.default.timeoutSec: {RECOMMENDED_LLM_TIMEOUT_SECONDS} or more.",
        rule="missing",
    )


BACKEND_TIMEOUT: Final = stack_policy(
    name="backend-timeout",
    title="The load balancer waits for a whole answer",
    description="GKE cuts answers after 30 seconds unless a GCPBackendPolicy on the backend says otherwise.",
    remediation="Declare one GCPBackendPolicy per InferencePool with timeoutSec of the longest request.",
    severity=Severity.HIGH,
    tags=["gateway", "kserve"],
    kinds=(*KINDS, BACKEND_POLICY),
    check=_check,
    config={
        "minimumSeconds": {
            "type": "integer",
            "minimum": 1,
            "description": f"Shortest accepted timeoutSec; {MINIMUM_LLM_TIMEOUT_SECONDS} when absent.",
        }
    },
)

BACKEND_POLICY_CONTENT: Final = resource_policy(
    name="backend-policy",
    title="GCPBackendPolicies attach and are accepted",
    description="A GCPBackendPolicy must name a target that exists to GKE and stay within what its CRD accepts.",
    remediation="Write the target's group and kind, the policy's own namespace, and no sessionAffinity on an InferencePool.",
    severity=Severity.HIGH,
    tags=["gateway"],
    kinds=[BACKEND_POLICY],
    check=_check_content,
)
