"""What of a pod runs, and what others are told about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from sandbox.node import running
from sandbox.node.addresses import PodAddress
from sandbox.node.events import EventRecorder
from sandbox.node.prober import Prober
from sandbox.node.recipe import Context, Recipe
from sandbox.node.running import Machine, RunningPod
from sandbox.node.status import ContainerState
from tests.sandbox.node.fakes import Object, client_with, pod


class Fake:
    """A workload that serves container port 8000 and counts how often it is asked to end."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.stops = 0

    def start(self) -> None:
        """Nothing to do."""

    def signal_stop(self) -> None:
        """Counts."""
        self.stops += 1

    @property
    def stopped(self) -> bool:
        """Never by itself."""
        return False

    def state(self) -> ContainerState:
        """As many restarts as it was given."""
        return ContainerState(restarts=self.context.restarts)

    def local_port(self, container_port: int) -> int | None:
        """One port."""
        return 40001 if container_port == 8000 else None


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> list[Fake]:
    """The workloads that were made; images that begin with "known" get one."""
    made: list[Fake] = []

    def start(context: Context) -> Fake:
        made.append(Fake(context))
        return made[-1]

    def recipe_for(image: str) -> Recipe | None:
        return start if image.startswith("known") else None

    monkeypatch.setattr(running, "recipe_for", recipe_for)
    return made


def run(tmp_path: Path, obj: Object) -> RunningPod:
    """The pod, not started."""
    machine = Machine(
        client=client_with(),
        tools=cast("Any", None),
        home=tmp_path,
        kubeconfig=tmp_path / "kubeconfig",
        events=EventRecorder(client_with()),
        prober=Prober(),
        on_change=lambda: None,
    )
    return RunningPod(machine, obj, pod_ip="10.64.0.2", host_ip="10.128.0.2")


PORTS = [{"containerPort": 8000}, {"containerPort": 9000}]


@pytest.mark.usefixtures("fakes")
def test_simulated_containers_run_or_have_ended_well(tmp_path: Path) -> None:
    """An unknown image is Ready in a Deployment and completed in a Job."""
    assert run(tmp_path, pod()).states(pod()) == {"main": ContainerState()}
    job = pod(restartPolicy="Never")
    assert run(tmp_path, job).states(job)["main"].exit_code == 0


def test_sidecars_run_beside_the_containers_and_init_containers_do_not(tmp_path: Path, fakes: list[Fake]) -> None:
    """A routing sidecar serves; what only prepares counts as done."""
    inits = [
        {"name": "load", "image": "known/load"},
        {"name": "proxy", "image": "known/proxy", "restartPolicy": "Always", "ports": PORTS},
    ]
    obj = pod(initContainers=inits)
    entry = run(tmp_path, obj)
    assert [fake.context.container["name"] for fake in fakes] == ["proxy"]
    assert set(entry.states(obj)) == {"proxy", "main"}
    assert fakes[0].context.port_of(8000) == 40001
    assert fakes[0].context.log == tmp_path / "logs" / "pods" / "n_p" / "proxy.log"


def test_restarts_are_counted_on_after_the_agents_own(tmp_path: Path, fakes: list[Fake]) -> None:
    """A restart of the sandbox does not make a crash loop look healthy."""
    obj = pod(containers=[{"name": "main", "image": "known/app"}])
    obj["status"] = {"containerStatuses": [{"name": "main", "restartCount": 7}]}
    assert run(tmp_path, obj).states(obj)["main"].restarts == 7
    assert len(fakes) == 1


@pytest.mark.usefixtures("fakes")
def test_address_tells_readiness_with_and_without_gates(tmp_path: Path) -> None:
    """A load balancer that opens a readiness gate looks at the containers; nobody sends requests to a leaving pod."""
    obj = pod(containers=[{"name": "main", "image": "known/app", "ports": PORTS}])
    entry = run(tmp_path, obj)
    held = {"conditions": [{"type": "ContainersReady", "status": "True"}, {"type": "Ready", "status": "False"}]}
    expected = PodAddress(pod_ip="10.64.0.2", ports={8000: 40001}, containers_ready=True)
    assert entry.address(obj, held) == expected
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    assert entry.address(obj, ready).ready
    obj["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert (entry.address(obj, ready).ready, entry.address(obj, ready).terminating) == (False, True)


def test_programs_of_ours_are_asked_to_end_once(tmp_path: Path, fakes: list[Fake]) -> None:
    """They wake the loop when asked, which asks again: without a limit that is a busy loop."""
    entry = run(tmp_path, pod(containers=[{"name": "main", "image": "known/app"}]))
    for _ in range(3):
        assert not entry.terminate(30)
        entry.signal_stop()
    assert fakes[0].stops == 1
