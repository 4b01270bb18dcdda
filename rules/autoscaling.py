"""Scaling of servers: limits, what a HorizontalPodAutoscaler may own, and how a server is stopped without cutting answers.

Owns the arithmetic of replicas and of shutdown times. Sources: Kubernetes' documentation of HorizontalPodAutoscaler and of pod
termination (2026); an operator's report of scaled pods that never turned Ready and idled beside overloaded ones; KServe v0.20.0
workload.go, which resets what it generates.
"""

from __future__ import annotations

from typing import Final

from rules.finding import Finding

DEFAULT_GRACE_SECONDS: Final = 30
"""Kubernetes' terminationGracePeriodSeconds."""
SCALABLE_KINDS: Final = ("Deployment", "StatefulSet", "ReplicaSet", "LeaderWorkerSet")


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


def check_generated_target(name: str, service: str) -> Finding:
    """The finding for an autoscaler of what KServe generates."""
    return Finding(
        path="spec.scaleTargetRef.name",
        value=name,
        reason=f"KServe generates it for LLMInferenceService {service} and resets its replicas: the two scale against each "
        "other",
        remedy="Write spec.scaling with minReplicas and maxReplicas on the LLMInferenceService instead.",
        rule="target",
    )


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
