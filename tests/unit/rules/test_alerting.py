"""When somebody is told: the conditions hold what was decided, and are written so that Cloud Monitoring reads them."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest

from rules import alerting, monitoring, quantity, volumes
from rules.alerting import Alert, Scope, Thresholds
from sandbox.cloud.monitoring import balanced

SCOPE = Scope(cluster="c1", namespace="inference", region="us-east5", internal=False, models=True, tpus=True)
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
    assert any(mark in text for mark in ('"c1"', '"us-east5"')), "it would watch the whole project"


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
            'max by (pod) (impetus_consecutive_health_failures{cluster="c1",namespace="inference",pod=~"impetus-.+"}) > 2'
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
