"""What is left when somebody dies in the middle: provider, daemon, operation. The cloud goes on; nothing is made twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.daemon import AlreadyRunningError, Daemon
from tests.sandbox.gcp.conftest import Gate
from tests.sandbox.gcp.driver import PROJECT, Engine, ProviderError
from tests.sandbox.gcp.world import CLUSTER_ID, World
from tests.sandbox.support import eventually


def in_background(work: Callable[[], object]) -> tuple[threading.Thread, list[Exception]]:
    """Runs `work` in a thread; its exception ends up in the list."""
    errors: list[Exception] = []

    def run() -> None:
        try:
            work()
        except ProviderError as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, errors


def prepared(world: World) -> None:
    """Makes what a cluster needs."""
    world.apis()
    world.network()
    world.subnetwork()


class TestProviderKilled:
    """A plugin that dies while a cluster is being created."""

    def test_the_cluster_is_created_all_the_same(self, world: World, daemon: Daemon, gate: Gate) -> None:
        """A second create is told that the cluster exists, and an import finds it once it is there."""
        prepared(world)
        gate.open.clear()
        checked = world.engine.check("Cluster", "main", World.cluster_inputs())
        daemon.cloud.create("container.clusters", CLUSTER_ID, PROJECT, {**checked, "project": PROJECT})
        assert gate.reached.wait(30)
        with pytest.raises(ProviderError) as refused:
            world.engine.create("Cluster", "main", World.cluster_inputs())
        assert f"googleapi: Error 409: Already exists: {CLUSTER_ID}., alreadyExists" in str(refused.value)
        assert refused.value.made is None
        gate.open.set()
        eventually(lambda: self._status(world) == "RUNNING", "the cluster runs")
        imported = world.engine.read("Cluster", "main", f"{PROJECT}/us-east5/main")
        assert imported is not None
        assert imported.id == CLUSTER_ID
        assert imported.state["endpoint"] == "127.0.0.1:1"
        assert world.engine.diff(imported, World.cluster_inputs()).changes == {}

    @staticmethod
    def _status(world: World) -> str:
        found = world.engine.client.get("container.clusters", CLUSTER_ID)
        assert found is not None
        return str(found["status"])

    def test_an_interrupted_engine_keeps_what_it_began(self, world: World, gate: Gate) -> None:
        """When the engine cancels, the cluster goes into its state as half-made instead of being forgotten."""
        prepared(world)
        gate.open.clear()
        thread, errors = in_background(lambda: world.engine.create("Cluster", "main", World.cluster_inputs()))
        assert gate.reached.wait(30)
        world.engine.client.cancelled.set()
        thread.join(30)
        error = errors[0]
        assert isinstance(error, ProviderError)
        assert error.made is not None
        assert error.made.id == CLUSTER_ID
        assert "goes on in the cloud" in str(error)

    def test_texts_of_conflicts(self, world: World) -> None:
        """Every service has its own way to say that something exists."""
        world.cluster()
        world.pool()
        world.engine.create("Account", "a", {"accountId": "gke-nodes"})
        with pytest.raises(ProviderError, match=r"Error 409: The resource 'projects/.*/networks/main' already exists"):
            world.network()
        with pytest.raises(ProviderError, match=r"resource - .*/nodePools/tpu - already exists"):
            world.pool()
        with pytest.raises(ProviderError, match=r"Service account gke-nodes already exists within project"):
            world.engine.create("Account", "a", {"accountId": "gke-nodes"})


class TestImport:
    """Every id form the official provider's documentation lists."""

    @pytest.mark.parametrize(
        ("kind", "form", "found"),
        [
            ("Network", "main", "projects/demo-project/global/networks/main"),
            ("Network", "demo-project/main", "projects/demo-project/global/networks/main"),
            ("Subnetwork", "us-east5/nodes", "projects/demo-project/regions/us-east5/subnetworks/nodes"),
            ("Subnetwork", "nodes", "projects/demo-project/regions/us-east5/subnetworks/nodes"),
            ("Cluster", "us-east5/main", CLUSTER_ID),
            ("Cluster", CLUSTER_ID, CLUSTER_ID),
            ("NodePool", "us-east5/main/tpu", f"{CLUSTER_ID}/nodePools/tpu"),
            ("NodePool", "demo-project/us-east5/main/tpu", f"{CLUSTER_ID}/nodePools/tpu"),
            ("Service", "demo-project/compute.googleapis.com", "demo-project/compute.googleapis.com"),
            ("IAMMember", "demo-project roles/viewer user:a@b.c", "demo-project/roles/viewer/user:a@b.c"),
        ],
    )
    def test_forms(self, world: World, kind: str, form: str, found: str) -> None:
        """The id in the state is the full one."""
        world.cluster()
        world.pool()
        binding = {"project": PROJECT, "role": "roles/viewer", "member": "user:a@b.c"}
        world.engine.create("IAMMember", "viewer", binding)
        imported = world.engine.read(kind, "x", form)
        assert imported is not None
        assert imported.id == found
        assert imported.inputs

    def test_a_wrong_form(self, engine: Engine) -> None:
        """The error lists the forms."""
        with pytest.raises(
            ProviderError, match=r"doesn't match any of the accepted formats: projects/\{project\}/locations"
        ):
            engine.read("Cluster", "x", "main")

    def test_what_is_not_there(self, engine: Engine) -> None:
        """An empty answer: the engine takes the resource out of its state, or refuses the import."""
        assert engine.read("Network", "x", "nothing") is None

    def test_drift_is_found(self, world: World) -> None:
        """A change made behind the engine's back shows up in the inputs after a refresh."""
        world.cluster()
        pool = world.pool()
        found = world.engine.client.get("container.nodePools", pool.id)
        assert found is not None
        world.engine.client.update("container.nodePools", pool.id, {**found["properties"], "nodeCount": 4}, print)
        refreshed = world.engine.read("NodePool", "tpu", pool.id, pool)
        assert refreshed is not None
        assert refreshed.inputs == {**pool.inputs, "nodeCount": 4}
        assert world.engine.diff(refreshed, World.pool_inputs()).changes == {"nodeCount": "UPDATE"}


class TestFailedStart:
    """A control plane that does not come up."""

    def test_a_failed_start_leaves_a_cluster_to_repair(self, world: World, gate: Gate) -> None:
        """A cluster in the error state stays in the engine's state, and the next update starts it again."""
        prepared(world)
        gate.failure = RuntimeError("no port is free")
        with pytest.raises(ProviderError, match=r"Error waiting for creating GKE cluster: .*no port is free") as failed:
            world.engine.create("Cluster", "main", World.cluster_inputs())
        assert failed.value.made is not None
        assert failed.value.made.id == CLUSTER_ID
        gate.failure = None
        found = world.engine.read("Cluster", "main", CLUSTER_ID)
        assert found is not None
        assert world.engine.update(found, World.cluster_inputs()).state["endpoint"] == "127.0.0.1:1"


class TestDaemonRestart:
    """A daemon that is stopped or killed."""

    def test_everything_is_there_again(
        self, world: World, home: Path, start_daemon: Callable[[], Daemon], daemon: Daemon
    ) -> None:
        """Resources survive, clusters and their pools run again, and nothing has changed for the engine."""
        cluster, pool = world.cluster(), world.pool()
        daemon.stop()
        assert not (home / "cloud.json").exists()
        start_daemon()
        engine = Engine(home)
        for made in (cluster, pool):
            found = engine.read(made.kind, made.name, made.id, made)
            assert found is not None
            assert found.state == made.state
        assert world.asked_of_cluster()["starts"] == 2
        assert list(world.asked_of_cluster()["pools"]) == ["tpu"]

    def test_an_operation_begun_before_a_crash_is_finished(self, home: Path) -> None:
        """A cluster whose daemon died while it was being created runs after the next start, under the same operation."""
        crashed, revived = Gate(), Gate()
        first = Cloud(home, print, crashed.runtime)
        for api in ("compute", "container"):
            first.enable_api(PROJECT, f"{api}.googleapis.com")
        network = first.create(
            "compute.networks", f"projects/{PROJECT}/global/networks/main", PROJECT, {"name": "main"}
        )
        assert first.operations.wait(network["name"], 30)
        crashed.open.clear()
        inputs = {"name": "main", "location": "us-east5", "network": "main", "initialNodeCount": 1}
        operation = first.create("container.clusters", CLUSTER_ID, PROJECT, inputs)
        assert crashed.reached.wait(30)
        second = Cloud(home, print, revived.runtime)
        assert second.get("container.clusters", CLUSTER_ID).status == "PROVISIONING"
        second.resume()
        finished = second.operations.wait(operation["name"], 30)
        assert finished is not None
        assert (finished["done"], finished.get("error")) == (True, None)
        assert second.get("container.clusters", CLUSTER_ID).status == "RUNNING"
        crashed.failure = RuntimeError("the first daemon is dead")
        crashed.open.set()

    def test_one_daemon_per_home(self, daemon: Daemon, home: Path) -> None:
        """A second one would write over the first one's resources."""
        assert daemon.server.ready
        with pytest.raises(AlreadyRunningError, match=r"make down"):
            Daemon(home)

    def test_deletion_of_a_cluster_that_did_not_come_back(
        self, world: World, home: Path, start_daemon: Callable[[], Daemon], daemon: Daemon, gate: Gate
    ) -> None:
        """A cluster that cannot be started any more can still be deleted, and its data goes with it."""
        cluster = world.cluster()
        daemon.stop()
        gate.failure = RuntimeError("etcd is broken")
        start_daemon()
        engine = Engine(home)
        found = engine.client.get("container.clusters", CLUSTER_ID)
        assert found is not None
        assert (found["status"], found["error"]) == ("ERROR", "RuntimeError: etcd is broken")
        engine.delete(cluster)
        assert not list((home / "clusters").glob("*/fake.json"))
