"""Google Cloud has a bad day, and the real engine works through it: no update makes anything twice or forgets anything.

Clusters are records here; what the provider does with each fault is shown one by one in tests/sandbox/gcp/test_faults.py
and test_retries.py.
"""

from __future__ import annotations

import pytest

from tests.sandbox.stack.harness import KEY, Stack

POOLS = "container.nodePools"
CLUSTERS = "container.clusters"


@pytest.fixture
def stack(foundation: Stack) -> Stack:
    """The platform up to its node pools, in a sandbox where a fault can be ordered before the first update."""
    foundation.start()
    return foundation


def converges(stack: Stack) -> None:
    """The next update ends well; everything exists once and is well, and nothing is left to do, nor after a destroy."""
    result = stack.run("up", "--skip-preview")
    assert result.code == 0, result.output
    ids = [resource["id"] for resource in stack.resources()]
    assert len(ids) == len(set(ids))
    assert {resource["status"] for resource in stack.resources()} == {"RUNNING"}
    assert sorted(ids) == sorted(stack.cloud_ids()), "the stack's state and the cloud agree"
    assert not stack.state().get("pending_operations")
    assert not [resource["urn"] for resource in stack.state()["resources"] if resource.get("initErrors")]
    again = stack.run("up", "--skip-preview", "--expect-no-changes")
    assert again.code == 0, again.output
    assert stack.run("destroy", "--skip-preview").code == 0
    assert stack.resources() == []


def half_made(stack: Stack) -> list[str]:
    """Ids of what the state holds as made and not well."""
    return [resource["id"] for resource in stack.state()["resources"] if resource.get("initErrors")]


def test_server_errors_heal_within_one_update(stack: Stack) -> None:
    """Every second request to Compute Engine and GKE fails for a while; nobody sees it."""
    stack.fault(effect="serverError", match={"type": "co*"}, count=3, probability=0.5)
    converges(stack)
    assert stack.strikes() > 5


def test_stockout(stack: Stack) -> None:
    """As long as there are no machines each update says so; the pool stays in the state, and nothing is made twice."""
    stack.fault(effect="stockout", match={"name": "v6e*"}, count=2)
    first = stack.run("up", "--skip-preview")
    before = [(resource["id"], resource["created"]) for resource in stack.resources()]
    (kept,) = half_made(stack)
    (pool,) = [resource for resource in stack.resources() if resource["id"] == kept]
    assert (pool["type"], pool["status"]) == (POOLS, "ERROR")
    second = stack.run("up", "--skip-preview")
    assert [(resource["id"], resource["created"]) for resource in stack.resources()] == before
    for result in (first, second):
        assert result.code != 0
        assert "[GCE_STOCKOUT]" in result.output
    assert "was created in the error state" in first.output
    assert stack.strikes() == 2
    converges(stack)


def test_a_lost_answer_while_a_pool_is_replaced(stack: Stack) -> None:
    """The old pool is gone, the new one was made and forgotten: the next update takes it in instead of colliding with it."""
    assert stack.run("up", "--skip-preview").code == 0
    stack.content["config"][KEY]["tpuPools"][0]["capacity"] = {"type": "spot"}
    stack.fault(effect="responseLost", match={"type": POOLS, "name": "v6e*", "operation": "create"})
    result = stack.run("up", "--skip-preview")
    assert result.code != 0
    assert "already exists" in result.output
    assert stack.strikes() == 1
    assert [entry["type"] for entry in stack.state()["resources"] if entry.get("pendingReplacement")] == [
        "gcp:container/nodePool:NodePool"
    ]
    converges(stack)


@pytest.mark.parametrize(
    ("effect", "text"),
    [("responseLost", "Already exists: projects/"), ("degraded", 'was created in the error state "DEGRADED"')],
)
def test_second_update_heals(stack: Stack, effect: str, text: str) -> None:
    """A lost answer to the creation of the cluster, and a cluster that comes up damaged."""
    stack.fault(effect=effect, match={"type": CLUSTERS, "operation": "create"})
    result = stack.run("up", "--skip-preview")
    assert result.code != 0
    assert text in result.output
    assert stack.strikes() == 1
    converges(stack)
