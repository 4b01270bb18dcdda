"""A pod's status in few words, as `kubectl get pods` shows it: how many containers are ready, what holds the rest up, restarts.

Owns the words for `make status` and the end of `make up`. Reads the API's object only. Source: printPod in
pkg/printers/internalversion/printers.go of Kubernetes 1.34.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

Object = dict[str, Any]

_LONGEST: Final = 160
"""Characters of the scheduler's message; what follows its first sentence says the same of preemption."""


def summary(pod: Object) -> str:
    """Such as `1/1 Running`, `0/1 CrashLoopBackOff, 3 restarts` or `0/1 Pending: 0/3 nodes are available: …`."""
    expected = len(pod.get("spec", {}).get("containers") or []) or len(_statuses(pod))
    ready = sum(bool(item.get("ready")) for item in _statuses(pod))
    words = f"{ready}/{expected} {_word(pod)}"
    if count := restarts(pod):
        words += f", {count} restart{'s' if count > 1 else ''}"
    if reason := unscheduled(pod):
        words += f": {reason}"
    return words


def restarts(pod: Object) -> int:
    """How often its containers were started again, in all."""
    return sum(int(item.get("restartCount", 0)) for item in _statuses(pod))


def unscheduled(pod: Object) -> str:
    """Why no node takes it, shortened; empty where one has it."""
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            said = str(condition.get("message") or condition.get("reason") or "no node takes it")
            first = said.partition(". ")[0].rstrip(".")
            return first if len(first) <= _LONGEST else f"{first[: _LONGEST - 1]}…"
    return ""


def _word(pod: Object) -> str:
    if pod.get("metadata", {}).get("deletionTimestamp"):
        return "Terminating"
    status: Object = pod.get("status", {})
    held = next(_held(status.get("initContainerStatuses") or []), "")
    if held:
        return f"Init:{held}"
    return next(_held(_statuses(pod)), "") or str(status.get("reason") or status.get("phase") or "Unknown")


def _held(statuses: list[Object]) -> Iterator[str]:
    """What containers wait for or how they have ended; nothing of those that run or have ended well."""
    for item in statuses:
        state: Object = item.get("state") or {}
        if waiting := state.get("waiting"):
            yield str(waiting.get("reason") or "Waiting")
        elif (ended := state.get("terminated")) and ended.get("exitCode"):
            yield str(ended.get("reason") or f"ExitCode:{ended['exitCode']}")


def _statuses(pod: Object) -> list[Object]:
    return pod.get("status", {}).get("containerStatuses") or []
