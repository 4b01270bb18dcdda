"""Have the values that stand in for one's own been replaced: clients' ranges, host names, the address for alerts?

Every committed example carries such values, and each passes every other check: nothing is wrong with them but that they are
nobody's. Which they are is `rules.placeholders`'s knowledge. What is not known yet is not judged: it is no placeholder.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pulumi_policy import EnforcementLevel, Severity

from policies.framework import Report, resource_policy
from policies.node_pools import CLUSTER
from policies.reading import Field
from policies.resources import Resource
from policies.security_policies import POLICIES, RULES
from rules.gateway import GATEWAY_GROUP
from rules.placeholders import check_email, check_host, check_ranges

_CHANNEL: Final = "gcp:monitoring/notificationChannel:NotificationChannel"


def _check(resource: Resource, report: Report) -> None:
    if resource.token == CLUSTER:
        blocks = resource.at("masterAuthorizedNetworksConfig", "cidrBlocks")
        _ranges(
            [block.at("cidrBlock") for block in blocks.items()],
            blocks.path,
            report,
            resource,
            whom="those who reach the control plane by its address",
            consequence="the control plane lets in none of yours by its address",
        )
    elif resource.token.startswith("gcp:compute/") and resource.kind in POLICIES:
        for rule in resource.at("rules").items():
            _clients(rule, report, resource)
    elif resource.token.startswith("gcp:compute/") and resource.kind in RULES:
        _clients(resource.props, report, resource)
    elif resource.token == _CHANNEL:
        field = resource.at("labels", "email_address")
        report.findings(check_email(field.get(str) or "", field.path), resource)
    elif resource.group == GATEWAY_GROUP:
        _hosts(resource, report)


def _clients(rule: Field, report: Report, resource: Resource) -> None:
    ranges = rule.at("match", "config", "srcIpRanges")
    _ranges(
        ranges.items(),
        ranges.path,
        report,
        resource,
        whom="your clients",
        consequence="the rule is for none of your clients",
    )


def _ranges(
    fields: Iterable[Field], path: str, report: Report, resource: Resource, *, whom: str, consequence: str
) -> None:
    written = [text for field in fields if (text := field.get(str)) is not None]
    report.findings(check_ranges(written, path, whom=whom, consequence=consequence), resource)


def _hosts(resource: Resource, report: Report) -> None:
    fields = [listener.at("hostname") for listener in resource.at("spec", "listeners").items()]
    fields += resource.at("spec", "hostnames").items()
    for field in fields:
        report.findings(check_host(field.get(str) or "", field.path), resource)


PLACEHOLDERS_LEFT: Final = resource_policy(
    name="placeholders-left",
    title="Values of documentation are replaced by one's own",
    description="Ranges, host names and e-mail addresses that documentation uses are nobody's: put your own there.",
    remediation="Write your clients' ranges, your host names, and the address of whoever is on call.",
    severity=Severity.LOW,
    tags=["security", "gateway", "monitoring"],
    kinds=["Cluster", *POLICIES, *RULES, "NotificationChannel", "Gateway", "HTTPRoute"],
    check=_check,
    enforcement=EnforcementLevel.ADVISORY,
)
