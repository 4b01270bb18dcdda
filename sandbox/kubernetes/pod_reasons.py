"""Why the pods of a workload are not ready, in a line each, from their status and their newest warning.

Owns the words. A probe that fails is told by the kubelet in Events only, so what the status calls "unready" is explained by the
last of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from sandbox.kube.errors import ApiError, NoMatchError

from .objects import member, object_id

if TYPE_CHECKING:
    from sandbox.kube.client import Client, Object  # loads urllib3: later, if at all

_MOST_PODS: Final = 5


def pod_reasons(client: Client, live: Object) -> list[str]:
    """One line per pod of a workload that is not ready, with the reason its status and its newest warning give."""
    namespace = member(live, "metadata", "namespace")
    labels = cast("dict[str, str]", member(live, "spec", "selector", "matchLabels") or {})
    try:
        pods = [live] if live.get("kind") == "Pod" else pods_with(client, namespace, labels)
        unready = [pod for pod in pods if pod_reason(pod) is not None]
        lines = [_explained(pod, _warning(client, pod)) for pod in unready[:_MOST_PODS]]
    except (ApiError, NoMatchError):
        return []
    more = len(unready) - _MOST_PODS
    return lines + ([f"… and {more} more pods"] if more > 0 else [])


def pods_with(client: Client, namespace: str | None, labels: Mapping[str, str]) -> list[Object]:
    """The pods that carry the labels; none without labels, which would select all of them."""
    if not labels:
        return []
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    return client.list("v1", "Pod", namespace, label_selector=selector)


def _explained(pod: Object, warning: str) -> str:
    reason = pod_reason(pod) or ""
    return f"{reason}: {warning}" if warning and warning not in reason else reason


def _warning(client: Client, pod: Object) -> str:
    uid = member(pod, "metadata", "uid")
    if not uid:
        return ""
    selector = f"involvedObject.uid={uid},type=Warning"
    found = client.list("v1", "Event", member(pod, "metadata", "namespace"), field_selector=selector)
    # A back-off is what follows from a failure, and stands in the status already.
    told = [event for event in found if event.get("reason") not in {"BackOff", "FailedScheduling"}]
    newest = max(told, key=lambda event: str(event.get("lastTimestamp") or ""), default=None)
    return str(newest.get("message", "")) if newest else ""


def pod_reason(pod: Mapping[str, Any]) -> str | None:
    """Why a pod is not ready, in one line; None where it is."""
    conditions = cast("list[Object]", member(pod, "status", "conditions") or [])
    if any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions):
        return None
    reasons: list[str] = []
    for group in ("initContainerStatuses", "containerStatuses"):
        for container in cast("list[Object]", member(pod, "status", group) or []):
            for state in (member(container, "state", "waiting"), member(container, "state", "terminated")):
                if state and state.get("reason") != "Completed":
                    code = f" with exit code {state['exitCode']}" if "exitCode" in state else ""
                    said = f": {state['message']}" if state.get("message") else ""
                    reasons.append(f"container {container.get('name')}: {state.get('reason', 'ended')}{code}{said}")
    if not reasons:
        reasons = [
            f"{c.get('reason', c.get('type'))}: {c.get('message')}"
            for c in conditions
            if c.get("status") == "False" and c.get("message")
        ]
    phase = member(pod, "status", "phase") or "Pending"
    return f"Pod {object_id(pod)} is {phase}" + (f" ({'; '.join(dict.fromkeys(reasons))})" if reasons else "")
