"""A container as a real local process: probed, restarted with back-off, ended, never left behind. See also `test_run`."""

from __future__ import annotations

import dataclasses
import os
import signal
import time

import pytest

from sandbox.cluster.proc import start_time
from sandbox.node.environment import MissingKeyError
from sandbox.node.launch import Launch
from sandbox.node.status import ContainerState
from sandbox.node.workload import backoff, duration_text
from tests.sandbox.node.servers import PORT, http, server
from tests.sandbox.node.world import World
from tests.sandbox.support import eventually


def test_readiness_follows_the_probe_and_never_restarts(world: World) -> None:
    """Probe on a path that answers 404: running for ever, never ready, with the kubelet's event; repaired, then ready."""
    workload = world.start(readinessProbe=http("/health", periodSeconds=5))
    expected = "Readiness probe failed: HTTP probe failed with statuscode: 404"
    eventually(lambda: world.told.messages("Unhealthy").count(expected) >= 4, "the probe fails again and again")
    assert not workload.state().ready
    assert workload.state().started
    assert workload.state().restarts == 0
    health = world.serve("health")
    eventually(lambda: workload.state().ready, "ready")
    health.unlink()
    eventually(lambda: not workload.state().ready, "unready again")
    assert workload.state().restarts == 0


def test_liveness_failure_restarts_and_then_backs_off(world: World) -> None:
    """A liveness path that does not exist is a crash loop, with the events and states kubectl shows."""
    workload = world.start(livenessProbe=http("/livez", initialDelaySeconds=100, periodSeconds=20, failureThreshold=2))
    seen: list[ContainerState] = []

    def backs_off() -> bool:
        state, port = workload.state(), workload.local_port(PORT)
        seen.extend([state] if state.waiting == "CrashLoopBackOff" and port is None else [])
        return bool(seen)

    eventually(
        backs_off, "back-off"
    )  # which lasts for a tenth of a second at first: it may be a later one that is seen
    (state,) = seen
    pause = duration_text(backoff(state.restarts + 1))
    assert state.message == f"back-off {pause} restarting failed container=main pod=p_n(u-1)"
    assert state.last is not None
    assert (state.last.exit_code, state.last.reason) == (0, "Completed")
    reasons = [reason for _, reason, _ in world.told.events]
    assert reasons[: reasons.index("BackOff")].count("Started") == 2, "the first restart comes at once"
    assert world.told.messages("Killing")[0] == "Container main failed liveness probe, will be restarted"
    assert world.told.messages("BackOff")[0] == "Back-off restarting failed container main in pod p_n(u-1)"
    world.serve("livez")
    eventually(lambda: workload.state().waiting is None and workload.state().restarts >= 2, "it runs again")
    assert "starts again: restart 1" in world.log()


def test_startup_probe_holds_liveness_back_and_its_end_starts_the_others(world: World) -> None:
    """A model that loads for long is not killed by liveness, and not ready before it has started."""
    workload = world.start(
        startupProbe=http("/started", periodSeconds=5, failureThreshold=1000),
        livenessProbe=http("/livez", periodSeconds=5, failureThreshold=1),
        readinessProbe=http("/health", periodSeconds=5),
    )
    world.serve("livez")
    world.serve("health")
    asked = world.folder / "asked"
    eventually(lambda: asked.exists() and asked.read_text().count("/started") >= 3, "only the startup probe is sent")
    assert set(asked.read_text().split()) == {"/started"}
    assert not workload.state().started
    world.serve("started")
    eventually(lambda: workload.state().ready, "ready")
    assert workload.state().restarts == 0


def test_crash_keeps_exit_code_and_end_of_the_log(world: World) -> None:
    """What a server says before it dies reaches `kubectl describe` (FallbackToLogsOnError, as KServe sets it)."""
    crash = world.serve("crash", "3")
    workload = world.start(terminationMessagePolicy="FallbackToLogsOnError")
    eventually(lambda: workload.state().waiting == "CrashLoopBackOff", "back-off")
    last = workload.state().last
    assert last is not None
    assert (last.exit_code, last.reason) == (3, "Error")
    assert "begins" in last.message
    crash.unlink()
    eventually(lambda: workload.state().ready, "it runs")


def test_killed_process_comes_back_at_once(world: World) -> None:
    """The first restart does not wait; its exit code tells the signal."""
    workload = world.start()
    eventually(lambda: workload.state().ready, "ready")
    os.kill(world.pid(), signal.SIGKILL)
    eventually(lambda: workload.state().ready and workload.state().restarts == 1, "it runs again")
    last = workload.state().last
    assert last is not None
    assert (last.exit_code, last.reason) == (137, "Error")


@pytest.mark.parametrize(
    ("policy", "code", "final"),
    [("Never", 3, True), ("Never", 0, True), ("OnFailure", 0, True), ("OnFailure", 3, False)],
)
def test_one_shot_containers_end(world: World, policy: str, code: int, final: bool) -> None:
    """A container of a Job is not started again when its restartPolicy says so."""
    world.serve("crash", str(code))
    workload = world.start(spec={"restartPolicy": policy})
    if final:
        eventually(lambda: workload.stopped, "nothing runs any more")
        assert workload.state().exit_code == code
    else:
        eventually(lambda: workload.state().restarts > 0, "it is tried again")
        assert workload.state().exit_code is None


def test_deleted_pod_runs_its_hook_then_gets_sigterm(world: World) -> None:
    """The hook keeps a pod serving while load balancers take it out; readiness goes on being probed meanwhile."""
    health = world.serve("health")
    hook = {"preStop": {"exec": {"command": ["/bin/sh", "-c", "sleep 400"]}}}
    workload = world.start(readinessProbe=http("/health", periodSeconds=5, failureThreshold=1), lifecycle=hook)
    eventually(lambda: workload.state().ready, "ready")
    began = time.monotonic()
    workload.terminate(500)
    health.unlink()
    eventually(lambda: not workload.state().ready, "it is taken out")
    assert not workload.stopped
    assert workload.local_port(PORT) is not None
    assert "asked to end" not in world.log()
    eventually(lambda: workload.stopped, "it ends")
    assert time.monotonic() - began > 3.9, "400 s at a hundredth"
    assert "asked to end" in world.log()
    assert world.told.messages("Killing") == ["Stopping container main"]


@pytest.mark.parametrize(
    ("port", "complaints"),
    [
        ("http", []),
        (9, ['PreStopHook failed: Get "http://10.64.0.2:9/drain": dial tcp 10.64.0.2:9: connect: connection refused']),
    ],
)
def test_http_hook_is_sent_and_a_failing_one_is_told(world: World, port: int | str, complaints: list[str]) -> None:
    """A hook that cannot be reached does not stop the pod from ending."""
    world.serve("health")
    hook = {"preStop": {"httpGet": {"path": "/drain", "port": port}}}
    workload = world.start(readinessProbe=http("/health", periodSeconds=5), lifecycle=hook)
    eventually(lambda: workload.state().ready, "ready")
    workload.terminate(100)
    eventually(lambda: workload.stopped, "it ends")
    assert world.told.messages("FailedPreStopHook") == complaints
    assert ("/drain" in (world.folder / "asked").read_text()) is not bool(complaints)


def test_process_that_ignores_sigterm_is_killed_after_its_grace_period(world: World) -> None:
    """Not before, and with everything it has started."""
    world.serve("stubborn")
    workload = world.start()
    eventually(lambda: "begins" in world.log(), "it runs")
    pid = world.pid()
    began = time.monotonic()
    workload.terminate(2)
    eventually(lambda: workload.stopped, "it ends")
    assert time.monotonic() - began > 1.9
    assert start_time(pid) is None
    assert not (world.folder / "run" / "main.pid").exists()


def test_end_of_the_sandbox_skips_the_hook(world: World) -> None:
    """`make down` does not wait for pods to drain."""
    workload = world.start(lifecycle={"preStop": {"sleep": {"seconds": 3600}}})
    eventually(lambda: workload.state().ready, "it runs")
    workload.signal_stop()
    eventually(lambda: workload.stopped, "it ends", timeout=8)


def test_missing_configuration_is_shown_and_tried_again(world: World) -> None:
    """A Secret that comes late repairs the pod without anybody's help."""
    problem: list[Exception] = [MissingKeyError('secret "s" not found')]

    def launch() -> Launch:
        if problem:
            raise problem[0]
        return server(world.folder)

    workload = world.start(launch)
    eventually(lambda: workload.state().waiting == "CreateContainerConfigError", "the reason is shown")
    assert workload.state().message == 'secret "s" not found'
    assert world.told.messages("Failed")[0] == 'Error: secret "s" not found'
    problem.clear()
    eventually(lambda: workload.state().ready, "ready")
    assert workload.state().restarts == 0


def test_controllers_without_probes_are_ready_when_their_own_port_answers(world: World) -> None:
    """`ready_port` of a recipe counts for containers that have no probe that could tell."""

    def launch() -> Launch:
        made = server(world.folder)
        return dataclasses.replace(made, ready_port=made.ports[PORT], ready_path="/readyz")

    workload = world.start(launch)
    eventually(lambda: "begins" in world.log(), "it runs")
    assert not workload.state().ready
    world.serve("readyz")
    eventually(lambda: workload.state().ready, "ready")
    assert world.told.messages("Unhealthy") == []


def test_command_probe_counts_as_passed_and_the_log_says_so(world: World) -> None:
    """There is no container to run a command in."""
    workload = world.start(readinessProbe={"exec": {"command": ["cat", "/tmp/ready"]}})  # noqa: S108
    eventually(lambda: workload.state().ready, "ready")
    assert "the readiness probe runs a command: not done here, counts as passed" in world.log()


def test_backoff_is_the_kubelets() -> None:
    """At once, then 10 s doubling up to five minutes, in the words of Go."""
    assert [backoff(n) for n in (1, 2, 3, 4, 5, 6, 7, 60)] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert [duration_text(seconds) for seconds in (10, 80, 300)] == ["10s", "1m20s", "5m0s"]
