"""Are alerts about this stack's own cluster and Gateway?

Advice, since a project may have one cluster alone, and a wide alert misses nothing. What a condition has to name is
`rules.alert_scope`'s knowledge.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pulumi_policy import EnforcementLevel, Severity

from policies.framework import Report, stack_policy
from policies.reading import Field
from policies.resources import Resource
from rules.alert_scope import check_filter, check_query
from rules.gateway import GATEWAY_GROUP

ALERT: Final = "gcp:monitoring/alertPolicy:AlertPolicy"
CLUSTER: Final = "gcp:container/cluster:Cluster"
_QUERIES: Final = (("conditionPrometheusQueryLanguage", "query"),)
_FILTERS: Final = (("conditionMatchedLog", "filter"), ("conditionThreshold", "filter"), ("conditionAbsent", "filter"))


def _check(resources: list[Resource], report: Report) -> None:
    names = [resource.at("name") for resource in resources if resource.token == CLUSTER]
    clusters = {name for field in names if (name := field.get(str)) is not None}
    gateways = {
        (resource.namespace, resource.name)
        for resource in resources
        if resource.group == GATEWAY_GROUP and resource.kind == "Gateway"
    }
    known = {(space, name) for space, name in gateways if isinstance(space, str) and isinstance(name, str)}
    if not names or len(clusters) < len(names):
        return  # the cluster is another program's, or nobody knows yet what it will be called
    for alert in resources:
        if alert.token != ALERT:
            continue
        for condition in alert.at("conditions").items():
            for field in _texts(condition, _QUERIES, alert, report):
                report.findings(check_query(field.get(str) or "", clusters, known, field.path), alert)
            for field in _texts(condition, _FILTERS, alert, report):
                report.findings(check_filter(field.get(str) or "", clusters, known, field.path), alert)


def _texts(condition: Field, places: tuple[tuple[str, str], ...], alert: Resource, report: Report) -> Iterator[Field]:
    for place in places:
        field = condition.at(*place).of(str)
        if field.unknown:
            report.undecided(field, "which clusters the alert is about", alert)
        elif field.get(str) is not None:
            yield field


ALERT_SCOPE: Final = stack_policy(
    name="alert-scope",
    title="Alerts are about this stack",
    description="A condition that names no cluster or Gateway holds for every one of the project, and wakes the wrong people.",
    remediation="Compare cluster, cluster_name or url_map_name in every selector with this stack's own names.",
    severity=Severity.LOW,
    tags=["monitoring"],
    kinds=["AlertPolicy", "Cluster", "Gateway"],
    check=_check,
    enforcement=EnforcementLevel.ADVISORY,
)
