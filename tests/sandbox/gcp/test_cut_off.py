"""A daemon that is stopped or killed in the middle leaves nothing that no later one goes on with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.clusters import FakeRuntime
from sandbox.cloud.daemon import Daemon
from sandbox.cloud.store import Record, Table
from tests.sandbox.gcp.conftest import Gate
from tests.sandbox.gcp.driver import PROJECT
from tests.sandbox.gcp.faulting import NETWORK_ID
from tests.sandbox.gcp.world import CLUSTER_ID, World
from tests.sandbox.support import eventually

CLUSTERS = "container.clusters"
NETWORKS = "compute.networks"
INPUTS: dict[str, Any] = {"name": "main", "location": "us-east5", "network": "main", "initialNodeCount": 1}


class Killed(BaseException):
    """The daemon dies here."""


@pytest.fixture
def cloud(home: Path, gate: Gate) -> Cloud:
    """A cloud with a network."""
    cloud = Cloud(home, print, gate.runtime)
    for api in ("compute", "container"):
        cloud.enable_api(PROJECT, f"{api}.googleapis.com")
    done(cloud, cloud.create(NETWORKS, NETWORK_ID, PROJECT, {"name": "main"}))
    return cloud


def done(cloud: Cloud, operation: Record) -> Record:
    """The operation, when it is done."""
    found = cloud.operations.wait(operation["name"], 30)
    assert found is not None
    assert found["done"]
    return found


def ended(operation: Record) -> None:
    """The operation's work has come to its end, whatever that was."""
    for thread in threading.enumerate():
        if thread.name == operation["name"]:
            thread.join(30)


class TestClustersThatDidNotComeBack:
    """What kept a cluster down was of the machine, and passes."""

    def test_each_start_tries_again(
        self, world: World, start_daemon: Callable[[], Daemon], daemon: Daemon, gate: Gate
    ) -> None:
        """A port that was taken once must not leave an update that ends well with no cluster running."""
        world.cluster()
        world.pool()
        daemon.stop()
        gate.failure = RuntimeError("the port is taken")
        second = start_daemon()
        assert second.cloud.get(CLUSTERS, CLUSTER_ID).status == "ERROR"
        assert second.cloud.revival.stranded == {CLUSTER_ID: "RuntimeError: the port is taken"}
        second.stop()
        third = start_daemon()
        assert list(third.cloud.revival.stranded) == [CLUSTER_ID], "it is told anew by each"
        third.stop()
        gate.failure = None
        fourth = start_daemon()
        found = fourth.cloud.get(CLUSTERS, CLUSTER_ID)
        assert (found.status, found.error) == ("RUNNING", "")
        assert fourth.cloud.revival.stranded == {}

    def test_what_never_ran_is_left_to_the_update(self, cloud: Cloud, home: Path, gate: Gate) -> None:
        """A cluster whose creation failed is the engine's to repair, which holds it as half-made."""
        gate.failure = RuntimeError("no port is free")
        assert "error" in done(cloud, cloud.create(CLUSTERS, CLUSTER_ID, PROJECT, INPUTS))
        gate.reached.clear()
        second = Cloud(home, print, gate.runtime)
        second.resume()
        assert not gate.reached.is_set()
        assert second.get(CLUSTERS, CLUSTER_ID).status == "ERROR"


class TestStopped:
    """SIGTERM: processes of clusters end with the daemon, and what waits for them fails."""

    def test_a_start_that_is_cut_off_says_nothing_of_the_cluster(self, cloud: Cloud, home: Path, gate: Gate) -> None:
        """Stored as broken, it would stay down for good."""
        done(cloud, cloud.create(CLUSTERS, CLUSTER_ID, PROJECT, INPUTS))
        gate.open.clear()
        gate.reached.clear()
        second = Cloud(home, print, gate.runtime)
        thread = threading.Thread(target=second.resume, daemon=True)
        thread.start()
        assert gate.reached.wait(30)
        second.stop()
        gate.failure = RuntimeError("etcd has ended")
        gate.open.set()
        thread.join(30)
        third = Cloud(home, print, gate.runtime)
        assert (third.get(CLUSTERS, CLUSTER_ID).status, third.revival.stranded) == ("RUNNING", {})

    @pytest.mark.parametrize("failure", [RuntimeError("etcd has ended"), None])
    def test_an_operation_goes_on_at_the_next_start(
        self, cloud: Cloud, home: Path, gate: Gate, failure: Exception | None
    ) -> None:
        """Neither its failure nor its success can be trusted while everything goes down."""
        gate.open.clear()
        operation = cloud.create(CLUSTERS, CLUSTER_ID, PROJECT, INPUTS)
        assert gate.reached.wait(30)
        cloud.stop()
        gate.failure = failure
        gate.open.set()
        ended(operation)
        gate.failure = None
        second = Cloud(home, print, gate.runtime)
        assert second.get(CLUSTERS, CLUSTER_ID).status == "PROVISIONING"
        second.resume()
        assert done(second, operation).get("error") is None
        assert second.get(CLUSTERS, CLUSTER_ID).status == "RUNNING"

    def test_also_at_the_very_end(self, cloud: Cloud, home: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
        """A cluster that runs, with its default pool still to come, is not done."""

        def stopped(_runtime: FakeRuntime, _pool: object) -> None:
            cloud.stop()
            raise RuntimeError("the API server has ended")

        with monkeypatch.context() as patched:
            patched.setattr(FakeRuntime, "apply_node_pool", stopped)
            operation = cloud.create(CLUSTERS, CLUSTER_ID, PROJECT, INPUTS)
            ended(operation)
        second = Cloud(home, print, gate.runtime)
        assert [record["name"] for record in second.operations.unfinished()] == [operation["name"]]
        second.resume()
        assert done(second, operation).get("error") is None
        assert [pool.status for pool in second.all("container.nodePools")] == ["RUNNING"]


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
@pytest.mark.parametrize("writes", [0, 1])
def test_killed_while_a_request_is_taken(
    cloud: Cloud, home: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch, verb: str, writes: int
) -> None:
    """Whatever of a request was written, no resource is under way for good: settled, or gone, and free for the next one."""
    other = f"projects/{PROJECT}/global/networks/other"
    if verb != "create":
        done(cloud, cloud.create(NETWORKS, other, PROJECT, {"name": "other"}))
    put, count = Table.put, [0]

    def dying(self: Table, key: str, record: Record) -> None:
        if count[0] == writes:
            raise Killed
        count[0] += 1
        put(self, key, record)

    requests: dict[str, Callable[[], object]] = {
        "create": lambda: cloud.create(NETWORKS, other, PROJECT, {"name": "other"}),
        "update": lambda: cloud.update(NETWORKS, other, {"name": "other", "description": "new"}),
        "delete": lambda: cloud.delete(NETWORKS, other),
    }
    with monkeypatch.context() as patched:
        patched.setattr(Table, "put", dying)
        with pytest.raises(Killed):
            requests[verb]()
    second = Cloud(home, print, gate.runtime)
    second.resume()
    eventually(lambda: second.operations.unfinished() == [], "nothing is under way")
    assert {resource.status for resource in second.all(NETWORKS)} == {"RUNNING"}
    if verb == "create":
        assert second.find(NETWORKS, other) is None
        done(second, second.create(NETWORKS, other, PROJECT, {"name": "other"}))
