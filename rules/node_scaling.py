"""GKE's cluster autoscaler: when it takes a node away, and what keeps it from doing so.

Owns times, limits, names and texts. Does not own the limits of pools (`node_pool`) nor autoscaling of pods (`autoscaling`).
Sources, read 2026-11: cloud.google.com/kubernetes-engine/docs/troubleshooting/cluster-autoscaler-scale-down (a scan every 10 s,
10 minutes, threshold 0.5 with profile `balanced`; for `optimize-utilization` no number is published); kubernetes/autoscaler:
cluster-autoscaler/FAQ.md for the defaults and the pods that block, core/scaledown/actuation for events and taint,
utils/daemonset and utils/pod for the pods that do not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from rules.quantity import number

Pod = Mapping[str, Any]

SCAN_SECONDS: Final = 10
"""How often it looks at pods and nodes."""
UNNEEDED_SECONDS: Final = 600
"""A node goes when it was not needed for so long without a break (profile `balanced`)."""
DELAY_AFTER_ADD_SECONDS: Final = 600
"""So long after it has added nodes anywhere it takes none away."""
EVICTION_SECONDS: Final = 120
"""So long it tries to evict a pod that a PodDisruptionBudget protects."""
LONGEST_GRACE_SECONDS: Final = 600
"""A pod that has not ended by then ends with its node."""
UTILIZATION_THRESHOLD: Final = 0.5
"""Share of allocatable CPU and memory; a node whose pods request less is a candidate."""

DELETION_TAINT: Final = "ToBeDeletedByClusterAutoscaler"
SAFE_TO_EVICT: Final = "cluster-autoscaler.kubernetes.io/safe-to-evict"
SAFE_VOLUMES: Final = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
SCALE_DOWN_DISABLED: Final = "cluster-autoscaler.kubernetes.io/scale-down-disabled"
"""Annotation of a node that is to stay."""
MIRROR_ANNOTATION: Final = "kubernetes.io/config.mirror"
"""Marks what a kubelet runs from a file."""

COMPONENT: Final = "cluster-autoscaler"
REASON: Final = "ScaleDown"
REASON_FAILED: Final = "ScaleDownFailed"
MARKED: Final = "marked the node as toBeDeleted/unschedulable"
EVICTED: Final = "deleting pod for node scale down"
REMOVED: Final = "nodes removed by cluster autoscaler"
NOT_EVICTED: Final = "failed to delete pod for ScaleDown"
NOT_DRAINED: Final = "failed to drain and delete node: {why}"


def counts(pod: Pod) -> bool:
    """Whether a pod is a reason for a node: those of DaemonSets, a kubelet's own, and ended ones are none."""
    metadata = pod["metadata"]
    if MIRROR_ANNOTATION in (metadata.get("annotations") or {}):
        return False
    if any(
        owner.get("kind") == "DaemonSet" and owner.get("controller") for owner in metadata.get("ownerReferences") or []
    ):
        return False
    return pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}


def keeps_node(pod: Pod, *, allowances: Sequence[int]) -> str | None:
    """Why a pod that counts cannot be moved to another node; None when it can.

    `allowances` are the disruptions that the PodDisruptionBudgets over the pod allow now.
    """
    metadata = pod["metadata"]
    annotations: Mapping[str, str] = metadata.get("annotations") or {}
    if annotations.get(SAFE_TO_EVICT) == "false":
        return "its annotation safe-to-evict is false"
    if any(allowed < 1 for allowed in allowances):
        return "its PodDisruptionBudget allows no disruption"
    if annotations.get(SAFE_TO_EVICT) == "true":
        return None
    if not any(owner.get("controller") for owner in metadata.get("ownerReferences") or []):
        return "no controller would replace it"
    if metadata.get("namespace") == "kube-system" and not allowances:
        return "it is a system pod without a PodDisruptionBudget"
    local = _local_volumes(pod) - {name.strip() for name in annotations.get(SAFE_VOLUMES, "").split(",")}
    return f"it has local storage: {', '.join(sorted(local))}" if local else None


def _local_volumes(pod: Pod) -> set[str]:
    volumes = cast(list[dict[str, Any]], pod["spec"].get("volumes") or [])
    return {
        str(volume["name"])
        for volume in volumes
        if "hostPath" in volume or ("emptyDir" in volume and (volume["emptyDir"] or {}).get("medium") != "Memory")
    }


def requested(pods: Sequence[Pod], resource: str) -> float:
    """What the pods request of a resource, in cores, bytes or pieces; containers only, and limits where no request stands."""
    total = 0.0
    for pod in pods:
        for container in cast(list[dict[str, Any]], pod["spec"]["containers"]):
            resources = container.get("resources") or {}
            text = (resources.get("requests") or {}).get(resource) or (resources.get("limits") or {}).get(resource)
            total += float(number(str(text)) or 0) if text is not None else 0.0
    return total


def is_underused(pods: Sequence[Pod], allocatable: Mapping[str, str]) -> bool:
    """Whether the pods request less than the threshold of both CPU and memory."""
    for resource in ("cpu", "memory"):
        offered = float(number(str(allocatable.get(resource, "0"))) or 0)
        if not offered or requested(pods, resource) / offered >= UTILIZATION_THRESHOLD:
            return False
    return True
