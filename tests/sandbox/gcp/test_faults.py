"""Each fault either heals within one update, or leaves what a second update heals without making anything twice."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud.daemon import Daemon
from sandbox.cloud.errors import CloudError
from sandbox.faults import parse
from tests.sandbox.gcp.driver import PROJECT, Engine, Made, ProviderError
from tests.sandbox.gcp.faulting import NETWORK_ID, POOL_ID, failed, half_made, once, struck
from tests.sandbox.gcp.wire import call
from tests.sandbox.gcp.world import World
from tests.sandbox.support import eventually

pytestmark = pytest.mark.usefixtures("fast")


class TestShown:
    """Errors that end an update; what exists afterwards, and that the next one heals it."""

    @pytest.mark.parametrize(
        ("effect", "fields", "text"),
        [
            ("serverError", {"count": 10}, "Error 503: The service is currently unavailable., backendError"),
            ("serverError", {"code": 504}, "Error 504: Deadline exceeded."),
            ("operationInProgress", {"count": 10}, "Error 409: Cluster is running incompatible operation operation-"),
            ("quotaExceeded", {}, "Error 403: Quota 'NETWORKS' exceeded.  Limit: 0.0 globally., quotaExceeded"),
            ("permissionDenied", {}, f"Error 403: Required 'compute.networks.create' permission for '{NETWORK_ID}'"),
        ],
    )
    def test_refusals(
        self,
        world: World,
        daemon: Daemon,
        order: Callable[..., None],
        effect: str,
        fields: dict[str, Any],
        text: str,
    ) -> None:
        """Nothing exists; 90 s of server errors (ten attempts) are the most the transport endures."""
        world.apis()
        order(effect, type="compute.networks", operation="create", **fields)
        error = failed(world.network)
        assert text in str(error)
        assert error.made is None
        assert daemon.cloud.all("compute.networks") == []
        world.network()
        once(daemon, "compute.networks")

    def test_a_secret_that_does_not_exist(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """A token's secret that nobody made: the grant fails as on Google Cloud, and a secret of another name is not meant."""
        world.engine.create("Service", "secretmanager", {"service": "secretmanager.googleapis.com"})
        member = "serviceAccount:reader@other.iam.gserviceaccount.com"

        def grant(secret: str) -> Made:
            inputs = {"secretId": secret, "role": "roles/secretmanager.secretAccessor", "member": member}
            return world.engine.create("SecretIamMember", secret, inputs)

        order("notFound", type="secretmanager.iamMembers", name="*/secrets/hf-token/*", count=2)
        error = failed(lambda: grant("hf-token"))
        assert f'Error retrieving IAM policy for secretmanager secret "projects/{PROJECT}/secrets/hf-token": ' in str(
            error
        )
        assert re.search(
            r"googleapi: Error 404: Secret \[projects/\d{12}/secrets/hf-token\] not found\.$", str(error).strip()
        )
        assert error.made is None
        grant("hf-token-old")
        assert struck(daemon) == 1
        once(daemon, "secretmanager.iamMembers")
        failed(lambda: grant("hf-token"))
        grant("hf-token")

    def test_a_secret_that_was_deleted(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """A refresh forgets the grant, so that the next update makes it anew."""
        world.engine.create("Service", "secretmanager", {"service": "secretmanager.googleapis.com"})
        inputs = {"secretId": "hf", "role": "roles/secretmanager.secretAccessor", "member": "user:a@example.com"}
        made = world.engine.create("SecretIamMember", "hf", inputs)
        order("notFound", type="secretmanager.*", operation="read")
        assert world.engine.read("SecretIamMember", "hf", made.id, made) is None
        assert struck(daemon) == 1

    def test_the_quota_of_a_node_pool(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """Compute Engine's regional quota for TPUs: told at once, with the page to ask for more."""
        world.cluster()
        order("quotaExceeded", type="container.nodePools")
        text = str(failed(world.pool))
        assert 'Insufficient regional quota to satisfy request: resource "TPUS_PER_TPU_FAMILY"' in text
        assert struck(daemon) == 1
        world.pool()
        once(daemon, "container.nodePools")

    def test_stockout(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """GKE keeps a pool it found no machines for; forgetting it would make the next update collide with it."""
        world.cluster()
        order("stockout", zone="us-east5-b")
        error = failed(world.pool)
        assert 'NodePool tpu was created in the error state "ERROR"' in str(error)
        assert "[GCE_STOCKOUT]: Instance 'gke-tpu-" in str(error)
        assert f"The zone 'projects/{PROJECT}/zones/us-east5-b' does not have enough resources available" in str(error)
        kept = half_made(world, "NodePool", "tpu", error)
        assert kept.id == POOL_ID
        assert "tpu" not in world.asked_of_cluster()["pools"], "there are no machines"
        refreshed = failed(lambda: world.engine.read("NodePool", "tpu", POOL_ID, kept))
        assert refreshed.made is not None, "a refresh must not end the repair"
        world.engine.update(kept, World.pool_inputs())
        once(daemon, "container.nodePools")
        assert world.asked_of_cluster()["pools"]["tpu"]["nodesPerZone"] == 1

    def test_stockout_elsewhere(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """A zone without machines does not trouble pools in others."""
        world.cluster()
        order("stockout", zone="us-east5-a", count="always")
        world.pool()
        assert struck(daemon) == 0

    def test_degraded(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """A cluster that came up damaged stays in the state with its endpoint; the next update finds it repaired."""
        order("degraded")
        error = failed(world.cluster)
        assert 'Cluster main was created in the error state "DEGRADED": [UNHEALTHY_CONTROL_PLANE]' in str(error)
        kept = half_made(world, "Cluster", "main", error)
        assert kept.state["endpoint"] == "127.0.0.1:1"
        assert world.engine.update(kept, World.cluster_inputs()).state["endpoint"] == "127.0.0.1:1"
        once(daemon, "container.clusters")

    @pytest.mark.parametrize("operation", ["update", "delete"])
    def test_a_lost_response_is_asked_for_again(
        self, world: World, daemon: Daemon, order: Callable[..., None], operation: str
    ) -> None:
        """Changing or deleting once more does no harm."""
        world.cluster()
        pool = world.pool()
        order("responseLost", type="container.nodePools", operation=operation)
        if operation == "update":
            world.engine.update(pool, World.pool_inputs(nodeCount=2))
            once(daemon, "container.nodePools")
            assert world.asked_of_cluster()["pools"]["tpu"]["nodesPerZone"] == 2
        else:
            world.engine.delete(pool)
            assert daemon.cloud.all("container.nodePools") == []
        assert struck(daemon) == 1

    def test_a_lost_response_to_a_creation(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """The resource is there, its creator does not know, and is told that it exists: it has to be taken in by its id."""
        world.cluster()
        order("responseLost", type="container.nodePools", operation="create")
        error = failed(world.pool)
        assert f"resource - {POOL_ID} - already exists" in str(error)
        assert error.made is None
        eventually(lambda: daemon.cloud.get("container.nodePools", POOL_ID).status == "RUNNING", "the pool runs")
        taken_in = world.engine.read("NodePool", "tpu", POOL_ID)
        assert taken_in is not None
        assert world.engine.diff(taken_in, World.pool_inputs()).changes == {}
        once(daemon, "container.nodePools")

    def test_a_lost_response_where_creating_twice_is_fine(
        self, world: World, daemon: Daemon, order: Callable[..., None]
    ) -> None:
        """Enabling an API."""
        order("responseLost", type="serviceusage.services", operation="create", count=2)
        world.apis()
        assert struck(daemon) == 6
        assert len(daemon.cloud.all("serviceusage.services")) == 3


class TestWaiting:
    """Operations that take their time."""

    def test_slow(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """An operation that is slower than usual is waited for."""
        world.apis()
        order("slow", type="compute.networks", seconds=300)
        began = time.monotonic()
        world.network()
        assert time.monotonic() - began >= 0.3
        once(daemon, "compute.networks")

    def test_never_ending_network(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """The provider gives up after its timeout and forgets; the cloud goes on, and it can be taken in afterwards."""
        world.apis()
        order("neverEnding", type="compute.networks")
        error = failed(world.network)
        assert "timeout while waiting for state to become 'DONE' (last state: 'RUNNING', timeout: 20m0s)" in str(error)
        assert error.made is None
        daemon.cloud.faults.clear()
        eventually(lambda: daemon.cloud.get("compute.networks", NETWORK_ID).status == "RUNNING", "it is made")
        assert world.engine.read("Network", "main", NETWORK_ID) is not None

    def test_never_ending_cluster(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """The cluster stays in the state; the next update waits again, and goes on with it once it is there."""
        order("neverEnding", type="container.clusters")
        error = failed(world.cluster)
        assert "Error waiting for creating GKE cluster: timeout while waiting for state to become 'DONE'" in str(error)
        assert "timeout: 1h30m0s" in str(error)
        kept = half_made(world, "Cluster", "main", error)
        outcome: list[Made] = []
        update = threading.Thread(
            target=lambda: outcome.append(world.engine.update(kept, World.cluster_inputs())), daemon=True
        )
        update.start()
        daemon.cloud.faults.clear()
        update.join(30)
        assert outcome[0].state["endpoint"] == "127.0.0.1:1"
        once(daemon, "container.clusters")

    def test_an_interrupt_ends_the_waiting(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """Ctrl-C between two attempts: the provider does not go on trying for minutes."""
        world.cluster()
        order("clusterBusy", type="container.nodePools", count="always")
        errors: list[ProviderError] = []

        def work() -> None:
            errors.append(failed(world.pool))

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        eventually(lambda: struck(daemon) > 3, "it tries again")
        world.engine.client.cancelled.set()
        thread.join(10)
        assert "interrupted while trying again after: googleapi: Error 400: Cluster is running incompat" in str(
            errors[0]
        )
        assert errors[0].made is None, "nothing was made"


class TestScript:
    """When faults strike."""

    def test_attempt_and_count(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """The second and third request of each resource."""
        world.apis()
        order("permissionDenied", type="compute.networks", operation="read", attempt=2, count=2)
        world.network()
        failed(lambda: world.engine.read("Network", "main", NETWORK_ID))
        failed(lambda: world.engine.read("Network", "main", NETWORK_ID))
        assert world.engine.read("Network", "main", NETWORK_ID) is not None
        assert struck(daemon) == 2

    def test_chances_are_drawn_from_the_seed(self, daemon: Daemon) -> None:
        """The same seed strikes the same attempts, whatever happens to other resources meanwhile; another one others."""

        def plan(seed: int) -> list[bool]:
            fault = {"effect": "serverError", "match": {"name": "x*"}, "count": "always", "probability": 0.5}
            daemon.cloud.faults.play(parse({"seed": seed, "faults": [fault]}))
            outcome: list[bool] = []
            for attempt in range(40):
                for name in ("x", "x-other", "y")[: 1 + attempt % 3]:
                    with pytest.raises(CloudError) as error:
                        daemon.cloud.get("compute.networks", f"projects/p/global/networks/{name}")
                    if name == "x":
                        outcome.append(error.value.code == 503)
                    assert (name, error.value.code) != ("y", 503)
            return outcome

        first = plan(1)
        assert first == plan(1)
        assert first != plan(2)
        assert 8 < sum(first) < 32

    def test_a_wrong_script_is_refused_and_the_old_one_stays(self, engine: Engine, home: Path) -> None:
        """Through the daemon's own API."""
        assert engine
        good = {"faults": [{"effect": "serverError", "match": {"type": "compute.*"}}]}
        assert call(home, "PUT", "/faults", good) == (200, {"script": good, "struck": [0]})
        wrong = {"faults": [{"effect": "serverError", "match": {"type": "compute.netwoks"}}]}
        status, answer = call(home, "PUT", "/faults", wrong)
        assert status == 400
        assert "faults[0].match.type: 'compute.netwoks': no such type. Write one of" in answer["error"]["message"]
        assert call(home, "GET", "/faults") == (200, {"script": good, "struck": [0]})
        call(home, "DELETE", "/faults")
        assert call(home, "GET", "/faults") == (200, {"script": {}, "struck": []})
