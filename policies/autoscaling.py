"""Can each HorizontalPodAutoscaler scale its target, and does a server end without cutting answers?

The target is looked up by kind, namespace and name; one that is not in the stack is somebody else's unless the stack declares
workloads in its namespace. Draining is compared through the GCPBackendPolicy on the server's backend.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pulumi_policy import EnforcementLevel, Severity

from policies.autoscaling_metrics import METRIC_KINDS, judge_metrics
from policies.framework import Report, stack_policy
from policies.health_agreement import target_of
from policies.pods import PodTemplate, number
from policies.reading import Field, Unknown
from policies.resources import Name, Resource
from policies.routing import KINDS, Service, Stack
from policies.servers import SERVER_KINDS, Servers
from rules import autoscaling as rules
from rules.backend import BACKEND_POLICY
from rules.finding import Finding
from rules.gateway import GKE_NETWORKING_GROUP

HPA: Final = "HorizontalPodAutoscaler"
_Key = tuple[str, Name, Name]


def _check(resources: list[Resource], report: Report) -> None:
    autoscalers = [r for r in resources if r.kind == HPA]
    if not autoscalers:
        return
    servers = Servers(resources)
    targets = _Targets({}, {}, set())
    for template in servers.templates:
        owner = template.resource
        targets.declared.setdefault((owner.kind, owner.namespace, owner.name), template)
        if owner.kind in rules.SCALABLE_KINDS:
            targets.namespaces.add(owner.namespace)
    for service in servers.stack.services:
        names = service.generated
        if names is not None:
            targets.generated[("Deployment", service.resource.namespace, names.deployment)] = service
            targets.namespaces.add(service.resource.namespace)
    for autoscaler in autoscalers:
        _judge_limits(autoscaler, report)
        _judge_reference(autoscaler, targets, report)
    judge_metrics(autoscalers, targets.declared, resources, report)


@dataclass(frozen=True, slots=True)
class _Targets:
    """What an autoscaler can name."""

    declared: dict[_Key, PodTemplate]
    generated: dict[_Key, Service]
    """KServe's Deployments, with the services they are of."""
    namespaces: set[Name]
    """Namespaces in which the stack declares something that can be scaled."""


def _judge_limits(autoscaler: Resource, report: Report) -> None:
    low, high = (autoscaler.at("spec", name).of(int) for name in ("minReplicas", "maxReplicas"))
    for field in (low, high):
        if field.unknown:
            report.undecided(field, "whether the autoscaler has room to scale", autoscaler)
    if not (low.unknown or high.unknown):
        report.findings(rules.check_limits(low.get(int), high.get(int)), autoscaler)


def _judge_reference(autoscaler: Resource, targets: _Targets, report: Report) -> None:
    ref = autoscaler.at("spec", "scaleTargetRef")
    kind, field = ref.at("kind").get(str), ref.at("name").of(str)
    name = field.get(str)
    if field.unknown:
        report.undecided(field, "what the autoscaler scales", autoscaler)
    if kind is None or name is None:
        return
    key: _Key = (kind, autoscaler.namespace, name)
    if key in targets.declared:
        _judge_target(autoscaler, targets.declared[key], report)
    elif key in targets.generated:
        service = targets.generated[key]
        replicas = service.spec.at("replicas").of(int)
        if replicas.unknown:
            report.undecided(replicas, "whether KServe and the autoscaler scale against each other", service.resource)
            return
        found = rules.check_generated_target(name, str(service.resource.name), replicas.value)
        report.findings(found, autoscaler)
    elif kind in rules.SCALABLE_KINDS and autoscaler.namespace in targets.namespaces:
        report.finding(rules.check_target_missing(kind, name), autoscaler)


def _judge_target(autoscaler: Resource, template: PodTemplate, report: Report) -> None:
    target, container = template.resource, template.server
    replicas = target.at("spec", "replicas").of(int)
    if replicas.unknown:
        report.undecided(replicas, f"whether it and {autoscaler.label} set the number of pods in turn", target)
    report.findings(rules.check_fixed_replicas(replicas.get(int), autoscaler.label), target)
    if container is not None and container.at("readinessProbe").missing:
        report.finding(rules.check_readiness(f"{container.path}.readinessProbe", autoscaler.label), target)
    for metric in autoscaler.at("spec", "metrics").items():
        name = metric.at("resource", "name").get(str)
        utilization = not metric.at("resource", "target", "averageUtilization").missing
        if metric.at("type").get(str) != "Resource" or name not in {"cpu", "memory"} or not utilization:
            continue
        for field in template.containers():
            request, limit = (field.at("resources", side, name) for side in ("requests", "limits"))
            if request.missing and limit.missing:
                report.finding(rules.check_metric_request(name, request.path), target)


def _check_shutdown(resources: list[Resource], report: Report) -> None:
    servers = Servers(resources)
    for template in servers.templates:
        grace, container = _grace(template), template.server
        if grace is None:
            field = template.pod.at("terminationGracePeriodSeconds")
            report.undecided(field, "whether requests under way can finish", template.resource)
        if grace is None or container is None:
            continue
        pre_stop = _pre_stop(container)
        if pre_stop is not None:
            report.findings(rules.check_pre_stop(pre_stop, grace, _grace_path(template)), template.resource)
    for policy in resources:
        if (policy.kind, policy.group) != (BACKEND_POLICY, GKE_NETWORKING_GROUP):
            continue
        draining = number(policy.at("spec", "default", "connectionDraining", "drainingTimeoutSec"))
        backend = servers.behind(target_of(policy))
        grace = None if backend is None else _grace(backend.template)
        if draining is not None and backend is not None and grace is not None:
            path = _grace_path(backend.template)
            report.findings(rules.check_draining(draining, grace, path, policy.label), backend.template.resource)


def _grace(template: PodTemplate) -> int | None:
    field = template.pod.at("terminationGracePeriodSeconds").of(int)
    return None if field.unknown else field.get(int) or (rules.DEFAULT_GRACE_SECONDS if field.missing else 0)


def _grace_path(template: PodTemplate) -> str:
    return template.pod.at("terminationGracePeriodSeconds").path


def _pre_stop(container: Field) -> int | None:
    """Seconds of a preStop hook that sleeps, by the `sleep` action or command; None for any other."""
    hook = container.at("lifecycle", "preStop")
    seconds = number(hook.at("sleep", "seconds"))
    if seconds is not None:
        return seconds
    texts = [word.get(str) or "" for word in hook.at("exec", "command").items()]
    flat = " ".join(texts).split()
    if len(flat) >= 2 and flat[-2].rsplit("/", 1)[-1] == "sleep":
        return number(Field("", flat[-1]))
    return None


def _check_scaling(resources: list[Resource], report: Report) -> None:
    for service in Stack(resources).services:
        scaling = service.spec.at("scaling")
        replicas = service.spec.at("replicas")
        if scaling.unknown and not replicas.missing:
            report.undecided(scaling, "whether replicas and scaling contradict each other", service.resource)
        if not scaling.missing and not replicas.missing and not isinstance(scaling.value, Unknown):
            report.finding(
                Finding(
                    path="spec.replicas",
                    value=replicas.value,
                    reason="spec.scaling is there as well, and KServe's webhook refuses the service",
                    remedy="Write one of the two.",
                    rule="fixed-replicas",
                ),
                service.resource,
            )
        low, high = (number(scaling.at(name)) for name in ("minReplicas", "maxReplicas"))
        if scaling.known and low is not None and high is not None and low > high:
            report.finding(
                Finding(
                    path="spec.scaling.minReplicas",
                    value=low,
                    reason=f"it is more than maxReplicas {high}, and KServe's webhook refuses the service",
                    remedy=f"Write at most {high}.",
                    rule="limits",
                ),
                service.resource,
            )


AUTOSCALER: Final = stack_policy(
    name="autoscaler-target",
    title="Autoscalers can scale what they name",
    description="An autoscaler needs room, a target that exists and leaves its size open, and pods that say when they are ready.",
    remediation="Leave replicas out of the target, give its server a readinessProbe and the requests its metrics use.",
    severity=Severity.HIGH,
    tags=["autoscaling", "health"],
    kinds=(*SERVER_KINDS, HPA, "ReplicaSet", *METRIC_KINDS),
    check=_check,
)

SERVICE_SCALING: Final = stack_policy(
    name="service-scaling",
    title="LLMInferenceServices scale in one way",
    description="KServe takes replicas or scaling, with a minimum no larger than the maximum.",
    remediation="Write spec.replicas, or spec.scaling with minReplicas and maxReplicas.",
    severity=Severity.MEDIUM,
    tags=["autoscaling", "kserve"],
    kinds=KINDS,
    check=_check_scaling,
)

GRACEFUL_SHUTDOWN: Final = stack_policy(
    name="graceful-shutdown",
    title="Servers end after their last answer",
    description="A pod must live longer than its preStop hook and as long as the load balancer drains it.",
    remediation="Write terminationGracePeriodSeconds of at least drainingTimeoutSec and more than the preStop wait.",
    severity=Severity.MEDIUM,
    tags=["gateway", "health"],
    kinds=(*SERVER_KINDS, BACKEND_POLICY),
    check=_check_shutdown,
    enforcement=EnforcementLevel.ADVISORY,
)
