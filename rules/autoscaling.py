"""Scaling of servers: limits, what a HorizontalPodAutoscaler may own, and how a server is stopped without cutting answers.

Owns the arithmetic of replicas and of shutdown times. Sources: Kubernetes' documentation of HorizontalPodAutoscaler and of pod
termination (2026); an operator's report of scaled pods that never turned Ready and idled beside overloaded ones; KServe v0.20.0
workload.go, which resets what it generates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rules import versions
from rules.finding import Finding

DEFAULT_GRACE_SECONDS: Final = 30
"""Kubernetes' terminationGracePeriodSeconds."""
SCALABLE_KINDS: Final = ("Deployment", "StatefulSet", "ReplicaSet", "LeaderWorkerSet")

SCALE_UP_WINDOW_SECONDS: Final = 30
"""Long enough that one slow scrape adds no pod."""
SCALE_DOWN_WINDOW_SECONDS: Final = 300
"""Kubernetes' own default: a model takes minutes to load, so a pod is not given up for a short lull."""
PRE_STOP_SECONDS: Final = 20
"""How long a server goes on serving after it was told to stop: until the endpoint group is programmed, which takes seconds to
tens of them (kubernetes/ingress-gce#769, #1718), requests still arrive."""
ADAPTER_PREFIX: Final = "prometheus.googleapis.com"
ADAPTER_METRIC: Final = f"{ADAPTER_PREFIX}|{{name}}|{{type}}"
"""Name of a managed-Prometheus metric for an autoscaler, through the Custom Metrics Stackdriver Adapter (GKE, 2026)."""
ADAPTER_NAMESPACE_LABEL: Final = "resource.labels.namespace"
"""Selects, of an external metric of managed Prometheus, what was scraped in one namespace."""
NATIVE_PREFIX: Final = "autoscaling.gke.io"
NATIVE_METRIC: Final = f"{NATIVE_PREFIX}|{{object}}|{{name}}"
"""Name of a metric that an AutoscalingMetric object reads straight from the pods."""
AUTOSCALING_METRIC: Final = "AutoscalingMetric"
AUTOSCALING_METRIC_API_VERSION: Final = "autoscaling.gke.io/v1beta1"
MINIMUM_NATIVE_METRIC_VERSION: Final = "1.35.1-gke.1396000"
"""From here GKE serves AutoscalingMetric (preview since March 2026)."""


def check_native_metrics(channel: str, minimum_version: str | None, path: str = "source") -> list[Finding]:
    """Whether a cluster of that release channel lets autoscalers read metrics straight from pods."""
    enough = minimum_version is not None and versions.at_least(minimum_version, MINIMUM_NATIVE_METRIC_VERSION)
    if channel == "RAPID" or enough:
        return []
    return [
        Finding(
            path=path,
            value="pods",
            reason=f"GKE reads metrics of pods from {MINIMUM_NATIVE_METRIC_VERSION} on, in the RAPID channel first; before, the "
            "autoscaler's metrics stay unknown and nothing is scaled",
            remedy=f"Write cluster.minimumVersion: {MINIMUM_NATIVE_METRIC_VERSION}, releaseChannel: RAPID, or "
            "managed-prometheus.",
            rule="native-metrics",
        )
    ]


def check_limits(low: int | None, high: int | None) -> list[Finding]:
    """Whether an autoscaler has room to scale; `low` None is Kubernetes' 1."""
    least = 1 if low is None else low
    if high is None:
        return [
            Finding(
                path="spec.maxReplicas",
                value=None,
                reason="the API server refuses an autoscaler without it",
                remedy="Write how many servers the node pools can hold.",
                rule="limits",
            )
        ]
    if least > high:
        return [
            Finding(
                path="spec.minReplicas",
                value=least,
                reason=f"it is more than maxReplicas {high}; the API server refuses the autoscaler",
                remedy=f"Write at most {high}.",
                rule="limits",
            )
        ]
    if least == high:
        return [
            Finding(
                path="spec.maxReplicas",
                value=high,
                reason="it equals minReplicas, so nothing is ever scaled",
                remedy="Write a larger number, or write replicas and leave the autoscaler out.",
                rule="limits",
            )
        ]
    return []


def check_fixed_replicas(replicas: int | None, autoscaler: str) -> list[Finding]:
    """Whether the target leaves its size to the autoscaler; the path is the target's."""
    if replicas is None:
        return []
    return [
        Finding(
            path="spec.replicas",
            value=replicas,
            reason=f"{autoscaler} scales it, and each update of the stack sets it back to {replicas} in the middle of load",
            remedy="Leave replicas out.",
            rule="fixed-replicas",
        )
    ]


def check_target_missing(kind: str, name: str) -> Finding:
    """The finding for an autoscaler whose target is not in the stack although its namespace's workloads are."""
    return Finding(
        path="spec.scaleTargetRef.name",
        value=name,
        reason=f"the stack declares workloads in this namespace but no {kind} of that name; the autoscaler reports "
        "FailedGetScale and does nothing",
        remedy=f"Write the name of a declared {kind}.",
        rule="target",
    )


def check_generated_target(name: str, service: str, replicas: object) -> list[Finding]:
    """Whether an autoscaler may own what KServe generates for a service that asks for `replicas`; None asks for none.

    KServe keeps the number that an autoscaler wrote where the service names none (PreserveDeploymentReplicas, llmisvc/workload.go
    at v0.20.0); where it names one, each reconciliation writes that back.
    """
    if replicas is None:
        return []
    return [
        Finding(
            path="spec.scaleTargetRef.name",
            value=name,
            reason=f"KServe generates it for LLMInferenceService {service}, whose spec.replicas is {replicas}, and writes that "
            "number back: the two scale against each other",
            remedy="Leave replicas out of the LLMInferenceService, or write its spec.scaling instead.",
            rule="target",
        )
    ]


def check_readiness(path: str, autoscaler: str) -> Finding:
    """The finding for a scaled server without a readiness probe."""
    return Finding(
        path=path,
        value=None,
        reason=f"{autoscaler} adds pods under load, and without this probe each gets requests before its model is loaded, "
        "which fail",
        remedy="Write a readinessProbe on the server's health path.",
        rule="readiness",
    )


def check_metric_request(resource: str, path: str) -> Finding:
    """The finding for scaling by utilization of something that is not requested."""
    return Finding(
        path=path,
        value=None,
        reason=f"the autoscaler computes {resource} utilization from it; without it, it reports FailedGetResourceMetric and does "
        "nothing",
        remedy=f"Write resources.requests.{resource}, or scale by another metric.",
        rule="metric",
    )


def check_pre_stop(pre_stop: int, grace: int, path: str) -> list[Finding]:
    """Whether a preStop wait leaves time to end answers within the grace period."""
    if pre_stop < grace:
        return []
    return [
        Finding(
            path=path,
            value=grace,
            reason=f"the preStop hook alone waits {pre_stop} s, so the server is killed before it is told to stop, and answers "
            "in progress are cut",
            remedy=f"Write more than {pre_stop}, plus the time of the longest answer.",
            rule="grace",
        )
    ]


def check_draining(draining: int, grace: int, path: str, policy: str) -> list[Finding]:
    """Whether pods live as long as the load balancer drains them."""
    if draining <= grace:
        return []
    return [
        Finding(
            path=path,
            value=grace,
            reason=f"{policy} lets the load balancer finish requests for {draining} s, but the kubelet kills the pod after "
            f"{grace} s: clients see cut streams at every rollout",
            remedy=f"Write at least {draining}, or a shorter drainingTimeoutSec.",
            rule="grace",
        )
    ]


def check_metric_name(name: str, path: str) -> list[Finding]:
    """Whether the API server takes the name of a custom or external metric."""
    if "/" not in name:
        return []
    return [
        Finding(
            path=path,
            value=name,
            reason="metrics are asked for by URL, and the API server refuses a name with '/'",
            remedy=f"Write {name.replace('/', '|')}.",
            rule="metric",
        )
    ]


def check_scraped(name: str, path: str, *, scraped: bool) -> list[Finding]:
    """Whether a metric of managed Prometheus is read from the target's pods at all."""
    if scraped or not name.startswith(f"{ADAPTER_PREFIX}|"):
        return []
    return [
        Finding(
            path=path,
            value=name,
            reason="no PodMonitoring of the stack selects the target's pods, so managed Prometheus has no such metric: the "
            "autoscaler reports FailedGetPodsMetric and takes no pod away any more",
            remedy="Declare a PodMonitoring with the pods' labels and the path of their metrics.",
            rule="metric",
        )
    ]


def check_native(name: str, path: str, offered: Mapping[str, frozenset[str]]) -> list[Finding]:
    """Whether an AutoscalingMetric offers a metric that is named after one; `offered` is gauges by object."""
    parts = name.split("|")
    if parts[0] != NATIVE_PREFIX or (len(parts) == 3 and parts[2] in offered.get(parts[1], frozenset())):
        return []
    listed = ", ".join(NATIVE_METRIC.format(object=o, name=g) for o in sorted(offered) for g in sorted(offered[o]))
    return [
        Finding(
            path=path,
            value=name,
            reason="no AutoscalingMetric of the stack in this namespace offers it: the autoscaler reports FailedGetPodsMetric",
            remedy=f"Write one of {listed}." if listed else "Declare an AutoscalingMetric with the gauge.",
            rule="metric",
        )
    ]
