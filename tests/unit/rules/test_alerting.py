"""When somebody is told: the conditions hold what was decided, and are written so that Cloud Monitoring reads them."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest

from rules import alerting, monitoring, quantity, volumes
from rules.alert_scope import check_filter, check_query
from rules.alerting import Alert, Scope, Thresholds
from sandbox.cloud.monitoring import balanced

SCOPE = Scope(
    cluster="c1",
    location="us-east5-b",
    namespace="inference",
    gateway="entry",
    network="vpc1",
    region="us-east5",
    internal=False,
    models=True,
    tpus=True,
)
LIMITS = Thresholds(
    latency_seconds=0.35,
    first_token_seconds=2,
    error_percent=1,
    kv_cache_percent=90,
    waiting_requests=10,
    cpu_percent=90,
    memory_percent=95,
    idle_tpu_percent=5,
)
BY_NAME = {alert.name: alert for alert in alerting.alerts(SCOPE, LIMITS)}


def test_the_list_of_alerts() -> None:
    """What the field reports asked to be told about, each once."""
    assert list(BY_NAME) == [
        "no-healthy-backend",
        "latency",
        "errors",
        "health-status",
        "probe-failures",
        "cpu",
        "memory",
        "first-token",
        "kv-cache",
        "queue",
        "no-ready-server",
        "idle-tpus",
    ]


@pytest.mark.parametrize("name", BY_NAME)
def test_each_alert_is_a_query_or_a_log_filter(name: str) -> None:
    """One of the two, with closed brackets, advice of substance, and nothing of another cluster in it."""
    alert = BY_NAME[name]
    text = alert.query or alert.log_filter
    assert bool(alert.query) != bool(alert.log_filter)
    assert balanced(text), text
    assert len(alert.advice) > 60
    assert alert.severity in {"CRITICAL", "ERROR", "WARNING"}
    assert any(mark in text for mark in ('"c1"', '"vpc1"')) or alert.of_endpoints, "it would watch the whole project"


@pytest.mark.parametrize("internal", [False, True])
def test_every_alert_is_about_this_cluster_or_gateway(internal: bool) -> None:
    """Two stacks of one project would be woken by each other, by the traffic of any Gateway of the region."""
    of_service = alerting.metric_alert(SCOPE, "impetus", "impetus_health_status", "<", 1, 0)
    for alert in (*alerting.alerts(replace(SCOPE, internal=internal), LIMITS), of_service):
        text = alert.log_filter + (f" AND {alerting.endpoints_in('10.4.0.0/14')}" if alert.of_endpoints else "")
        found = (
            check_query(alert.query, {"c1"}, {("inference", "entry")}, "query")
            if alert.query
            else check_filter(text, {"c1"}, {("inference", "entry")}, "filter")
        )
        assert found == [], alert.name
        for other in ({"c2"}, {("inference", "other")}), ({"c2"}, {("other", "entry")}):
            assert check_query(alert.query, *other, "query") or not alert.query, alert.name
        for selector in re.findall(r"\{[^}]*\}", alert.query):
            told_apart = ('location="us-east5-b"', 'network_name="vpc1"')
            assert any(each in selector for each in told_apart), "names are taken again in other zones and VPCs"


def test_health_of_endpoints_is_told_apart_by_the_pods_range() -> None:
    """The log of health checks names no cluster; without the range it was every endpoint of the region."""
    (alert,) = [each for each in BY_NAME.values() if each.of_endpoints]
    assert alert.name == "health-status"
    assert check_filter(alert.log_filter, {"c1"}, (), "filter") != []
    assert alerting.endpoints_in("10.4.0.0/14") == (
        '(ip_in_net(jsonPayload.healthCheckProbeResult.targetIp, "10.4.0.0/14") OR '
        'ip_in_net(jsonPayload.healthCheckProbeResult.ipAddress, "10.4.0.0/14"))'
    )


@pytest.mark.parametrize(
    ("namespace", "gateway", "url_map"),
    [
        # As users show them.
        ("exercises", "log-ping-app-gateway", "gkegw1-nv9e-exercises-log-ping-app-gateway-z33kukono48t"),
        ("a" * 20, "b" * 17, f"gkegw1-ab1c-{'a' * 20}-{'b' * 17}-0123456789ab"),
        # Too long: cut in proportion, or both by the same number of letters.
        ("a" * 40, "b" * 10, f"gkegw1-ab1c-{'a' * 29}-{'b' * 7}-0123456789ab"),
        ("a" * 40, "b" * 10, f"gkegw1-ab1c-{'a' * 33}-{'b' * 3}-0123456789ab"),
        ("a" * 40, "b" * 40, f"gkegw1-ab1c-{'a' * 18}-{'b' * 18}-0123456789ab"),
        ("a" * 40, "b", f"gkegw1-ab1c-{'a' * 36}-b-0123456789ab"),
    ],
)
def test_names_of_url_maps_are_found(namespace: str, gateway: str, url_map: str) -> None:
    """A pattern that misses the Gateway's own URL map makes every alert on its traffic silent."""
    assert len(url_map) <= 63
    assert re.fullmatch(monitoring.url_map_pattern(namespace, gateway), url_map)


def test_other_gateways_are_not_found() -> None:
    """By name or namespace; a name that is another one's beginning is not that one."""
    pattern = monitoring.url_map_pattern("inference", "entry")
    for middle in ("inference-entry-2", "inference-other", "inference-two-entry", "other-entry"):
        assert not re.fullmatch(pattern, f"gkegw1-ab1c-{middle}-0123456789ab"), middle


def test_thresholds_reach_their_queries_in_the_metric_s_unit() -> None:
    """Load balancers count milliseconds, containers parts of one, TPUs percent."""
    ends = {name: BY_NAME[name].query.rsplit(" ", 1)[-1] for name in BY_NAME if BY_NAME[name].query}
    assert ends == {
        "no-healthy-backend": "0.05",
        "latency": "350",
        "errors": "1",
        "cpu": "90",
        "memory": "95",
        "first-token": "2",
        "kv-cache": "90",
        "queue": "10",
        "no-ready-server": "1",
        "idle-tpus": "5",
    }
    assert BY_NAME["cpu"].query.startswith("100 * ")
    assert BY_NAME["idle-tpus"].query.startswith("avg by (node_name)")


@pytest.mark.parametrize(("internal", "prefix"), [(False, "https_external_regional_"), (True, "https_internal_")])
def test_internal_gateways_have_metrics_of_their_own(internal: bool, prefix: str) -> None:
    """The metrics of the two classes differ in name and resource; the wrong ones stay empty and never fire."""
    traffic = [a for a in alerting.alerts(replace(SCOPE, internal=internal), LIMITS) if "loadbalancing" in a.query]
    assert len(traffic) == 3
    for alert in traffic:
        names = set(re.findall(r"loadbalancing_googleapis_com:(https_\w+?_)(?:request|total)", alert.query))
        assert names == {prefix}
        resource = monitoring.INTERNAL.resource if internal else monitoring.EXTERNAL.resource
        assert f'monitored_resource="{resource}"' in alert.query


def test_a_stack_without_models_is_not_asked_about_them() -> None:
    """Alerts on metrics that never come would be noise in the list."""
    names = {a.name for a in alerting.alerts(replace(SCOPE, models=False, tpus=False), LIMITS)}
    assert names.isdisjoint({"first-token", "kv-cache", "queue", "no-ready-server", "idle-tpus"})
    assert "no-healthy-backend" in names


def test_alerts_on_a_service_s_own_metrics() -> None:
    """`impetus_consecutive_health_failures > 2` of the report, for the pods of that service alone."""
    alert = alerting.metric_alert(SCOPE, "impetus", "impetus_consecutive_health_failures", ">", 2, 1)
    assert alert == Alert(
        name="impetus-impetus-consecutive-health-failures-above",
        title="impetus: impetus_consecutive_health_failures is above 2",
        severity="ERROR",
        advice=alert.advice,
        query=(
            'max by (pod) (impetus_consecutive_health_failures{location="us-east5-b",cluster="c1",namespace="inference",'
            'pod=~"impetus-[a-z0-9]+-[a-z0-9]+"}) > 2'
        ),
        minutes=1,
    )
    low = alerting.metric_alert(SCOPE, "impetus", "impetus_health_status", "<", 1, 0)
    assert low.query.endswith("< 1")
    assert low.name.endswith("-below")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500m", 0.5), ("2", 2), ("1Gi", 2**30), ("1.5", 1.5), ("1500Mi", 1500 * 2**20), ("2k", 2000)],
)
def test_quantities(text: str, expected: float) -> None:
    """Suffixes of the decimal and the binary kind."""
    assert quantity.number(text) == Decimal(str(expected))


@pytest.mark.parametrize("text", ["", "x", "-1", "1 Gi", "1e3", "٣"])
def test_what_is_no_quantity(text: str) -> None:
    """Nothing is guessed."""
    assert quantity.number(text) is None


def test_shared_disks() -> None:
    """Only modes that one node holds limit the number of pods."""
    for mode in ("ReadWriteMany", "ReadOnlyMany"):
        assert volumes.check_single_writer(mode, 9, "x", "replicas") == []
        assert volumes.check_rollout(mode, None, "x") == []
    assert [f.rule for f in volumes.check_single_writer("ReadWriteOnce", 2, "x", "replicas")] == ["single-writer"]
    assert volumes.check_single_writer("ReadWriteOnce", 1, "x", "replicas") == []
    assert [f.rule for f in volumes.check_rollout("ReadWriteOncePod", "RollingUpdate", "x")] == ["rollout"]
