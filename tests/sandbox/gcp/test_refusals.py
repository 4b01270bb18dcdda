"""What Google Cloud refuses, in its words: a program that works in the sandbox must not fail on the real one."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sandbox.plugin.values import Properties
from tests.sandbox.gcp.driver import PROJECT, ProviderError
from tests.sandbox.gcp.world import CLUSTER_ID, World


def refused(world: World, kind: str, inputs: Properties) -> str:
    """The error of creating a resource that is refused."""
    with pytest.raises(ProviderError) as error:
        world.engine.create(kind, "x", inputs)
    assert error.value.made is None, "nothing exists after a refusal"
    return str(error.value)


class TestApis:
    """A fresh project has no API enabled; forgetting `depends_on` fails here as it fails there."""

    def test_cluster(self, world: World) -> None:
        """The text names the project's number and the page to enable it on."""
        message = refused(world, "Cluster", World.cluster_inputs())
        assert re.search(
            r"googleapi: Error 403: Kubernetes Engine API has not been used in project \d{12} before", message
        )
        assert f"container.googleapis.com/overview?project={PROJECT}" in message

    @pytest.mark.parametrize(
        ("kind", "inputs", "title"),
        [
            ("Network", {"name": "main"}, "Compute Engine API"),
            ("Account", {"accountId": "gke-nodes"}, r"Identity and Access Management \(IAM\) API"),
        ],
    )
    def test_others(self, world: World, kind: str, inputs: Properties, title: str) -> None:
        """Networks and service accounts have theirs."""
        assert re.search(f"Error 403: {title} has not been used", refused(world, kind, inputs))

    def test_dependencies_come_along(self, world: World) -> None:
        """Enabling GKE enables Compute Engine."""
        world.engine.create("Service", "container", {"service": "container.googleapis.com"})
        world.network()


class TestNetworking:
    """Networks, ranges, proxy-only subnetworks."""

    def test_a_missing_network(self, world: World) -> None:
        """404 with the network's path."""
        world.apis()
        message = refused(world, "Subnetwork", World.subnetwork_inputs())
        assert (
            f"Error creating Subnetwork: googleapi: Error 404: The resource 'projects/{PROJECT}/global/networks/main' "
            "was not found, notFound"
        ) in message

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            (
                {"ipCidrRange": "10.0.0.0/22"},
                "10.0.0.0/22 conflicts with existing subnetwork 'nodes' in region 'us-east5'",
            ),
            ({"ipCidrRange": "10.5.0.0/24"}, "10.5.0.0/24 conflicts with existing subnetwork 'nodes'"),
            ({"ipCidrRange": "10.20.0.1/24"}, "Invalid value for field 'ipCidrRange': '10.20.0.1/24'"),
            ({"ipCidrRange": "10.20.0.0/24", "name": "Nodes"}, "Invalid value for field 'resource.name': 'Nodes'"),
            ({"ipCidrRange": "10.20.0.0/24", "role": "ACTIVE"}, "Role is only valid for purpose"),
        ],
    )
    def test_ranges(self, world: World, changes: dict[str, Any], text: str) -> None:
        """Ranges of one network lie side by side, those for pods and services included."""
        world.apis()
        world.network()
        world.subnetwork()
        inputs = {"name": "other", "network": "main", **changes}
        assert text in refused(world, "Subnetwork", inputs)

    def test_proxy_only(self, world: World) -> None:
        """At least /26, a role, and one ACTIVE per region: a second one breaks every regional Gateway."""
        world.apis()
        world.network()
        proxy = {"name": "proxy", "network": "main", "purpose": "REGIONAL_MANAGED_PROXY", "role": "ACTIVE"}
        assert "must be /26 or larger" in refused(world, "Subnetwork", {**proxy, "ipCidrRange": "10.9.0.0/27"})
        without_role = {key: value for key, value in proxy.items() if key != "role"}
        assert "Required field 'resource.role'" in refused(
            world, "Subnetwork", {**without_role, "ipCidrRange": "10.9.0.0/26"}
        )
        world.engine.create("Subnetwork", "proxy", {**proxy, "ipCidrRange": "10.9.0.0/26"})
        second = refused(world, "Subnetwork", {**proxy, "name": "second", "ipCidrRange": "10.9.1.0/26"})
        assert "An active proxy-only subnetwork already exists in region 'us-east5'" in second
        elsewhere = {**proxy, "name": "elsewhere", "ipCidrRange": "10.9.1.0/26", "region": "us-east1"}
        world.engine.create("Subnetwork", "elsewhere", elsewhere)

    def test_what_is_in_use_stays(self, world: World) -> None:
        """Networks and subnetworks outlive what is attached to them."""
        cluster = world.cluster()
        network = world.engine.read("Network", "main", "main")
        subnetwork = world.engine.read("Subnetwork", "nodes", "us-east5/nodes")
        assert network is not None
        assert subnetwork is not None
        with pytest.raises(
            ProviderError, match=r"The network resource .* is already being used by .*UseByAnotherResource"
        ):
            world.engine.delete(network)
        with pytest.raises(ProviderError, match=r"The subnetwork resource .* is already being used by .*clusters/main"):
            world.engine.delete(subnetwork)
        for made in (cluster, subnetwork, network):
            world.engine.delete(made)

    def test_a_nat_needs_its_router(self, world: World) -> None:
        """404 with the router's path, and the router stays while it has a NAT."""
        world.apis()
        world.network()
        nat = {"name": "nat", "router": "router", "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES"}
        assert "regions/us-east5/routers/router' was not found" in refused(world, "RouterNat", nat)
        router = world.engine.create("Router", "router", {"name": "router", "network": "main"})
        world.engine.create("RouterNat", "nat", nat)
        with pytest.raises(ProviderError, match=r"already being used"):
            world.engine.delete(router)


class TestIdentities:
    """Service accounts and bindings."""

    @pytest.mark.parametrize("account", ["short", "a" * 31, "Upper-case", "ends-with-"])
    def test_account_ids(self, world: World, account: str) -> None:
        """6 to 30 characters; the provider refuses it before anything is asked of the cloud."""
        reasons = world.engine.failures("Account", "a", {"accountId": account})
        assert f'"account_id" ("{account}") doesn\'t match regexp' in reasons["accountId"]

    def test_bindings_name_what_exists(self, world: World) -> None:
        """A binding for a service account or workload pool that is not there yet: a missing dependency."""
        world.apis()
        binding = {"project": PROJECT, "role": "roles/viewer"}
        email = f"gke-nodes@{PROJECT}.iam.gserviceaccount.com"
        message = refused(world, "IAMMember", {**binding, "member": f"serviceAccount:{email}"})
        assert f"Service account {email} does not exist." in message
        pool = {**binding, "member": f"serviceAccount:{PROJECT}.svc.id.goog[models/vllm]"}
        assert f"Identity Pool does not exist ({PROJECT}.svc.id.goog)" in refused(world, "IAMMember", pool)
        world.cluster()
        world.engine.create("IAMMember", "pool", pool)


class TestClusters:
    """Clusters."""

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"minMasterVersion": "1.99"}, 'No valid versions with the prefix "1.99" found.'),
            ({"minMasterVersion": "1.34.9-gke.1"}, 'Master version "1.34.9-gke.1" is unsupported.'),
            ({"network": "other"}, 'Network "other" does not exist.'),
            ({"subnetwork": "other"}, 'Subnetwork "other" does not exist in region "us-east5".'),
            ({"location": "nowhere"}, 'Location "nowhere" does not exist.'),
            ({"initialNodeCount": 0}, "Cluster.initial_node_count must be greater than zero."),
            ({"name": "Main"}, 'Invalid value for field "cluster.name": "Main".'),
            (
                {"ipAllocationPolicy": {"clusterSecondaryRangeName": "pod"}},
                'Pods secondary range "pod" does not exist in network "main", subnetwork "nodes". It has pods, services.',
            ),
            (
                {"workloadIdentityConfig": {"workloadPool": "other.svc.id.goog"}},
                f'the cluster project\'s default "{PROJECT}.svc.id.goog"',
            ),
            ({"privateClusterConfig": {"masterIpv4CidrBlock": "172.16.0.0/27"}}, "the netmask must be /28"),
            ({"privateClusterConfig": {"masterIpv4CidrBlock": "10.0.0.0/28"}}, "overlaps with an existing range"),
            (
                {"addonsConfig": {"httpLoadBalancing": {"disabled": True}}},
                "Gateway API requires the HTTP load balancing add-on.",
            ),
        ],
    )
    def test_requests(self, world: World, changes: Properties, text: str) -> None:
        """Each wrong field by itself."""
        world.apis()
        world.network()
        world.subnetwork()
        message = refused(world, "Cluster", World.cluster_inputs(**changes))
        assert "googleapi: Error 400: " in message
        assert text in message


class TestNodePools:
    """TPU node pools: the mistakes that cost the most waiting on the real cloud."""

    @pytest.mark.parametrize(
        ("inputs", "text"),
        [
            (
                World.pool_inputs(cluster=CLUSTER_ID.replace("main", "other")),
                f"error creating NodePool: googleapi: Error 404: Not found: {CLUSTER_ID.replace('main', 'other')}., notFound",
            ),
            (
                World.pool_inputs(nodeLocations=["us-east5-c"], node_config={"machineType": "ct6e-standard-9t"}),
                'Invalid machine type "ct6e-standard-9t" in zone "us-east5-c": GCE_NOT_FOUND',
            ),
            (
                World.pool_inputs({"machineType": "e2-standart-4", "diskType": "pd-balanced"}),
                'googleapi: Error 400: Invalid machine type "e2-standart-4" in zone "us-east5-b": GCE_NOT_FOUND, badRequest',
            ),
            (
                World.pool_inputs({"machineType": "e2-standardly"}, nodeLocations=["us-east1-b"]),
                'Node location "us-east1-b" is not in the cluster\'s region "us-east5".',
            ),
            (World.pool_inputs(nodeLocations=["us-east5"]), 'Location "us-east5" does not exist.'),
            (
                World.pool_inputs({"diskType": "pd-balanced"}),
                "[pd-balanced, ct6e-standard-4t] features are not compatible for creating instance.",
            ),
            (
                World.pool_inputs({"machineType": "e2-standard-4"}),
                "[hyperdisk-balanced, e2-standard-4] features are not compatible for creating instance.",
            ),
            (
                World.pool_inputs(placementPolicy={"type": "COMPACT", "tpuTopology": "3x3"}),
                'Invalid TPU topology "3x3" for machine type "ct6e-standard-4t"',
            ),
            (
                World.pool_inputs(placementPolicy={"type": "COMPACT", "tpuTopology": "2x2"}),
                "Compact placement is not supported for the single-host TPU machine type ct6e-standard-4t",
            ),
            (
                World.pool_inputs(
                    {"machineType": "e2-standard-4", "diskType": "pd-ssd"},
                    placementPolicy={"type": "COMPACT", "tpuTopology": "2x2"},
                ),
                "TPU topology cannot be specified for machine type e2-standard-4.",
            ),
            (
                World.pool_inputs(placementPolicy={"type": "COMPACT", "tpuTopology": "4x4"}, nodeCount=2),
                "Requested invalid target size '2' for a Managed Instance Group in the gang mode of size '4'.",
            ),
            (
                World.pool_inputs(
                    placementPolicy={"type": "COMPACT", "tpuTopology": "2x4"},
                    nodeLocations=["us-east5-a", "us-east5-b"],
                ),
                "Multi-host TPU node pool must be in exactly one zone, got us-east5-a, us-east5-b.",
            ),
            (
                World.pool_inputs(
                    placementPolicy={"type": "COMPACT", "tpuTopology": "2x4"},
                    autoscaling={"totalMinNodeCount": 0, "totalMaxNodeCount": 2},
                ),
                "Maximum node count 0 is not a valid size of TPU pod slice with topology 2x4",
            ),
            (
                World.pool_inputs({"serviceAccount": f"nobody@{PROJECT}.iam.gserviceaccount.com"}),
                f'Service account "nobody@{PROJECT}.iam.gserviceaccount.com" does not exist.',
            ),
        ],
    )
    def test_requests(self, world: World, inputs: Properties, text: str) -> None:
        """Each wrong field by itself."""
        world.cluster()
        assert text in refused(world, "NodePool", inputs)

    def test_zones_without_tpus(self, world: World) -> None:
        """A zone that certainly has no v6e refuses it at once instead of after minutes of stock-out."""
        world.apis()
        world.network()
        world.subnetwork(region="us-east4")
        cluster = world.engine.create("Cluster", "main", World.cluster_inputs(location="us-east4"))
        inputs = World.pool_inputs(cluster=cluster.id, location="us-east4", nodeLocations=["us-east4-c"])
        message = refused(world, "NodePool", inputs)
        assert 'Invalid machine type "ct6e-standard-4t" in zone "us-east4-c": GCE_NOT_FOUND' in message

    def test_a_slice_that_is_right(self, world: World) -> None:
        """Two VMs, one zone, compact placement: what the guides show works here too."""
        world.cluster()
        world.engine.create("NodePool", "tpu", world.slice_inputs())
        assert world.asked_of_cluster()["pools"]["tpu"]["topology"] == "2x4"
