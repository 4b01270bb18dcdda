"""What the provider tries again when the cloud fails, and how often."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.cloud.daemon import Daemon
from sandbox.cloud.errors import CloudError
from sandbox.gcp import retries
from tests.sandbox.gcp.faulting import NETWORK_ID, failed, once, struck
from tests.sandbox.gcp.world import World

pytestmark = pytest.mark.usefixtures("fast")


class TestTriedAgain:
    """Errors the provider does not even show."""

    @pytest.mark.parametrize(
        ("effect", "fields"),
        [
            ("serverError", {"code": 500}),
            ("serverError", {"code": 502}),
            ("serverError", {"code": 503}),
            ("rateLimit", {"code": 429}),
            ("rateLimit", {"code": 403}),
            ("operationInProgress", {}),
        ],
    )
    def test_requests(
        self, world: World, daemon: Daemon, order: Callable[..., None], effect: str, fields: dict[str, int]
    ) -> None:
        """Three refusals in a row, of creation and deletion, and nothing is lost or made twice."""
        world.apis()
        order(effect, type="compute.networks", operation="create", count=3, **fields)
        made = world.network()
        once(daemon, "compute.networks")
        assert struck(daemon) == 3
        order(effect, type="compute.networks", operation="delete", count=3, **fields)
        world.engine.delete(made)
        assert daemon.cloud.all("compute.networks") == []
        assert struck(daemon) == 3

    def test_reading(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """A refresh comes through, and does not take the resource for gone."""
        world.apis()
        world.network()
        order("serverError", type="compute.networks", operation="read", count=5)
        assert world.engine.read("Network", "main", NETWORK_ID) is not None
        assert struck(daemon) == 5

    def test_a_busy_cluster(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """Node pools wait for their cluster as long as they may take themselves; the transport alone would give up."""
        world.cluster()
        order("clusterBusy", type="container.nodePools", operation="create", count=30)
        world.pool()
        once(daemon, "container.nodePools")
        assert struck(daemon) == 30

    def test_a_quota_that_answers_429(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """It looks like a hang: 429 on the creation of a node pool is tried again until the pool's own timeout."""
        world.cluster()
        order("rateLimit", type="container.nodePools", operation="create", count="always")
        error = failed(lambda: world.engine.create("NodePool", "tpu", World.pool_inputs()))
        assert "error creating NodePool: googleapi: Error 429: Quota exceeded for quota metric" in str(error)
        assert error.made is None
        assert struck(daemon) > 500
        order("rateLimit", type="container.nodePools", operation="create", count=40)
        world.pool()
        once(daemon, "container.nodePools")

    def test_a_quota_that_answers_429_to_a_deletion(
        self, world: World, daemon: Daemon, order: Callable[..., None]
    ) -> None:
        """The transport's ten attempts would not be enough: a node pool is deleted as patiently as it is made."""
        world.cluster()
        pool = world.pool()
        order("rateLimit", type="container.nodePools", operation="delete", count=40)
        world.engine.delete(pool)
        assert daemon.cloud.all("container.nodePools") == []
        assert struck(daemon) == 40

    def test_the_deletion_of_a_cluster(self, world: World, daemon: Daemon, order: Callable[..., None]) -> None:
        """Whatever refuses it is given half a minute."""
        cluster = world.cluster()
        order("clusterBusy", type="container.clusters", operation="delete", count=4)
        world.engine.delete(cluster)
        assert daemon.cloud.all("container.clusters") == []


class TestRules:
    """The provider's rules, by themselves."""

    def test_how_often_the_transport_tries(self) -> None:
        """0.5, 1, 1.5, 2.5 s and so on, until 90 s are over."""
        pauses = list(retries.transport_pauses())
        assert pauses[:5] == [0.5, 1.0, 1.5, 2.5, 4.0]
        assert sum(pauses) < 90
        assert len(pauses) == 9

    @pytest.mark.parametrize(
        ("error", "again"),
        [
            (CloudError(504, "Deadline exceeded.", "backendError"), False),
            (CloudError(409, "Already exists", "alreadyExists"), False),
            (CloudError(403, "Quota exceeded for quota metric 'a' and limit 'b per minute' of service 'c'", ""), True),
            (CloudError(403, "Quota exceeded for quota metric 'a' and limit 'b per day' of service 'c'", ""), False),
            (CloudError(403, "Too many", "CONCURRENT_OPERATIONS_QUOTA_EXCEEDED"), True),
            (
                CloudError(400, "The resource 'projects/p/regions/r/subnetworks/s' is not ready", "resourceNotReady"),
                True,
            ),
            (CloudError(400, "The resource 'projects/p/global/addresses/s' is not ready", "resourceNotReady"), False),
        ],
    )
    def test_what_the_transport_tries_again(self, error: CloudError, *, again: bool) -> None:
        """Rate limits yes, quotas a day no."""
        assert retries.by_transport(error) is again
