"""Pod statuses: true to a kubelet, and written only when something changed."""

from __future__ import annotations

from sandbox.node.status import ContainerState, Termination, differs, finished_status, pod_status
from tests.sandbox.node.fakes import Object, pod

EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"
RUNNING = {"main": ContainerState()}


def condition(status: Object, kind: str) -> Object:
    """One condition."""
    return next(item for item in status["conditions"] if item["type"] == kind)


def reported(obj: Object, states: dict[str, ContainerState], now: str) -> Object:
    """The status with addresses."""
    return pod_status(obj, states, pod_ip="10.64.0.2", host_ip="10.128.0.2", now=now)


def test_unchanged_status_is_not_written_again() -> None:
    """Every write is an event for every controller: a status that repeats itself would never let them rest."""
    obj = pod()
    obj["status"] = reported(obj, RUNNING, EARLY)
    again = reported(obj, RUNNING, LATE)
    assert again == obj["status"]
    assert not differs(obj, again)
    obj["status"]["conditions"].append({"type": "PodScheduled", "status": "True"})
    assert not differs(obj, again)


def test_becoming_unready_moves_the_transition_time_and_names_the_container() -> None:
    """Unready is visible in the words kubectl users know."""
    obj = pod()
    obj["status"] = reported(obj, RUNNING, EARLY)
    changed = reported(obj, {"main": ContainerState(ready=False)}, LATE)
    assert differs(obj, changed)
    ready = condition(changed, "Ready")
    assert (ready["status"], ready["lastTransitionTime"]) == ("False", LATE)
    assert ready["message"] == "containers with unready status: [main]"
    assert changed["phase"] == "Running"
    assert condition(changed, "Initialized")["lastTransitionTime"] == EARLY


def test_crash_keeps_the_pod_running_and_shows_the_last_exit() -> None:
    """CrashLoopBackOff is a waiting container in a Running pod, with the exit code of its last run."""
    obj = pod()
    obj["status"] = reported(obj, RUNNING, EARLY)
    last = Termination(exit_code=137, reason="Error", started_at=EARLY, finished_at=LATE, message="out of memory")
    crashed = ContainerState(ready=False, waiting="CrashLoopBackOff", restarts=1, last=last)
    status = reported(obj, {"main": crashed}, LATE)
    container = status["containerStatuses"][0]
    assert status["phase"] == "Running"
    assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert container["lastState"]["terminated"] == {
        "exitCode": 137,
        "reason": "Error",
        "message": "out of memory",
        "startedAt": EARLY,
        "finishedAt": LATE,
    }
    assert container["restartCount"] == 1


def test_pod_without_its_volumes_is_pending_and_has_no_address() -> None:
    """A pod whose Secret is missing has not started anything."""
    waiting = {"main": ContainerState(ready=False, waiting="ContainerCreating")}
    status = pod_status(pod(), waiting, pod_ip=None, host_ip="10.128.0.2", now=EARLY)
    assert status["phase"] == "Pending"
    assert "podIP" not in status
    assert condition(status, "PodReadyToStartContainers")["status"] == "False"


def test_init_containers_are_shown_completed_and_sidecars_running() -> None:
    """An init container ends before the pod runs, one with restartPolicy Always never does."""
    obj = pod(
        initContainers=[{"name": "load", "image": "i"}, {"name": "side", "image": "i", "restartPolicy": "Always"}]
    )
    load, side = reported(obj, RUNNING, EARLY)["initContainerStatuses"]
    assert load["state"]["terminated"]["reason"] == "Completed"
    assert "running" in side["state"]


def test_readiness_gate_holds_the_pod_back() -> None:
    """A pod is not Ready before every gate of its spec is."""
    obj = pod(readinessGates=[{"conditionType": "example.com/ok"}])
    assert condition(reported(obj, RUNNING, EARLY), "Ready")["reason"] == "ReadinessGatesNotReady"
    obj["status"] = {"conditions": [{"type": "example.com/ok", "status": "True"}]}
    assert condition(reported(obj, RUNNING, EARLY), "Ready")["status"] == "True"


def test_container_that_has_not_started_yet_runs_and_is_not_ready() -> None:
    """`started` is what the startup probe says; without it liveness would look overdue."""
    status = reported(pod(), {"main": ContainerState(ready=False, started=False)}, EARLY)
    container = status["containerStatuses"][0]
    assert (container["started"], container["ready"], "running" in container["state"]) == (False, False, True)


def test_sidecar_shows_its_own_state() -> None:
    """A sidecar that crashes is seen among the init containers."""
    obj = pod(initContainers=[{"name": "side", "image": "i", "restartPolicy": "Always"}])
    crashed = ContainerState(ready=False, waiting="CrashLoopBackOff", restarts=2)
    (side,) = reported(obj, {**RUNNING, "side": crashed}, EARLY)["initContainerStatuses"]
    assert (side["restartCount"], side["state"]["waiting"]["reason"]) == (2, "CrashLoopBackOff")


def test_finished_job_pod() -> None:
    """The Job controller and Helm's hooks look at the phase."""
    for code, phase, reason in ((0, "Succeeded", "PodCompleted"), (3, "Failed", "PodFailed")):
        states = {"main": ContainerState(ready=False, exit_code=code)}
        status = finished_status(pod(), states, pod_ip="10.64.0.2", host_ip="10.128.0.2", now=EARLY)
        assert status["phase"] == phase
        assert condition(status, "Ready")["reason"] == reason
        assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == code
