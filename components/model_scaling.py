"""How many servers of a model there are, and which of its pods go first: autoscaler, disruption budget, priority.

Owns the objects beside the LLMInferenceService that act on its pods. KServe's own `scaling` needs a further controller (the
workload variant autoscaler), so a HorizontalPodAutoscaler acts on the Deployment that KServe makes: KServe keeps its number of
replicas where the service names none.
"""

from __future__ import annotations

from typing import Any

import pulumi

from components.manifests import manifest
from components.settings.model import Model
from components.settings.model_lifecycle import ModelAutoscaling
from rules import autoscaling, kserve, vllm, vllm_metrics

QUEUE_METRIC = "queue-length"
KV_CACHE_METRIC = "kv-cache-usage"
"""Names of the two metrics where the autoscaler reads the pods itself: lower-case letters and dashes."""


def autoscaler(model: Model, *, namespace: str, opts: pulumi.ResourceOptions) -> None:
    """The autoscaler of a model that is autoscaled, and where it reads its metrics."""
    wanted = model.autoscaling
    if wanted is None:
        return
    names = kserve.GeneratedNames(model.name)
    if wanted.source == "pods":
        manifest(
            f"{model.name}-metrics",
            api_version=autoscaling.AUTOSCALING_METRIC_API_VERSION,
            kind=autoscaling.AUTOSCALING_METRIC,
            name=model.name,
            namespace=namespace,
            spec={"metrics": [{"pod": _read_from_pods(model.name, wanted)}]},
            opts=opts,
        )
    manifest(
        f"{model.name}-autoscaler",
        api_version="autoscaling/v2",
        kind="HorizontalPodAutoscaler",
        name=model.name,
        namespace=namespace,
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": names.deployment},
            "minReplicas": wanted.min_replicas,
            "maxReplicas": wanted.max_replicas,
            "metrics": [_target(model.name, wanted, *each) for each in _metrics(wanted)],
            "behavior": {
                "scaleUp": {"stabilizationWindowSeconds": wanted.scale_up_window_seconds},
                "scaleDown": {
                    "stabilizationWindowSeconds": wanted.scale_down_window_seconds,
                    "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
                },
            },
        },
        opts=opts,
    )


def disruption_budget(model: Model, *, namespace: str, opts: pulumi.ResourceOptions) -> None:
    """One server at a time may be taken away by node upgrades, where there are several."""
    if model.most_replicas < 2:
        return
    selector = {"matchLabels": kserve.workload_labels(model.name)}
    manifest(
        f"{model.name}-disruption",
        api_version="policy/v1",
        kind="PodDisruptionBudget",
        name=model.name,
        namespace=namespace,
        spec={"maxUnavailable": 1, "selector": selector},
        opts=opts,
    )


def priority_class(model: Model, *, namespace: str, opts: pulumi.ResourceOptions) -> str | None:
    """Name of the PriorityClass of a model's pods; it is made where it does not exist."""
    wanted = model.priority
    if wanted is None or wanted.value is None:
        return None if wanted is None else wanted.class_name
    name = f"{namespace}-{model.name}"
    manifest(
        f"{model.name}-priority",
        api_version="scheduling.k8s.io/v1",
        kind="PriorityClass",
        name=name,
        fields={
            "value": wanted.value,
            "globalDefault": False,
            "preemptionPolicy": "PreemptLowerPriority" if wanted.preempt else "Never",
            "description": f"Servers of model {model.name}",
        },
        opts=opts,
    )
    return name


def pod_labels(model: Model) -> dict[str, str]:
    """Labels of a model's pods beside KServe's: GKE's metrics select by names without dots and slashes."""
    return {kserve.MODEL_LABEL: model.name}


def _metrics(wanted: ModelAutoscaling) -> list[tuple[str, str, str]]:
    """Name, Prometheus name and target per pod of each metric."""
    found: list[tuple[str, str, str]] = []
    if wanted.queue_length is not None:
        found.append((QUEUE_METRIC, vllm_metrics.WAITING, str(wanted.queue_length)))
    if wanted.kv_cache_percent is not None:
        found.append((KV_CACHE_METRIC, vllm_metrics.KV_CACHE_USAGE, f"{wanted.kv_cache_percent * 10}m"))
    return found


def _target(model: str, wanted: ModelAutoscaling, name: str, prometheus: str, average: str) -> dict[str, Any]:
    metric = (
        autoscaling.NATIVE_METRIC.format(object=model, name=name)
        if wanted.source == "pods"
        else autoscaling.ADAPTER_METRIC.format(name=prometheus, type="gauge")
    )
    return {"type": "Pods", "pods": {"metric": {"name": metric}, "target": _average(average)}}


def _average(value: str) -> dict[str, str]:
    return {"type": "AverageValue", "averageValue": value}


def _read_from_pods(model: str, wanted: ModelAutoscaling) -> dict[str, Any]:
    gauges = [{"gauge": {"name": name, "prometheusMetricName": prometheus}} for name, prometheus, _ in _metrics(wanted)]
    endpoint = {"port": vllm.PORT, "path": vllm.METRICS_PATH}
    return {
        "selector": {"matchLabels": {kserve.MODEL_LABEL: model}},
        "containers": [{"endpoint": endpoint, "metrics": gauges}],
    }
