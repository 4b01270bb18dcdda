"""How many pods an HttpInferenceService has, and how few a disruption may leave.

Owns the specs of HorizontalPodAutoscaler, AutoscalingMetric and PodDisruptionBudget.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from components.http_service.arguments import Endpoints, Metric, Scaling


def autoscaler(name: str, namespace: str, scaling: Scaling) -> dict[str, Any]:
    """`spec` of the HorizontalPodAutoscaler: doubled at most each minute, one pod fewer each minute."""
    metrics: list[dict[str, Any]] = [metric.target(name, namespace) for metric in scaling.metrics]
    if scaling.cpu_percent is not None:
        use = {"type": "Utilization", "averageUtilization": scaling.cpu_percent}
        metrics.insert(0, {"type": "Resource", "resource": {"name": "cpu", "target": use}})
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "minReplicas": scaling.low,
        "maxReplicas": scaling.high,
        "metrics": metrics,
        "behavior": {
            "scaleUp": {
                "stabilizationWindowSeconds": scaling.up_seconds,
                "policies": [{"type": "Percent", "value": 100, "periodSeconds": 60}],
            },
            "scaleDown": {
                "stabilizationWindowSeconds": scaling.down_seconds,
                "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
            },
        },
    }


def autoscaling_metric(endpoints: Endpoints, metrics: Sequence[Metric], selected: dict[str, str]) -> dict[str, Any]:
    """`spec` of the AutoscalingMetric that names what GKE reads from the pods."""
    gauges = [{"gauge": {"name": metric.label, "prometheusMetricName": metric.name}} for metric in metrics]
    container = {"endpoint": {"port": endpoints.port, "path": endpoints.metrics}, "metrics": gauges}
    return {"metrics": [{"pod": {"selector": {"matchLabels": selected}, "containers": [container]}}]}


def disruption_budget(selected: dict[str, str]) -> dict[str, Any]:
    """`spec` of the PodDisruptionBudget: one pod at a time, so that nodes can always be drained."""
    return {"maxUnavailable": 1, "selector": {"matchLabels": selected}}
