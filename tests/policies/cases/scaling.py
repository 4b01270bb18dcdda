"""How many servers there are: autoscalers and the metrics they ask for, scaling of services, shutdown."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.cases.parts import API
from tests.policies.harness import UNKNOWN, Made, kubernetes
from tests.policies.objects import (
    backend,
    deployment,
    llm,
    service,
    web,
)


def hpa(name: Any = "api", kind: str = "Deployment", low: Any = 2, high: Any = 6, **spec: Any) -> Made:
    """A HorizontalPodAutoscaler by CPU."""
    target = {"type": "Utilization", "averageUtilization": 70}
    body = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": name},
        "minReplicas": low,
        "maxReplicas": high,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        **spec,
    }
    return kubernetes("autoscaling/v2", "HorizontalPodAutoscaler", "api", spec=body)


ADAPTER = "prometheus.googleapis.com|in_flight|gauge"


NATIVE = "autoscaling.gke.io|api|in-flight"


def by(name: Any, kind: str = "Pods") -> Made:
    """An autoscaler by one custom metric."""
    target = {"type": "AverageValue", "averageValue": "10"}
    return hpa(metrics=[{"type": kind, kind.lower(): {"metric": {"name": name}, "target": target}}])


def scraped(labels: Any, namespace: str = "models") -> Made:
    """A PodMonitoring of pods with those labels."""
    spec = {"selector": {"matchLabels": labels}, "endpoints": [{"port": "http"}]}
    return kubernetes("monitoring.googleapis.com/v1", "PodMonitoring", "api", namespace, spec=spec)


def offering(name: Any = "api", gauge: Any = "in-flight") -> Made:
    """An AutoscalingMetric with one gauge."""
    gauges = [{"gauge": {"name": gauge, "prometheusMetricName": "in_flight"}}]
    containers = [{"endpoint": {"port": 8080}, "metrics": gauges}]
    pod = {"selector": {"matchLabels": {"app": "api"}}, "containers": containers}
    return kubernetes("autoscaling.gke.io/v1beta1", "AutoscalingMetric", name, spec={"metrics": [{"pod": pod}]})


def sleeping(seconds: int) -> dict[str, Any]:
    """A preStop hook that sleeps."""
    return {"preStop": {"exec": {"command": ["/bin/sh", "-c", f"sleep {seconds}"]}}}


CASES: Final[Cases] = {
    "autoscaler-target": [
        fail("fixed-replicas", "sets it back to 2", deployment(), hpa()),
        fail("limits", "minReplicas is 8", deployment(replicas=None), hpa(low=8)),
        fail("limits", "nothing is ever scaled", deployment(replicas=None), hpa(low=6)),
        fail("target", "no Deployment of that name", deployment(replicas=None), hpa("other")),
        fail("target", "writes that number back", llm(replicas=2), hpa("qwen-kserve")),
        good(llm(), hpa("qwen-kserve")),
        fail("fixed-replicas", "spec.replicas is 3", deployment(replicas=3), hpa(metrics=[])),
        missing("readiness", "readinessProbe is missing", deployment(web(readinessProbe=None), replicas=None), hpa()),
        missing("metric", "requests.cpu is missing", deployment(web(resources=None), replicas=None), hpa()),
        missing("limits", "maxReplicas is missing", deployment(replicas=None), hpa(high=None)),
        unknown("undecided", "scaleTargetRef.name is '(unknown)'", deployment(replicas=None), hpa(UNKNOWN)),
        unknown("undecided", "maxReplicas is '(unknown)'", deployment(replicas=None), hpa(high=UNKNOWN)),
        good(deployment(replicas=None), hpa()),
        good(deployment(replicas=None), hpa(low=None)),
        near(deployment(namespace="other"), hpa()),
        near(deployment()),
        near(deployment(web(resources={"limits": {"cpu": 1}}), replicas=None), hpa()),
        near(hpa("Foo", kind="Rollout"), deployment(replicas=None)),
        fail("metric", "no PodMonitoring", deployment(replicas=None), by(ADAPTER)),
        fail("metric", "no PodMonitoring", deployment(replicas=None), by(ADAPTER), scraped({"app": "other"})),
        fail("metric", "Write custom|in_flight", deployment(replicas=None), by("custom/in_flight")),
        fail("metric", "Declare an AutoscalingMetric", deployment(replicas=None), by(NATIVE)),
        fail("metric", "Write one of autoscaling.gke.io|api|load", by(NATIVE), offering(gauge="load")),
        missing("metric", "no PodMonitoring", deployment(replicas=None), by(ADAPTER), scraped({"app": "api"}, "other")),
        unknown("undecided", "matchLabels", deployment(replicas=None), by(ADAPTER), scraped({"app": UNKNOWN})),
        unknown("undecided", "metric.name is '(unknown)'", deployment(replicas=None), by(UNKNOWN)),
        unknown("undecided", "gauge.name is '(unknown)'", by(NATIVE), offering(gauge=UNKNOWN)),
        good(deployment(replicas=None), by(ADAPTER), scraped({"app": "api"})),
        good(deployment(replicas=None), by(NATIVE), offering()),
        near(deployment(replicas=None), by("custom.example.com|in_flight")),
        near(deployment(replicas=None), by(ADAPTER, "External")),
        near(deployment(replicas=None), by(ADAPTER), scraped({})),
    ],
    "service-scaling": [
        fail("fixed-replicas", "spec.replicas is 2", llm(replicas=2, scaling={"minReplicas": 1, "maxReplicas": 2})),
        fail("limits", "minReplicas is 3", llm(scaling={"minReplicas": 3, "maxReplicas": 2})),
        missing("", "", llm(scaling={"maxReplicas": 2})),
        unknown("", "", llm(replicas=UNKNOWN)),
        good(llm(replicas=2)),
        good(llm(scaling={"minReplicas": 1, "maxReplicas": 2})),
        near(llm(scaling={"minReplicas": 2, "maxReplicas": 2})),
    ],
    "graceful-shutdown": [
        fail("grace", "preStop hook alone waits 60 s", deployment(web(lifecycle=sleeping(60)))),
        fail("grace", "clients see cut streams", llm(), backend(connectionDraining={"drainingTimeoutSec": 300})),
        missing(
            "grace",
            "terminationGracePeriodSeconds is 30",
            deployment(),
            service(),
            backend(API, connectionDraining={"drainingTimeoutSec": 60}),
        ),
        unknown(
            "undecided",
            "requests under way",
            deployment(web(lifecycle=sleeping(60)), terminationGracePeriodSeconds=UNKNOWN),
        ),
        good(llm(), backend(connectionDraining={"drainingTimeoutSec": 60})),
        good(deployment(web(lifecycle=sleeping(15)))),
        near(deployment(web(lifecycle={"preStop": {"exec": {"command": ["/bin/drain", "900"]}}}))),
        near(deployment(web(lifecycle={"preStop": {"sleep": {"seconds": 60}}}), terminationGracePeriodSeconds=90)),
    ],
}
