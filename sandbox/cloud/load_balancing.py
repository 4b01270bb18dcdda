"""Compute Engine's policies for regional load balancers: Cloud Armor security policies and SSL policies.

Owns what their API refuses. Does not own whether a load balancer uses one: GKE's Gateway controller attaches them by name.
"""

from __future__ import annotations

from typing import Any, Final, cast

from typing_extensions import override

from rules.edge import (
    ANY_SOURCE,
    DEFAULT_RULE_PRIORITY,
    RANGES_PER_RULE,
    RATE_INTERVALS_SECONDS,
    SECURITY_POLICY_TYPE,
)
from sandbox.cloud import names
from sandbox.cloud.compute import ComputeKind, parse_range, self_link
from sandbox.cloud.errors import bad_request, invalid_field
from sandbox.cloud.kind import Kind, Properties, Resource, View

SECURITY_POLICIES: Final = "compute.regionSecurityPolicies"
SSL_POLICIES: Final = "compute.regionSslPolicies"


class RegionSecurityPolicies(ComputeKind):
    """Cloud Armor policies of a region."""

    type = SECURITY_POLICIES

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        super().validate(view, resource, old)
        rules = _objects(resource.properties.get("rules"))
        priorities = [rule.get("priority") for rule in rules]
        if len(set(priorities)) != len(priorities):
            raise bad_request("Invalid value for field 'resource.rules': Cannot have rules with the same priorities.")
        if rules and DEFAULT_RULE_PRIORITY not in priorities:
            why = f"A security policy must have a default rule with priority {DEFAULT_RULE_PRIORITY} that matches '*'."
            raise invalid_field("resource.rules", "[...]", why)
        for number, rule in enumerate(rules):
            _check_rule(f"resource.rules[{number}]", rule)

    @override
    def complete(self, view: View, resource: Resource) -> Properties:
        anyone = {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": [ANY_SOURCE]}}
        default = {"action": "allow", "priority": DEFAULT_RULE_PRIORITY, "match": anyone, "preview": False}
        return {
            "selfLink": self_link(resource.id),
            "selfLinkWithPolicyId": self_link(resource.id),
            "policyId": str(names.number_of(resource.id, 19)),
            "fingerprint": "42WmSpB8rSM=",
            "type": SECURITY_POLICY_TYPE,
            **({} if resource.properties.get("rules") else {"rules": [default]}),
        }


def _check_rule(field: str, rule: Properties) -> None:
    match = cast("Properties", rule.get("match") or {})
    ranges: list[str] = cast("Properties", match.get("config") or {}).get("srcIpRanges") or []
    if len(ranges) > RANGES_PER_RULE:
        why = f"The number of IP ranges per rule must be at most {RANGES_PER_RULE}."
        raise invalid_field(f"{field}.match.config.srcIpRanges", f"[{len(ranges)} ranges]", why)
    for block in ranges:
        if block != ANY_SOURCE and ":" not in block:
            parse_range(f"{field}.match.config.srcIpRanges", block, strict=False)
    action = str(rule.get("action"))
    limit = cast("Properties", rule.get("rateLimitOptions") or {})
    limited = action in {"throttle", "rate_based_ban"}
    if limited != bool(limit):
        why = "Rate limit options are for the actions throttle and rate_based_ban, which require them."
        raise invalid_field(f"{field}.rateLimitOptions", limit or "", why)
    threshold = cast("Properties", limit.get("rateLimitThreshold") or {})
    if limited and threshold.get("intervalSec") not in RATE_INTERVALS_SECONDS:
        why = f"Must be one of {', '.join(map(str, RATE_INTERVALS_SECONDS))}."
        raise invalid_field(
            f"{field}.rateLimitOptions.rateLimitThreshold.intervalSec", threshold.get("intervalSec"), why
        )


class RegionSslPolicies(ComputeKind):
    """SSL policies of a region."""

    type = SSL_POLICIES

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        super().validate(view, resource, old)
        custom, features = resource.properties.get("profile") == "CUSTOM", resource.properties.get("customFeatures")
        if custom != bool(features):
            raise bad_request("Custom features are for the CUSTOM profile, which requires them.", "invalid")

    @override
    def complete(self, view: View, resource: Resource) -> Properties:
        return {**super().complete(view, resource), "fingerprint": "42WmSpB8rSM=", "enabledFeatures": []}


def _objects(value: object) -> list[Properties]:
    return [cast("Properties", item) for item in cast("list[Any]", value or [])]


KINDS: Final[tuple[Kind, ...]] = (RegionSecurityPolicies(), RegionSslPolicies())
