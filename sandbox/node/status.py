"""The status a kubelet reports for a pod, as plain values.

Owns: the shape of `status` (conditions, container states, addresses) and what counts as a change worth writing. Does
not own why a container is in a state: see `pods`. Field meanings: Kubernetes API reference, core/v1 PodStatus.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]

_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready")


@dataclass(frozen=True, kw_only=True)
class Termination:
    """How one run of a container ended. Times are RFC 3339 text."""

    exit_code: int
    reason: str
    started_at: str
    finished_at: str
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class ContainerState:
    """What one container does now.

    `waiting`, `exit_code`: at most one is set; neither means it runs. `exit_code` is final: nothing starts it again.
    `started`: its startup probe has succeeded. `started_at` is RFC 3339 text, `last` how the run before this one ended.
    """

    ready: bool = True
    started: bool = True
    waiting: str | None = None
    message: str = ""
    exit_code: int | None = None
    restarts: int = 0
    last: Termination | None = None
    started_at: str | None = None


def now_text() -> str:
    """The current time as Kubernetes writes it: RFC 3339 in UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_job_pod(pod: Object) -> bool:
    """Whether the pod is meant to end: of a Job or a Helm hook."""
    return pod["spec"].get("restartPolicy", "Always") in {"Never", "OnFailure"}


def finished_status(
    pod: Object, states: Mapping[str, ContainerState], *, pod_ip: str, host_ip: str, now: str
) -> Object:
    """The status of a pod whose containers have all ended, each with the exit code in `states`."""
    succeeded = all(states[container["name"]].exit_code == 0 for container in pod["spec"]["containers"])
    status = pod_status(pod, states, pod_ip=pod_ip, host_ip=host_ip, now=now)
    status["phase"] = "Succeeded" if succeeded else "Failed"
    reason = "PodCompleted" if succeeded else "PodFailed"
    for condition in status["conditions"]:
        if condition["status"] == "False":
            condition["reason"] = reason
            condition.pop("message", None)
    return status


def pod_status(
    pod: Object,
    states: Mapping[str, ContainerState],
    *,
    pod_ip: str | None,
    host_ip: str,
    now: str,
) -> Object:
    """The status of `pod` when its containers are in `states`; times of the status it has already are kept.

    Without `pod_ip` its sandbox does not exist yet: volumes are missing, nothing has been started.
    """
    before: Object = pod.get("status", {})
    spec = pod["spec"]
    started = pod_ip is not None
    old = {item["name"]: item for item in before.get("containerStatuses", [])}
    containers = [_container(c, states[c["name"]], old.get(c["name"], {}), pod, now) for c in spec["containers"]]
    unready = [item["name"] for item in containers if not item["ready"]]
    gates_open = _gates_open(pod)
    conditions = {
        "PodReadyToStartContainers": (started, "", ""),
        "Initialized": (started, "ContainersNotInitialized", ""),
        "ContainersReady": (not unready, "ContainersNotReady", _unready_text(unready)),
        "Ready": (
            not unready and gates_open,
            "ContainersNotReady" if unready else "ReadinessGatesNotReady",
            _unready_text(unready) if unready else 'the status of a readiness gate is not "True"',
        ),
    }
    status: Object = {
        "phase": "Running" if started and any(_has_run(item) for item in containers) else "Pending",
        "hostIP": host_ip,
        "hostIPs": [{"ip": host_ip}],
        "startTime": before.get("startTime", now),
        "conditions": [_condition(kind, *conditions[kind], before, now) for kind in _CONDITIONS],
        "containerStatuses": containers,
    }
    if spec.get("initContainers"):
        old_init = {item["name"]: item for item in before.get("initContainerStatuses", [])}
        status["initContainerStatuses"] = [
            _container(c, _init_state(c, states, started=started), old_init.get(c["name"], {}), pod, now)
            for c in spec["initContainers"]
        ]
    if pod_ip is not None:
        status["podIP"] = pod_ip
        status["podIPs"] = [{"ip": pod_ip}]
    return status


def differs(pod: Object, wanted: Object) -> bool:
    """Whether writing `wanted` would change the pod's status; conditions of others do not count."""
    before: Object = pod.get("status", {})
    for key, value in wanted.items():
        if key == "conditions":
            old = {item["type"]: item for item in before.get("conditions", [])}
            if any(_essence(old.get(item["type"], {})) != _essence(item) for item in value):
                return True
        elif before.get(key) != value:
            return True
    return False


def patch(wanted: Object) -> Object:
    """`wanted` as a strategic merge patch: what a condition no longer says is taken away, not left over from before."""
    conditions = [{"reason": None, "message": None, **item} for item in wanted.get("conditions", [])]
    return {**wanted, "conditions": conditions}


def _essence(condition: Object) -> tuple[Any, ...]:
    return condition.get("status"), condition.get("reason", ""), condition.get("message", "")


def _condition(kind: str, holds: bool, reason: str, message: str, before: Object, now: str) -> Object:
    status = "True" if holds else "False"
    old = next((item for item in before.get("conditions", []) if item["type"] == kind), None)
    since = old.get("lastTransitionTime") if old is not None and old["status"] == status else None
    condition: Object = {"type": kind, "status": status, "lastTransitionTime": since or now, "lastProbeTime": None}
    if not holds and reason:
        condition["reason"] = reason
    if not holds and message:
        condition["message"] = message
    return condition


def _unready_text(names: list[str]) -> str:
    return f"containers with unready status: [{' '.join(names)}]"


def _gates_open(pod: Object) -> bool:
    held = {item["type"] for item in pod.get("status", {}).get("conditions", []) if item["status"] == "True"}
    return all(gate["conditionType"] in held for gate in pod["spec"].get("readinessGates", []))


def _has_run(status: Object) -> bool:
    return "waiting" not in status["state"] or status["restartCount"] > 0 or bool(status.get("lastState"))


def _init_state(container: Object, states: Mapping[str, ContainerState], *, started: bool) -> ContainerState:
    if not started:
        return ContainerState(ready=False, waiting="PodInitializing")
    if container.get("restartPolicy") == "Always":
        return states.get(container["name"], ContainerState())
    return ContainerState(ready=True, exit_code=0)


def _container(container: Object, state: ContainerState, old: Object, pod: Object, now: str) -> Object:
    identity = hashlib.sha256(f"{pod['metadata']['uid']}/{container['name']}/{state.restarts}".encode()).hexdigest()
    status: Object = {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "",
        "ready": state.ready,
        "restartCount": state.restarts,
        "started": state.started and state.waiting is None and state.exit_code is None,
        "state": {},
        "lastState": {"terminated": _terminated(state.last)} if state.last is not None else old.get("lastState", {}),
    }
    old_state: Object = old.get("state", {})
    before: Object = old_state.get("running", {}) if old.get("restartCount", 0) == state.restarts else {}
    since = state.started_at or before.get("startedAt", now)
    if state.waiting is not None:
        status["state"] = {"waiting": {"reason": state.waiting} | ({"message": state.message} if state.message else {})}
        return status
    status["containerID"] = f"containerd://{identity}"
    if state.exit_code is None:
        status["state"] = {"running": {"startedAt": since}}
        return status
    ended = Termination(
        exit_code=state.exit_code,
        reason="Completed" if state.exit_code == 0 else "Error",
        started_at=since,
        finished_at=now,
        message=state.message,
    )
    terminated = _terminated(ended) | {"containerID": status["containerID"]}
    status["state"] = {"terminated": old_state.get("terminated") or terminated}
    return status


def _terminated(ended: Termination) -> Object:
    found: Object = {
        "exitCode": ended.exit_code,
        "reason": ended.reason,
        "startedAt": ended.started_at,
        "finishedAt": ended.finished_at,
    }
    return found | ({"message": ended.message} if ended.message else {})
