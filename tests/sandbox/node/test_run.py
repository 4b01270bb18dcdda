"""One run of a process: probed from when its own code runs, ended with its whole grace, and never left behind."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.clock import SPEED
from sandbox.cluster.proc import free_ports, start_time
from sandbox.node.launch import Launch
from sandbox.node.prober import Prober
from sandbox.node.status import ContainerState
from sandbox.node.workload import is_stable
from tests.sandbox.node.servers import PORT, Told, http, server
from tests.sandbox.node.world import World
from tests.sandbox.support import eventually, patient

KILLED = "Container main failed liveness probe, will be restarted"


class Slow(Launch):
    """A launch that counts how often it is asked whether its program runs."""

    asked: list[bool]

    def has_booted(self) -> bool:
        """As ever."""
        found = super().has_booted()
        self.asked.append(found)
        return found


def slow(world: World) -> Slow:
    """The small server, whose own code runs once `booted` is there."""
    made = server(world.folder)
    found = Slow(command=made.command, environment={}, ports=made.ports, booted=world.folder / "booted")
    object.__setattr__(found, "asked", [])
    return found


def test_probes_wait_for_the_programs_own_code(world: World) -> None:
    """The start of an interpreter is not scaled: at a hundred times GKE's speed liveness ended KServe's picker for ever."""
    launch = slow(world)
    workload = world.start(lambda: launch, livenessProbe=http("/livez", periodSeconds=1, failureThreshold=1))
    eventually(lambda: len(launch.asked) > 10, "it is looked at again and again")
    state = workload.state()
    assert (state.ready, state.started, state.waiting, state.restarts) == (False, False, None, 0)
    assert not world.told.messages("Unhealthy")
    assert not (world.folder / "asked").exists()
    world.serve("booted")
    eventually(lambda: KILLED in world.told.messages("Killing"), "from then on the probe counts")


def test_probes_wait_no_longer_than_the_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that hangs before its own code runs is restarted too."""
    monkeypatch.setattr("sandbox.node.run._BOOT_LIMIT", 0.5)
    launch = slow(world)
    world.start(lambda: launch, livenessProbe=http("/livez", periodSeconds=1, failureThreshold=1))
    eventually(lambda: KILLED in world.told.messages("Killing"), "it is given up")
    assert not any(launch.asked)


def test_file_of_the_process_before_says_nothing(world: World) -> None:
    """A restart has to boot again."""
    world.serve("booted")
    launch = slow(world)
    workload = world.start(lambda: launch)
    eventually(lambda: len(launch.asked) > 3, "it is looked at")
    assert not any(launch.asked)
    assert not workload.state().ready
    world.serve("booted")
    eventually(lambda: workload.state().ready, "without probes it is ready when its code runs")
    os.kill(world.pid(), signal.SIGKILL)
    eventually(lambda: workload.state().restarts == 1 and workload.state().waiting is None, "it runs again")
    assert not (world.folder / "booted").exists()


def test_process_is_ended_before_it_has_booted(world: World) -> None:
    """Neither a deletion nor `make down` waits for it, and it is never Ready on its way."""
    launch, seen = slow(world), list[ContainerState]()
    workload = world.start(lambda: launch)
    eventually(lambda: launch.asked and "begins" in world.log(), "it runs")
    began = time.monotonic()
    workload.terminate(600)
    while not workload.stopped:
        seen.append(workload.state())
        assert time.monotonic() - began < patient(20)
    assert not any(state.ready for state in seen)
    assert "asked to end" in world.log()


def test_a_controller_has_booted_when_its_port_accepts() -> None:
    """Programs that are not ours make no file."""
    (port,) = free_ports(1)
    launch = Launch(command=[], environment={}, ready_port=port)
    assert not launch.has_booted()
    with socket.create_server(("127.0.0.1", port)):
        assert launch.has_booted()
    assert Launch(command=[], environment={}).has_booted()


def test_unexpected_failure_backs_off_and_heals(world: World) -> None:
    """Such as invalid YAML in LWS's ConfigMap: it once ended the thread, and the status stood still for ever."""
    problem = [ValueError("No closing quotation")]

    def launch() -> Launch:
        if problem:
            raise problem[0]
        return server(world.folder)

    workload = world.start(launch)
    eventually(lambda: workload.state().waiting == "CrashLoopBackOff", "it is tried again, ever later")
    last = workload.state().last
    assert last is not None
    assert (last.exit_code, last.reason, last.message) == (128, "StartError", "No closing quotation")
    assert "Error: No closing quotation" in world.told.messages("Failed")
    problem.clear()
    eventually(lambda: workload.state().ready, "it runs")


class Broken(Prober):
    """Cannot begin to probe."""

    def watch(self, *_: Any, **__: Any) -> Any:
        """Fails."""
        raise RuntimeError("the prober has been stopped")


class Noted(Told):
    """Keeps the processes that were started."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.pids: list[int] = []

    def __call__(self, kind: str, reason: str, message: str) -> None:
        """Started is told when the process is there."""
        super().__call__(kind, reason, message)
        if reason == "Started":
            self.pids.append(self._world.pid())


def test_failure_after_the_start_leaves_no_process(world: World) -> None:
    """What cannot be watched must not run on unseen, holding its ports."""
    world.prober = Broken()
    world.told = told = Noted(world)
    workload = world.start()
    eventually(lambda: workload.state().waiting == "CrashLoopBackOff", "it is tried again, ever later")
    workload.signal_stop()
    eventually(lambda: workload.stopped, "it ends")
    assert workload.local_port(PORT) is None
    assert told.pids
    assert [pid for pid in told.pids if start_time(pid) is not None] == []


def test_hook_sleeps_at_the_sandboxs_speed_and_the_rest_of_the_grace_is_real(world: World) -> None:
    """Requests take real time: what a server may still answer after preStop must not be cut off ten times as early."""
    world.serve("stubborn")
    workload = world.start(lifecycle={"preStop": {"sleep": {"seconds": 100}}})
    eventually(lambda: "begins" in world.log(), "it runs")
    began = time.monotonic()
    workload.terminate(104)
    eventually(lambda: "asked to end" in world.log(), "SIGTERM after the hook")
    asked = time.monotonic()
    assert 0.9 < asked - began < 20, "100 s at a hundredth"
    eventually(lambda: workload.stopped, "SIGKILL after the grace that is left")
    assert time.monotonic() - asked > 2, (
        "4 s, less what a busy machine takes until it is seen; scaled, they would be none"
    )


def test_idle_server_ends_at_once_whatever_its_grace(world: World) -> None:
    """Deleting pods does not take longer for it: only who works on something uses the time."""
    workload = world.start()
    eventually(lambda: "begins" in world.log() and workload.state().ready, "it runs")
    workload.terminate(3600)
    eventually(lambda: workload.stopped, "it ends", timeout=8)


@pytest.mark.parametrize(("speed", "seconds", "stable"), [("1", 599, False), ("1", 601, True), ("1000", 15, False)])
def test_crashes_are_forgotten_after_ten_minutes(
    monkeypatch: pytest.MonkeyPatch, speed: str, seconds: float, stable: bool
) -> None:
    """At a thousand times GKE's speed that would be less than a program needs to fail: its loop never backed off."""
    monkeypatch.setenv(SPEED, speed)
    assert is_stable(seconds) is stable


def test_programs_tell_that_they_run(tmp_path: Path) -> None:
    """A file that is there from the start is removed before the process starts."""
    file = tmp_path / "booted"
    file.touch()
    launch = Launch(command=[], environment={}, booted=file)
    launch.forget_boot()
    launch.forget_boot()
    assert not launch.has_booted()
    file.touch()
    assert launch.has_booted()
