"""Does a route ask GKE for something it refuses, in an HTTPRoute or in the route KServe makes one from?

Resource policy: HTTPRoute, and the inline route of an LLMInferenceService or its Config. Stack policy: the route that
nobody wrote, which KServe's preset brings with timeouts on every rule. What is refused is `rules.gateway`'s knowledge.
"""

from __future__ import annotations

import re
from typing import Any, Final, cast

from pulumi_policy import Severity

from policies.framework import Report, resource_policy, stack_policy
from policies.reading import Field, related
from policies.remediation import zero_timeouts
from policies.resources import Resource
from policies.routing import KINDS, Stack, rules_of
from rules.finding import Finding
from rules.gateway import GATEWAY_GROUP, check_route_rule
from rules.kserve import GROUP, LLM_INFERENCE_SERVICE, LLM_INFERENCE_SERVICE_CONFIG, ROUTE_PRESET, SYSTEM_NAMESPACE

_QUESTION: Final = "whether GKE refuses the route"
_IRRELEVANT: Final = re.compile(
    r"\.name"
    r"|\.backendRefs(\[\d+\](?!\.filters).*)?"
    r"|\.matches\[\d+\]\.(path\.value|queryParams.*|headers\[\d+\]\.(name|value))"
    r"|\.filters\[\d+\]\.(?!urlRewrite(\.path(\.type)?)?$|requestRedirect(\.(port|statusCode))?$).+"
)
"""Parts of a rule, as paths below it, in which an unknown value decides nothing here; backends are others' to judge."""


def _check(resource: Resource, report: Report) -> None:
    spec = route_spec(resource)
    if spec is None:
        return
    for rule in rules_of(spec):
        if rule.of(dict).unknown:
            report.undecided(rule.of(dict), _QUESTION, resource)
            continue
        if rule.missing:
            continue
        unknowns = [f for f in rule.unknowns() if not _IRRELEVANT.fullmatch(f.path.removeprefix(rule.path))]
        for field in unknowns:
            report.undecided(field, _QUESTION, resource)
        for finding in check_route_rule(cast("dict[str, Any]", rule.value), rule.path):
            if not any(related(field.path, finding.path) for field in unknowns):
                report.finding(finding, resource)


def route_spec(resource: Resource) -> Field | None:
    """Where a resource holds the `spec` of an HTTPRoute: itself, or the inline route of an LLMInferenceService; else None."""
    if (resource.kind, resource.group) == ("HTTPRoute", GATEWAY_GROUP):
        return resource.at("spec")
    if resource.group == GROUP:
        return resource.at("spec", "router", "route", "http", "spec")
    return None


def _check_managed(resources: list[Resource], report: Report) -> None:
    stack = Stack(resources)
    for service in stack.services:
        verdict = service.has_preset_rules
        if verdict is None:
            refs, rules = service.route.at("http", "refs"), service.route.at("http", "spec", "rules")
            hidden = refs if refs.unknown else rules
            report.undecided(hidden, "whether KServe's route preset applies", service.resource)
        elif verdict:
            _report_preset(stack, service.resource, report)


def _report_preset(stack: Stack, service: Resource, report: Report) -> None:
    if stack.config(ROUTE_PRESET, service.namespace) is not None:
        return
    elsewhere = [str(c.namespace) for c in stack.configs if c.name == ROUTE_PRESET]
    hint = f" (the one in {', '.join(elsewhere)} does not count there)" if elsewhere else ""
    report.finding(
        Finding(
            path="spec.router.route",
            value="managed by KServe",
            reason=f"its preset {ROUTE_PRESET} puts 'timeouts' on every rule, which GKE's Gateway controller refuses "
            f"(GWCER104); nothing in the stack overrides it for namespace {service.namespace}{hint}",
            remedy="Hand KServe an HTTPRoute of your own through router.route.http.refs, or declare "
            f"{LLM_INFERENCE_SERVICE_CONFIG} {ROUTE_PRESET} there (or in {SYSTEM_NAMESPACE}) without timeouts.",
            rule="managed-route",
        ),
        service,
    )


ROUTE_FEATURES: Final = resource_policy(
    name="httproute-features",
    title="Routes ask only for what GKE's Gateway controller does",
    description="GKE refuses routes with timeouts, retries, regular expressions and some other features.",
    remediation="Take timeouts out of the route, set timeoutSec in a GCPBackendPolicy, match by PathPrefix or Exact.",
    severity=Severity.CRITICAL,
    tags=["gateway", "kserve"],
    kinds=["HTTPRoute", LLM_INFERENCE_SERVICE, LLM_INFERENCE_SERVICE_CONFIG],
    check=_check,
    fix=zero_timeouts,
)

MANAGED_ROUTE: Final = stack_policy(
    name="kserve-managed-route",
    title="No route comes from KServe's preset",
    description="KServe's managed route carries timeouts, which GKE refuses.",
    remediation="Declare the HTTPRoute and reference it in spec.router.route.http.refs.",
    severity=Severity.CRITICAL,
    tags=["gateway", "kserve"],
    kinds=KINDS,
    check=_check_managed,
)
