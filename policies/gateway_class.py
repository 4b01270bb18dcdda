"""Does every Gateway in front of an InferencePool have a class that can serve one?

A global external Gateway accepts the pool, gets an address and answers 503 for ever; only the join of Gateway, route
and LLMInferenceService shows it. Which class takes which backend is `rules.gateway`'s knowledge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from pulumi_policy import Severity

from policies.framework import Report, stack_policy
from policies.reading import Field
from policies.resources import Resource
from policies.routing import KINDS, Reference, Stack, backends, is_pool, parents, resolve
from rules.finding import Finding
from rules.gateway import INFERENCE_POOL, INFERENCE_POOL_CLASSES, INFERENCE_POOL_IMPORT, check_gateway_class, takes

_QUESTION: Final = "whether a Gateway that takes no InferencePool has one behind it"


def _check(resources: list[Resource], report: Report) -> None:
    stack = Stack(resources)
    wrong: _Wrong = {}
    for route in stack.routes:
        kinds, unclear = _backend_kinds(route)
        refs = parents(route.at("spec"), route.namespace)
        _judge(stack, _Use(route, kinds, unclear), refs, report, wrong)
    for service in stack.services:
        scheduler = service.scheduler
        kinds = {INFERENCE_POOL} if scheduler.known else set[str]()
        use = _Use(service.resource, kinds, scheduler if scheduler.unknown else None)
        _judge(stack, use, service.gateways(), report, wrong)
    for (_, finding), (gateway, users) in wrong.items():
        behind = f"{finding.reason} (behind it: {', '.join(dict.fromkeys(users))})"
        report.finding(replace(finding, reason=behind), gateway)


def _backend_kinds(route: Resource) -> tuple[set[str], Field | None]:
    """The kinds behind a route as far as known, and a field that hides one."""
    kinds: set[str] = set()
    unclear: Field | None = None
    for ref in backends(route.at("spec"), route.namespace):
        verdict = is_pool(ref)
        if verdict:
            kinds.add(INFERENCE_POOL)
        elif verdict is None:
            unclear = unclear or ref.first_unknown or ref.field
        elif ref.kind == INFERENCE_POOL_IMPORT:
            kinds.add(INFERENCE_POOL_IMPORT)
    return kinds, unclear


@dataclass(frozen=True, slots=True)
class _Use:
    """Something served through Gateways: the backends it is known to have, and a field that hides others."""

    source: Resource
    kinds: set[str]
    unclear: Field | None


_Wrong = dict[tuple[str, Finding], tuple[Resource, list[str]]]
"""Findings by Gateway, with the labels of what stands behind it."""


def _judge(stack: Stack, use: _Use, refs: Iterable[Reference], report: Report, wrong: _Wrong) -> None:
    if not use.kinds and use.unclear is None:
        return
    for ref in refs:
        certain, possible = resolve(ref.key, stack.gateways)
        for gateway in certain:
            _judge_gateway(gateway, use, report, wrong)
        doubtful = [g for g in possible if not _takes_all(g, use.kinds or {INFERENCE_POOL})]
        if not certain and doubtful:
            report.undecided(ref.first_unknown or doubtful[0].at("metadata"), _QUESTION, use.source)


def _judge_gateway(gateway: Resource, use: _Use, report: Report, wrong: _Wrong) -> None:
    field = gateway.at("spec", "gatewayClassName").of(str)
    if field.unknown:
        report.undecided(field, f"whether this Gateway can serve what {use.source.label} routes to", gateway)
        return
    class_name = field.get(str)
    findings = [_MISSING] if class_name is None else check_gateway_class(class_name, use.kinds)
    for finding in findings:
        wrong.setdefault((gateway.urn, finding), (gateway, []))[1].append(use.source.label)
    if use.unclear is not None and class_name is not None and not use.kinds and not takes(class_name, INFERENCE_POOL):
        report.undecided(use.unclear, _QUESTION, use.source)


_MISSING: Final = Finding(
    path="spec.gatewayClassName",
    value=None,
    reason="a Gateway without a class is served by nobody",
    remedy=f"Write {' or '.join(INFERENCE_POOL_CLASSES[INFERENCE_POOL])}.",
    rule="inference-pool-class",
)


def _takes_all(gateway: Resource, kinds: Iterable[str]) -> bool:
    class_name = gateway.at("spec", "gatewayClassName").get(str)
    return class_name is not None and all(takes(class_name, kind) for kind in kinds)


GATEWAY_CLASS: Final = stack_policy(
    name="inference-pool-gateway-class",
    title="Gateways in front of an InferencePool have a class that serves it",
    description="An InferencePool is only ever healthy behind a regional GatewayClass.",
    remediation="Set spec.gatewayClassName to gke-l7-regional-external-managed or gke-l7-rilb, and declare the region's "
    "proxy-only subnet.",
    severity=Severity.CRITICAL,
    tags=["gateway", "kserve"],
    kinds=KINDS,
    check=_check,
)
