"""What the tests of faults ask of a cloud that is told to fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.cloud.daemon import Daemon
from tests.sandbox.gcp.driver import PROJECT, Made, ProviderError
from tests.sandbox.gcp.world import CLUSTER_ID, World

POOL_ID = f"{CLUSTER_ID}/nodePools/tpu"


NETWORK_ID = f"projects/{PROJECT}/global/networks/main"


def struck(daemon: Daemon) -> int:
    """How often the fault has struck."""
    return sum(daemon.cloud.faults.as_json()["struck"])


def once(daemon: Daemon, kind: str) -> None:
    """There is exactly one resource of the kind, and all is well with it."""
    (found,) = daemon.cloud.all(kind)
    assert (found.status, found.error) == ("RUNNING", "")


def failed(work: Callable[[], object]) -> ProviderError:
    """The provider's error."""
    with pytest.raises(ProviderError) as error:
        work()
    return error.value


def half_made(world: World, kind: str, name: str, error: ProviderError) -> Made:
    """What the engine keeps of a resource that was made and is not well."""
    assert error.made is not None
    found = world.engine.client.get(
        {"Cluster": "container.clusters", "NodePool": "container.nodePools"}[kind], error.made.id
    )
    assert found is not None
    return Made(kind=kind, name=name, id=error.made.id, inputs=found["properties"], state=found["state"])
