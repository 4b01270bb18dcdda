"""A pod's status in few words: a crash loop and a pod that no node takes are not to be read as `Running` and `Pending`."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import pod_words

Object = dict[str, Any]

SCHEDULER = (
    "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient google.com/tpu. no new claims to deallocate, "
    "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
)


def pod(phase: str = "Running", *containers: Object, **fields: Any) -> Object:
    """A pod of as many containers as there are statuses, and at least one."""
    spec = {"containers": [{"name": str(number)} for number in range(max(len(containers), 1))]}
    return {"metadata": fields.pop("metadata", {}), "spec": spec, "status": status(phase, *containers) | fields}


def status(phase: str, *containers: Object) -> Object:
    """Its status."""
    return {"phase": phase, "containerStatuses": list(containers)}


def waiting(reason: str, restarts: int = 0) -> Object:
    """A container that does not run."""
    return {"ready": False, "restartCount": restarts, "state": {"waiting": {"reason": reason}}}


RUNS: Object = {"ready": True, "restartCount": 0, "state": {"running": {}}}
UNSCHEDULED = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": SCHEDULER}]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (pod("Running", RUNS), "1/1 Running"),
        (pod("Running", RUNS | {"ready": False, "restartCount": 1}), "0/1 Running, 1 restart"),
        (pod("Running", RUNS, waiting("CrashLoopBackOff", 3)), "1/2 CrashLoopBackOff, 3 restarts"),
        (pod("Pending", waiting("ContainerCreating")), "0/1 ContainerCreating"),
        (
            pod("Pending", conditions=UNSCHEDULED),
            "0/1 Pending: 0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient google.com/tpu",
        ),
        (pod("Running", RUNS, metadata={"deletionTimestamp": "now"}), "1/1 Terminating"),
        (
            pod("Failed", {"ready": False, "state": {"terminated": {"exitCode": 2, "reason": "Error"}}}),
            "0/1 Error",
        ),
        (
            pod("Succeeded", {"ready": False, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}),
            "0/1 Succeeded",
        ),
        (pod("Failed", reason="Evicted"), "0/1 Evicted"),
        (pod("Pending", initContainerStatuses=[waiting("CrashLoopBackOff", 2)]), "0/1 Init:CrashLoopBackOff"),
    ],
)
def test_summary(given: Object, words: str) -> None:
    """The incident: a server that crash-looped was shown as `Running`, without readiness or restarts."""
    assert pod_words.summary(given) == words


def test_a_long_reason_is_cut() -> None:
    """It stays one line of a terminal."""
    condition = {"type": "PodScheduled", "status": "False", "message": "x" * 400}
    assert len(pod_words.unscheduled(pod("Pending", conditions=[condition]))) == 160
