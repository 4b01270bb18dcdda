"""Ways to TPU machines, and placement by workload policy, as the simulated API takes and refuses them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.plugin.values import Properties
from tests.sandbox.gcp.driver import PROJECT, ProviderError
from tests.sandbox.gcp.world import World

FLEX: Properties = {"flexStart": True, "reservationAffinity": {"consumeReservationType": "NO_RESERVATION"}}
GROWING: Properties = {
    "nodeCount": None,
    "autoscaling": {"minNodeCount": 0, "maxNodeCount": 3, "locationPolicy": "ANY"},
    "management": {"autoRepair": False, "autoUpgrade": True},
}


def given(inputs: Properties) -> Properties:
    """Inputs without what is None."""
    return {key: value for key, value in inputs.items() if value is not None}


def refused(world: World, inputs: Properties) -> str:
    """The error of a node pool that is refused."""
    with pytest.raises(ProviderError) as error:
        world.engine.create("NodePool", "x", given(inputs))
    return str(error.value)


def nodes(world: World, name: str = "tpu") -> dict[str, Any]:
    """What the cloud asks of the cluster for a pool."""
    return world.asked_of_cluster()["pools"][name]


@pytest.mark.parametrize(
    ("config", "changes", "text"),
    [
        ({"flexStart": True}, {}, "Write autoscaling with minNodeCount: 0, maxNodeCount and locationPolicy: ANY."),
        (FLEX, {**GROWING, "management": {"autoRepair": True}}, "management.autoRepair is true"),
        ({**FLEX, "spot": True}, GROWING, "Choose one of spot and flexStart"),
        (
            FLEX,
            {**GROWING, "autoscaling": {"minNodeCount": 1, "maxNodeCount": 3, "locationPolicy": "ANY"}},
            "autoscaling.minNodeCount is 1",
        ),
        (
            {"spot": True, "reservationAffinity": {"consumeReservationType": "ANY_RESERVATION"}},
            {},
            "a spot pool takes no reserved machines",
        ),
        (
            {"reservationAffinity": {"consumeReservationType": "SPECIFIC_RESERVATION"}},
            {},
            "a specific reservation is selected by this label",
        ),
        ({**FLEX, "maxRunDuration": "700000s"}, GROWING, "for at most 7 days"),
    ],
)
def test_what_excludes_what(world: World, config: Properties, changes: Properties, text: str) -> None:
    """Refused at once here; on Google Cloud some of these fail after minutes."""
    world.cluster()
    message = refused(world, World.pool_inputs(config, **changes))
    assert "googleapi: Error 400: Invalid node pool: " in message
    assert text in message


def test_flex_start_begins_empty(world: World) -> None:
    """No node exists until pods ask for one; nodes carry GKE's label for the way they came."""
    world.cluster()
    world.engine.create("NodePool", "tpu", given(World.pool_inputs({**FLEX, "maxRunDuration": "86400s"}, **GROWING)))
    assert nodes(world)["nodesPerZone"] == 0
    assert nodes(world)["labels"] == {"cloud.google.com/gke-flex-start": "true"}


def test_a_growing_slice_is_whole_or_not_there(world: World) -> None:
    """Per-zone limits of exactly one slice; total limits are read as 0 per zone."""
    world.cluster()
    limits = {"totalMinNodeCount": 0, "totalMaxNodeCount": 2}
    inputs = {**world.slice_inputs(), "nodeCount": None}
    message = refused(world, {**inputs, "autoscaling": limits})
    assert "Maximum node count 0 is not a valid size of TPU pod slice with topology 2x4" in message
    half = {"minNodeCount": 1, "maxNodeCount": 2}
    assert "Should be equal to the gang size" in refused(world, {**inputs, "autoscaling": half, "initialNodeCount": 0})
    empty = {"minNodeCount": 0, "maxNodeCount": 2}
    world.engine.create("NodePool", "tpu", given({**inputs, "autoscaling": empty, "initialNodeCount": 0}))
    assert nodes(world)["nodesPerZone"] == 0


def test_a_pool_has_one_first_size(world: World) -> None:
    """The provider's own words, before the API is asked."""
    world.cluster()
    failures = world.engine.failures("NodePool", "x", World.pool_inputs(initialNodeCount=1))
    assert failures["nodeCount"].startswith("Cannot set both initial_node_count and node_count on node pool")


def test_nodes_of_a_class_are_bound_to_it(world: World) -> None:
    """Label and taint of a compute class reach the Nodes beside GKE's own taint."""
    world.cluster()
    key = "cloud.google.com/compute-class"
    taint = {"key": key, "value": "v6e", "effect": "NO_SCHEDULE"}
    world.pool({"labels": {key: "v6e"}, "taints": [taint]})
    assert nodes(world)["labels"] == {key: "v6e"}
    assert [key, "v6e", "NoSchedule"] in [list(each) for each in nodes(world)["taints"]]


REGION = "us-central1"
WORKLOAD: Properties = {"type": "HIGH_THROUGHPUT", "acceleratorTopology": "2x2x2"}
POLICY: Properties = {"name": "v7x", "region": REGION, "workloadPolicy": WORKLOAD}


class TestWorkloadPolicies:
    """Ironwood slices are placed by a resource policy."""

    def pool(self, placement: Properties) -> Properties:
        """A 2x2x2 slice of two VMs."""
        zone = {"location": REGION, "nodeLocations": [f"{REGION}-c"]}
        cluster = f"projects/{PROJECT}/locations/{REGION}/clusters/main"
        config = {"machineType": "tpu7x-standard-4t"}
        placed = {**placement, "tpuTopology": "2x2x2"}
        return World.pool_inputs(config, **zone, cluster=cluster, nodeCount=2, placementPolicy=placed)

    def cluster(self, world: World) -> None:
        """A cluster in the region that has them."""
        world.apis()
        world.network()
        world.subnetwork(region=REGION)
        world.engine.create("Cluster", "main", World.cluster_inputs(location=REGION))

    def test_the_policy_must_fit(self, world: World) -> None:
        """None, one that does not exist, one for another topology; then the one that fits, which stays while in use."""
        self.cluster(world)
        assert "Use workload policy instead." in refused(world, self.pool({"type": "COMPACT"}))
        assert "A workload policy is required" in refused(world, self.pool({"type": ""}))
        assert "resourcePolicies/v7x' was not found" in refused(world, self.pool({"type": "", "policyName": "v7x"}))
        other = {
            **POLICY,
            "name": "other",
            "workloadPolicy": {"type": "HIGH_THROUGHPUT", "acceleratorTopology": "2x2x4"},
        }
        world.engine.create("ResourcePolicy", "other", other)
        assert "has accelerator topology '2x2x4'" in refused(world, self.pool({"type": "", "policyName": "other"}))
        policy = world.engine.create("ResourcePolicy", "v7x", POLICY)
        world.engine.create("NodePool", "tpu", self.pool({"type": "", "policyName": "v7x"}))
        with pytest.raises(ProviderError, match="already being used by"):
            world.engine.delete(policy)

    def test_policies_are_checked(self, world: World) -> None:
        """A topology belongs to HIGH_THROUGHPUT and must be one."""
        world.apis()
        for workload, text in (
            ({"type": "HIGH_AVAILABILITY", "acceleratorTopology": "2x2x2"}, "Only HIGH_THROUGHPUT"),
            ({"type": "HIGH_THROUGHPUT", "acceleratorTopology": "big"}, "Write a topology such as 2x2x2."),
        ):
            with pytest.raises(ProviderError, match=text):
                world.engine.create("ResourcePolicy", "x", {**POLICY, "workloadPolicy": workload})


def test_the_number_of_nodes_is_the_autoscalers(world: World, home: Path) -> None:
    """A refresh shows what there is; the program finds nothing to change, and an update in place leaves the number alone."""
    world.cluster()
    inputs = {**world.pool_inputs(), "initialNodeCount": 1, "autoscaling": {"minNodeCount": 0, "maxNodeCount": 3}}
    del inputs["nodeCount"]
    made = world.engine.create("NodePool", "tpu", inputs)
    assert made.state["nodeCount"] == 1
    record = home / "clusters" / f"{PROJECT}_us-east5_main" / "fake.json"
    scaled = world.asked_of_cluster()
    scaled["pools"]["tpu"]["nodesPerZone"] = 3
    record.write_text(json.dumps(scaled), encoding="utf-8")
    refreshed = world.engine.read("NodePool", "tpu", made.id, made)
    assert refreshed is not None
    assert refreshed.state["nodeCount"] == 3
    assert refreshed.inputs == made.inputs
    assert world.engine.diff(refreshed, inputs).changes == {}
