"""When an object counts as ready: pure functions on the live object, one per kind that Kubernetes itself fulfils.

Custom resources have no common notion of ready; they count as ready at once unless the annotation `pulumi.com/waitFor`
says what to wait for (see `conditions`), as with the official provider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from .conditions import condition_of, parse_wait_for
from .objects import WAIT_FOR, annotation, member
from .tokens import api_group


def missing(live: Mapping[str, Any]) -> list[str]:
    """What `live` still lacks to be ready, for people; empty when it is ready.

    Raises:
        ValueError: the annotation `pulumi.com/waitFor` cannot be understood.
    """
    wanted = annotation(live, WAIT_FOR)
    if wanted is not None:
        return [lack for condition in parse_wait_for(wanted) if (lack := condition.lack(live)) is not None]
    rule = _RULES.get((api_group(str(live.get("apiVersion", ""))), str(live.get("kind", ""))))
    return rule(live) if rule else []


def is_awaited(obj: Mapping[str, Any]) -> bool:
    """Whether there is anything to wait for."""
    key = (api_group(str(obj.get("apiVersion", ""))), str(obj.get("kind", "")))
    return annotation(obj, WAIT_FOR) is not None or key in _RULES


def fatal(live: Mapping[str, Any]) -> str | None:
    """Why `live` will never be ready, None while it may be."""
    kind = live.get("kind")
    if kind == "Job" and api_group(str(live.get("apiVersion"))) == "batch":
        failed = condition_of(live, "Failed")
        if failed and failed.get("status") == "True":
            return f"the Job failed: {failed.get('reason', '')} {failed.get('message', '')}".strip()
    if kind == "Pod" and live.get("apiVersion") == "v1" and member(live, "status", "phase") == "Failed":
        return f"the Pod failed: {member(live, 'status', 'message') or member(live, 'status', 'reason') or 'no reason'}"
    if kind == "CustomResourceDefinition":
        accepted = condition_of(live, "NamesAccepted")
        if accepted and accepted.get("status") == "False":
            return f"the names of the CustomResourceDefinition are not accepted: {accepted.get('message', '')}"
    return None


def _number(live: Mapping[str, Any], *keys: str) -> int:
    value = member(live, *keys)
    return value if isinstance(value, int) else 0


def _replicas(live: Mapping[str, Any]) -> int:
    value = member(live, "spec", "replicas")
    return value if isinstance(value, int) else 1


def _observed(live: Mapping[str, Any]) -> list[str]:
    if _number(live, "status", "observedGeneration") < _number(live, "metadata", "generation"):
        return [f"the controller has not yet seen this version of the {live.get('kind')}"]
    return []


def _deployment(live: Mapping[str, Any]) -> list[str]:
    wanted = _replicas(live)
    if lacks := _observed(live):
        return lacks
    updated, available = _number(live, "status", "updatedReplicas"), _number(live, "status", "availableReplicas")
    total = _number(live, "status", "replicas")
    if updated < wanted:
        lacks.append(f"{updated} of {wanted} replicas are updated")
    if available < wanted:
        lacks.append(f"{available} of {wanted} replicas are available")
    if not lacks and total > updated:
        lacks.append(f"{total - updated} old replicas are still to end")
    progressing = condition_of(live, "Progressing")
    if lacks and progressing and progressing.get("status") == "False":
        lacks.append(f"{progressing.get('reason', '')}: {progressing.get('message', '')}")
    return lacks


def _stateful_set(live: Mapping[str, Any]) -> list[str]:
    wanted = _replicas(live)
    if lacks := _observed(live):
        return lacks
    ready = _number(live, "status", "readyReplicas")
    if ready < wanted:
        lacks.append(f"{ready} of {wanted} replicas are ready")
    status = cast("Mapping[str, Any]", live.get("status") or {})
    rolling = member(live, "spec", "updateStrategy", "type") != "OnDelete"
    partitioned = bool(member(live, "spec", "updateStrategy", "rollingUpdate", "partition"))
    if rolling and not partitioned and status.get("currentRevision") != status.get("updateRevision"):
        lacks.append(f"{_number(live, 'status', 'updatedReplicas')} of {wanted} replicas are updated")
    return lacks


def _daemon_set(live: Mapping[str, Any]) -> list[str]:
    if lacks := _observed(live):
        return lacks
    wanted = _number(live, "status", "desiredNumberScheduled")
    updated, ready = _number(live, "status", "updatedNumberScheduled"), _number(live, "status", "numberAvailable")
    if updated < wanted and member(live, "spec", "updateStrategy", "type") != "OnDelete":
        lacks.append(f"{updated} of {wanted} pods are updated")
    if ready < wanted:
        lacks.append(f"{ready} of {wanted} pods are available")
    return lacks


def _condition(kind_of_condition: str) -> Callable[[Mapping[str, Any]], list[str]]:
    def check(live: Mapping[str, Any]) -> list[str]:
        found = condition_of(live, kind_of_condition)
        if found and found.get("status") == "True":
            return []
        detail = f" ({found.get('reason', '')}: {found.get('message', '')})" if found else ""
        return [f"condition {kind_of_condition} is not True{detail}"]

    return check


def _phase(*phases: str) -> Callable[[Mapping[str, Any]], list[str]]:
    def check(live: Mapping[str, Any]) -> list[str]:
        phase = member(live, "status", "phase")
        return [] if phase in phases else [f"phase is {phase or 'not set'}, not {' or '.join(phases)}"]

    return check


def _pod(live: Mapping[str, Any]) -> list[str]:
    return [] if member(live, "status", "phase") == "Succeeded" else _condition("Ready")(live)


def _service(live: Mapping[str, Any]) -> list[str]:
    if member(live, "spec", "type") == "LoadBalancer" and not member(live, "status", "loadBalancer", "ingress"):
        return ["no load balancer address was assigned"]
    return []


def _ingress(live: Mapping[str, Any]) -> list[str]:
    return [] if member(live, "status", "loadBalancer", "ingress") else ["no load balancer address was assigned"]


_RULES: Final[dict[tuple[str, str], Callable[[Mapping[str, Any]], list[str]]]] = {
    ("", "Namespace"): _phase("Active"),
    ("", "PersistentVolume"): _phase("Available", "Bound"),
    ("", "PersistentVolumeClaim"): _phase("Bound"),
    ("", "Pod"): _pod,
    ("", "Service"): _service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _condition("Established"),
    ("apiregistration.k8s.io", "APIService"): _condition("Available"),
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("batch", "Job"): _condition("Complete"),
    ("networking.k8s.io", "Ingress"): _ingress,
}
