"""Ctrl-C and failed reads: what the engine keeps of a resource is what exists, no more and no less."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.cloud.daemon import Daemon
from sandbox.faults import parse
from sandbox.gcp.patience import Patience
from tests.sandbox.gcp.driver import Made
from tests.sandbox.gcp.faulting import NETWORK_ID, POOL_ID, failed, once
from tests.sandbox.gcp.world import World

pytestmark = pytest.mark.usefixtures("fast")


@pytest.fixture
def interrupted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user stops the engine as soon as the provider says that it tries again."""

    def heard(line: str) -> None:
        if line.startswith("trying again"):
            world.engine.client.cancelled.set()

    def reporter(_log: object, _urn: str) -> Callable[[str], None]:
        return heard

    monkeypatch.setattr("sandbox.gcp.engine.EngineLog.reporter", reporter)


@pytest.mark.usefixtures("interrupted")
class TestBeforeTheRequestWasTaken:
    """The provider tries again, and is told to stop."""

    def test_what_was_never_made_is_not_kept(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """Kept, each later update would change a resource that does not exist, and be told 404, for ever."""
        world.apis()
        order("serverError", type="compute.networks", operation="create")
        error = failed(world.network)
        assert "interrupted while trying again after: googleapi: Error 503" in str(error)
        assert error.made is None
        assert daemon.cloud.all("compute.networks") == []
        world.engine.client.cancelled.clear()
        world.network()
        once(daemon, "compute.networks")

    def test_what_somebody_else_made_is_not_kept(self, world: World, order: Callable[..., None]) -> None:
        """A pool of that name is there; nothing says that it is this update's."""
        world.cluster()
        world.pool()
        order("serverError", type="container.nodePools", operation="create")
        assert failed(world.pool).made is None

    def test_a_lost_answer_is_looked_into(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """The request may have been taken: what exists then is kept."""
        world.apis()
        order("responseLost", type="compute.networks", operation="create")
        error = failed(world.network)
        assert error.made is not None
        assert error.made.id == NETWORK_ID
        assert len(daemon.cloud.all("compute.networks")) == 1

    @pytest.mark.parametrize(("effect", "kept"), [("serverError", False), ("responseLost", True)])
    def test_changes(self, world: World, order: Callable[..., None], effect: str, *, kept: bool) -> None:
        """A change that was not taken is due as before; one that may have been is read by the next update."""
        world.cluster()
        pool = world.pool()
        order(effect, type="container.nodePools", operation="update")
        error = failed(lambda: world.engine.update(pool, World.pool_inputs(nodeCount=2)))
        assert (error.made is not None) is kept


class TestReadingBack:
    """The operation has succeeded, and the read after it fails."""

    def test_a_creation(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """It is kept, so that the next update goes on with it instead of being told that it exists."""
        world.apis()
        order("serverError", code=504, type="compute.networks", operation="read")
        error = failed(world.network)
        assert "Error reading Network: googleapi: Error 504: Deadline exceeded." in str(error)
        assert error.made is not None
        assert error.made.id == NETWORK_ID
        inputs = {"name": "main", "autoCreateSubnetworks": False}
        kept = Made(kind="Network", name="main", id=error.made.id, inputs=inputs, state=inputs)
        world.engine.update(kept, inputs)
        once(daemon, "compute.networks")

    def test_a_change(self, world: World, order: Callable[..., None]) -> None:
        """The new inputs are kept: they are what the cloud has."""
        world.cluster()
        pool = world.pool()
        order("serverError", code=504, type="container.nodePools", operation="read")
        error = failed(lambda: world.engine.update(pool, World.pool_inputs(nodeCount=2)))
        assert error.made is not None
        assert error.made.inputs["nodeCount"] == 2


class TestConflicts:
    """What is said of a 409."""

    @pytest.mark.parametrize("operation", ["create", "update", "delete"])
    def test_only_what_exists_is_said_to_exist(self, world: World, order: Callable[..., None], operation: str) -> None:
        """Taken for "already exists", an occupied cluster would send people to import a pool that is not there."""
        world.cluster()
        pool = None if operation == "create" else world.pool()
        order("operationInProgress", type="container.nodePools", operation=operation, count="always")
        if pool is None:
            error = failed(world.pool)
        elif operation == "update":
            error = failed(lambda: world.engine.update(pool, World.pool_inputs(nodeCount=2)))
        else:
            error = failed(lambda: world.engine.delete(pool))
        assert "NodePool: googleapi: Error 409: Cluster is running incompatible operation" in str(error)
        assert POOL_ID not in str(error)


class TestHeldOperations:
    """Only what a fault holds up is given the short, scaled timeout."""

    def test_the_limit_counts_while_a_fault_holds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What goes on after it has the time of an ordinary operation again; this machine is no faster than it is."""
        now = [0.0]
        monkeypatch.setattr("sandbox.gcp.patience.time.monotonic", lambda: now[0])
        patience = Patience(1200)  # 1.2 s at the tests' speed
        assert patience.left(held=True) == pytest.approx(1.2)
        now[0] = 1.0
        assert patience.left(held=True) == pytest.approx(0.2)
        assert patience.left(held=False) == pytest.approx(600)
        now[0] = 101.0
        assert patience.left(held=False) == pytest.approx(500)
        assert patience.left(held=True) == pytest.approx(0.2)

    def test_the_cloud_says_when_it_is_over(self, world: World, daemon: Daemon) -> None:
        """An operation that was held says so only as long as it is."""
        world.apis()
        fault = {"effect": "slow", "seconds": 1, "match": {"type": "compute.networks"}}
        daemon.cloud.faults.play(parse({"faults": [fault]}))
        world.network()
        held = [operation["held"] for operation in daemon.cloud.operations.known() if "held" in operation]
        assert held == [False]
