"""Alerts: whose cluster and Gateway they are about."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.harness import UNKNOWN, Made
from tests.policies.objects import cluster, gateway

OURS: Final = 'cluster="inference",namespace="models"'
REQUESTS: Final = "loadbalancing_googleapis_com:https_external_regional_request_count"
HEALTH: Final = (
    'resource.type="gce_network_endpoint_group" AND jsonPayload.healthCheckProbeResult.healthState="UNHEALTHY"'
)


def alert(**condition: Any) -> Made:
    """An alert policy with one condition."""
    return Made("gcp:monitoring/alertPolicy:AlertPolicy", "a", {"combiner": "OR", "conditions": [condition]})


def query(text: Any) -> Made:
    """An alert by a PromQL query."""
    return alert(conditionPrometheusQueryLanguage={"query": text})


def entries(text: Any) -> Made:
    """An alert by log entries."""
    return alert(conditionMatchedLog={"filter": text})


def threshold(text: Any) -> Made:
    """An alert by the value of a metric."""
    return alert(conditionThreshold={"filter": text})


CASES: Final[Cases] = {
    "alert-scope": [
        fail("wide", "every cluster and Gateway", cluster(), query("up == 0")),
        fail("wide", "namespace=", cluster(), query('up{namespace="models"} == 0')),
        fail("wide", "{cluster=", cluster(), query('up{cluster="staging"} == 0')),
        fail("wide", "!=", cluster(), query('up{cluster!="inference"} == 0')),
        fail("wide", "{}", cluster(), query(f"up{{{OURS}}} / up{{}} > 1")),
        fail("wide", "url_map_name", cluster(), gateway(), query(f'rate({REQUESTS}{{url_map_name=~"gkegw1-.+"}}[5m])')),
        fail("wide", "UNHEALTHY", cluster(), entries(HEALTH)),
        fail("wide", "k8s_pod", cluster(), threshold('resource.type = "k8s_pod"')),
        missing("", "", cluster(), alert()),
        missing("", "", query("up == 0")),
        unknown("undecided", "which clusters the alert is about", cluster(), query(UNKNOWN)),
        unknown("", "", cluster(name=UNKNOWN), query("up == 0")),
        good(cluster(), query(f"max by (pod) (up{{{OURS}}}) < 1")),
        good(cluster(), threshold('resource.type="k8s_pod" AND resource.labels.cluster_name="inference"')),
        good(cluster(), threshold('resource.type = "k8s_pod" AND resource.label."cluster_name"="inference"')),
        good(cluster(), entries(f'{HEALTH} AND ip_in_net(jsonPayload.healthCheckProbeResult.targetIp, "10.4.0.0/14")')),
        near(
            cluster(),
            gateway(),
            query(f'rate({REQUESTS}{{url_map_name=~"gkegw1-[a-z0-9]+-gateways-inference-.+"}}[5m]) > 1'),
        ),
        near(cluster(), Made("gcp:monitoring/notificationChannel:NotificationChannel", "a", {"conditions": [{}]})),
    ],
}
