"""Which changes replace a resource, which are made in place, and which are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.gcp.catalog import TYPES
from sandbox.gcp.diff import compare
from sandbox.plugin.values import UNKNOWN, Properties
from tests.sandbox.gcp.driver import PROJECT, TOKENS
from tests.sandbox.gcp.world import CLUSTER_ID, World


def replaces(kind: str, old: Properties, new: Properties) -> tuple[str, ...]:
    """The paths that force a replacement when the program changes from `old` to `new`."""
    return compare(TYPES[TOKENS[kind]], old, old, new).replaces


def changes(kind: str, old: Properties, new: Properties, state: Properties | None = None) -> dict[str, Any]:
    """Every changed path."""
    return dict(compare(TYPES[TOKENS[kind]], old, state or old, new).changes)


class TestReplacement:
    """Changes Google Cloud cannot make in place; a preview must show them as what they are."""

    @pytest.mark.parametrize(
        ("changed", "path"),
        [
            ({"name": "other"}, "name"),
            ({"location": "us-east1"}, "location"),
            ({"network": "other"}, "network"),
            ({"subnetwork": "other"}, "subnetwork"),
            ({"initialNodeCount": 2}, "initialNodeCount"),
            ({"enableAutopilot": True}, "enableAutopilot"),
            ({"datapathProvider": "ADVANCED_DATAPATH"}, "datapathProvider"),
            (
                {"privateClusterConfig": {"enablePrivateNodes": False, "masterIpv4CidrBlock": "172.16.0.0/28"}},
                "privateClusterConfig.enablePrivateNodes",
            ),
            (
                {"ipAllocationPolicy": {"clusterSecondaryRangeName": "x", "servicesSecondaryRangeName": "services"}},
                "ipAllocationPolicy.clusterSecondaryRangeName",
            ),
        ],
    )
    def test_of_a_cluster(self, changed: Properties, path: str) -> None:
        """Identity and address plan of a cluster."""
        old = World.cluster_inputs()
        assert replaces("Cluster", old, {**old, **changed}) == (path,)

    @pytest.mark.parametrize(
        "changed",
        [
            {"minMasterVersion": "1.35"},
            {"releaseChannel": {"channel": "RAPID"}},
            {"gatewayApiConfig": {"channel": "CHANNEL_DISABLED"}},
            {"deletionProtection": True},
            {"resourceLabels": {"a": "b"}},
            {"nodeLocations": ["us-east5-a"]},
        ],
    )
    def test_not_of_a_cluster(self, changed: Properties) -> None:
        """What a running cluster takes."""
        old = World.cluster_inputs()
        assert replaces("Cluster", old, {**old, **changed}) == ()
        assert changes("Cluster", old, {**old, **changed})

    @pytest.mark.parametrize(
        ("new", "paths"),
        [
            (World.pool_inputs({"machineType": "ct6e-standard-8t"}), ("nodeConfig.machineType",)),
            (World.pool_inputs({"machineType": UNKNOWN}), ("nodeConfig.machineType",)),
            (World.pool_inputs({"spot": True}), ("nodeConfig.spot",)),
            (World.pool_inputs({"serviceAccount": "a@b"}), ("nodeConfig.serviceAccount",)),
            (World.pool_inputs(placementPolicy={"type": "COMPACT", "tpuTopology": "2x4"}), ("placementPolicy",)),
            (World.pool_inputs(queuedProvisioning={"enabled": True}), ("queuedProvisioning",)),
            (World.pool_inputs(cluster=CLUSTER_ID.replace("main", "other")), ("cluster",)),
            (World.pool_inputs(nodeCount=5), ()),
            (World.pool_inputs(nodeLocations=["us-east5-a"]), ()),
            (World.pool_inputs({"labels": {"a": "b"}}), ()),
            (World.pool_inputs({"diskSizeGb": 200}), ()),
        ],
    )
    def test_of_a_tpu_pool(self, new: Properties, paths: tuple[str, ...]) -> None:
        """A slice's shape is fixed; counts, zones, labels and disks are not."""
        assert replaces("NodePool", World.pool_inputs(), new) == paths

    def test_topology_is_part_of_the_placement(self) -> None:
        """One changed member of placementPolicy replaces the pool."""
        old = World.pool_inputs(placementPolicy={"type": "COMPACT", "tpuTopology": "2x4"})
        new = World.pool_inputs(placementPolicy={"type": "COMPACT", "tpuTopology": "4x4"})
        assert replaces("NodePool", old, new) == ("placementPolicy.tpuTopology",)

    def test_cpu_machine_types_change_in_place(self) -> None:
        """As in the official provider, unless TPUs are involved."""
        old, new = (
            World.pool_inputs({"machineType": "e2-standard-4"}),
            World.pool_inputs({"machineType": "n2-standard-8"}),
        )
        assert changes("NodePool", old, new) == {"nodeConfig.machineType": "update"}
        assert replaces("NodePool", old, new) == ()

    @pytest.mark.parametrize(
        ("block", "paths"),
        [("10.0.0.0/19", ()), ("10.0.0.0/21", ("ipCidrRange",)), ("10.1.0.0/20", ("ipCidrRange",))],
    )
    def test_of_a_subnetwork_range(self, block: str, paths: tuple[str, ...]) -> None:
        """A subnetwork's range can grow, and nothing else."""
        old = World.subnetwork_inputs()
        assert replaces("Subnetwork", old, {**old, "ipCidrRange": block}) == paths

    def test_order_of_replacement(self, world: World) -> None:
        """What has a fixed name is deleted first; what has a made-up name is created first."""
        world.cluster()
        pool = world.pool()
        assert world.engine.diff(pool, World.pool_inputs({"spot": True})).delete_first
        address = world.engine.create("Address", "gateway", {})
        assert address.inputs["name"] == "gateway-abcdef0"
        changed = world.engine.diff(address, {"networkTier": "STANDARD"})
        assert changed.changes == {"networkTier": "ADD_REPLACE"}
        assert not changed.delete_first
        account = world.engine.create("Account", "nodes", {"accountId": "gke-nodes"})
        assert not world.engine.diff(account, {"accountId": "gke-others"}).delete_first


class TestNoChange:
    """Inputs that say the same in other words change nothing: a preview full of noise is not read."""

    @pytest.mark.parametrize(
        "link",
        [
            "main",
            f"projects/{PROJECT}/global/networks/main",
            f"https://www.googleapis.com/compute/v1/projects/{PROJECT}/global/networks/main",
        ],
    )
    def test_links(self, link: str) -> None:
        """A network by name, path or URL."""
        old = World.subnetwork_inputs()
        assert changes("Subnetwork", old, {**old, "network": link}) == {}

    def test_sets(self) -> None:
        """Zones and source ranges have no order."""
        old = World.pool_inputs(nodeLocations=["us-east5-a", "us-east5-b"])
        assert changes("NodePool", old, World.pool_inputs(nodeLocations=["us-east5-b", "us-east5-a"])) == {}

    def test_what_is_so_anyway(self, world: World) -> None:
        """Spelling out what the cloud chose, or leaving it to the cloud again."""
        world.apis()
        address = world.engine.create("Address", "a", {"name": "a"})
        inputs = {"name": "a", "networkTier": "PREMIUM", "address": address.state["address"], "project": PROJECT}
        assert world.engine.diff(address, inputs).changes == {}
        spelled_out = world.engine.create("Address", "b", {"name": "b", "networkTier": "STANDARD"})
        assert world.engine.diff(spelled_out, {"name": "b"}).changes == {}

    def test_a_removed_setting_that_is_not_the_clouds(self) -> None:
        """Removing a label is a change."""
        old = World.cluster_inputs(resourceLabels={"a": "b"})
        assert changes("Cluster", old, World.cluster_inputs()) == {"resourceLabels": "delete"}

    @pytest.mark.parametrize("make", [World.network, World.cluster, World.pool])
    def test_the_same_program_again(self, world: World, make: Callable[[World], Any]) -> None:
        """Create, refresh, preview: nothing to do."""
        if make is World.pool:
            world.cluster()
        else:
            world.apis()
        made = make(world)
        inputs = {key: value for key, value in made.inputs.items() if key != "__defaults"}
        found = world.engine.read(made.kind, made.name, made.id, made)
        assert found is not None
        assert found.inputs == made.inputs
        assert found.state == made.state
        assert world.engine.diff(found, inputs).changes == {}
