"""Whether a pod would be scheduled to a node, as far as the autoscaler's simulation looks.

Owns selectors, tolerations and resources. Does not own affinity and spreading: pods with such rules count as bound to where they
are. The real scheduler has the last word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rules import tpu
from rules.node_scaling import requested
from rules.quantity import number
from sandbox.node import nodes

Object = dict[str, Any]

_RESOURCES: Final = ("cpu", "memory", "ephemeral-storage", tpu.TPU_RESOURCE)


def selects(pod: Object, labels: Mapping[str, str]) -> bool:
    """Whether the pod's node selector takes a node with these labels."""
    selector: Mapping[str, str] = pod["spec"].get("nodeSelector") or {}
    return all(labels.get(key) == value for key, value in selector.items())


def tolerates(pod: Object, taints: Iterable[Object]) -> bool:
    """Whether the pod tolerates every taint that keeps pods away."""
    tolerations: list[Object] = pod["spec"].get("tolerations") or []
    hard = (taint for taint in taints if taint.get("effect") != "PreferNoSchedule")
    return all(any(_tolerates(each, taint) for each in tolerations) for taint in hard)


def has_rules(pod: Object) -> bool:
    """Whether more decides where the pod goes than is simulated here."""
    spec = pod["spec"]
    claims = any("persistentVolumeClaim" in volume for volume in spec.get("volumes") or [])
    return bool(spec.get("affinity") or spec.get("topologySpreadConstraints") or claims)


def by_node(pods: Iterable[Object]) -> dict[str, list[Object]]:
    """The pods that hold something of a node, by the node's name: bound to it and not ended."""
    held: dict[str, list[Object]] = {}
    for pod in pods:
        if pod["spec"].get("nodeName") and pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}:
            held.setdefault(pod["spec"]["nodeName"], []).append(pod)
    return held


def is_open(node: Object) -> bool:
    """Whether pods are scheduled to a node at all."""
    return nodes.is_ready(node) and not node["spec"].get("unschedulable")


def fits(pod: Object, node: Object, left: dict[str, float]) -> bool:
    """Whether a node that is open takes the pod; then what it requests is taken from `left`."""
    labels, taints = node["metadata"].get("labels") or {}, node["spec"].get("taints") or []
    return selects(pod, labels) and tolerates(pod, taints) and take(pod, left)


def room(node: Object, pods: Sequence[Object]) -> dict[str, float]:
    """What is left of a node's resources."""
    allocatable = node.get("status", {}).get("allocatable") or {}
    left = {name: float(number(str(allocatable.get(name, "0"))) or 0) - requested(pods, name) for name in _RESOURCES}
    return {**left, "pods": float(number(str(allocatable.get("pods", "0"))) or 0) - len(pods)}


def take(pod: Object, left: dict[str, float]) -> bool:
    """Takes what the pod requests from `left`, if there is enough."""
    needed = {**{name: requested([pod], name) for name in _RESOURCES}, "pods": 1.0}
    if any(amount > left[name] for name, amount in needed.items() if amount):
        return False
    for name, amount in needed.items():
        left[name] -= amount
    return True


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", "")
