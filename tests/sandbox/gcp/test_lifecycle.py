"""Resources from creation to deletion, as an engine takes them through."""

from __future__ import annotations

import base64

import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox.cloud.versions import CHANNELS
from sandbox.plugin.values import UNKNOWN
from tests.sandbox.gcp.driver import PROJECT, REGION, Engine, ProviderError, context
from tests.sandbox.gcp.world import CLUSTER_ID, World


class TestIdentity:
    """Ids are the official provider's, so that state and imports could be moved to the real one."""

    def test_ids_of_every_type(self, world: World) -> None:
        """Every type's id has the documented form."""
        world.cluster()
        engine = world.engine
        nat = {"name": "nat", "router": "router", "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES"}
        account = engine.create("Account", "a", {"accountId": "gke-nodes"})
        member = {"project": PROJECT, "role": "roles/logging.logWriter", "member": account.state["member"]}
        firewall = {"name": "probes", "network": "main", "allows": [{"protocol": "tcp"}]}
        ids = [
            engine.create("Address", "a", {"name": "gateway"}).id,
            engine.create("Firewall", "f", firewall).id,
            engine.create("Router", "r", {"name": "router", "network": "main"}).id,
            engine.create("RouterNat", "n", nat).id,
            account.id,
            engine.create("IAMMember", "m", member).id,
            engine.create("Service", "s", {"service": "monitoring.googleapis.com"}).id,
            world.pool().id,
        ]
        email = f"gke-nodes@{PROJECT}.iam.gserviceaccount.com"
        assert ids == [
            f"projects/{PROJECT}/regions/{REGION}/addresses/gateway",
            f"projects/{PROJECT}/global/firewalls/probes",
            f"projects/{PROJECT}/regions/{REGION}/routers/router",
            f"{PROJECT}/{REGION}/router/nat",
            f"projects/{PROJECT}/serviceAccounts/{email}",
            f"{PROJECT}/roles/logging.logWriter/serviceAccount:{email}",
            f"{PROJECT}/monitoring.googleapis.com",
            f"{CLUSTER_ID}/nodePools/tpu",
        ]

    def test_a_resource_without_a_name_gets_one_and_keeps_it(self, world: World) -> None:
        """The made-up name survives later checks; a new one each time would replace the network on every update."""
        world.apis()
        network = world.engine.create("Network", "main", {"autoCreateSubnetworks": False})
        assert network.id == f"projects/{PROJECT}/global/networks/main-abcdef0"
        assert world.engine.diff(network, {"autoCreateSubnetworks": False}).changes == {}

    def test_a_project_is_needed(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a project anywhere the error says where to set one."""
        for name in ("GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"):
            monkeypatch.delenv(name, raising=False)
        engine.provider.Configure(provider_pb2.ConfigureRequest(), context())
        with pytest.raises(ProviderError, match=r"project: required field is not set\..*gcp:project"):
            engine.create("Network", "main", {"name": "main"})


class TestPreview:
    """What a creation is previewed with: inputs as they are, everything the cloud decides unknown."""

    def test_outputs_are_unknown_and_inputs_are_not(self, engine: Engine) -> None:
        """A preview that invented an endpoint would let later resources be built on it."""
        state = engine.preview("Cluster", "main", World.cluster_inputs())
        assert state["name"] == "main"
        assert state["project"] == PROJECT
        assert state["gatewayApiConfig"] == {"channel": "CHANNEL_STANDARD"}
        assert {state[name] for name in ("endpoint", "masterAuth", "masterVersion", "selfLink")} == {UNKNOWN}

    def test_unknown_inputs_pass_through(self, engine: Engine) -> None:
        """An input that depends on another resource is no error at preview."""
        state = engine.preview("Subnetwork", "nodes", {"network": UNKNOWN, "ipCidrRange": UNKNOWN})
        assert state["network"] == UNKNOWN

    def test_no_daemon_is_needed(self, world: World, daemon_away: None) -> None:
        """Previews of creations work while the cloud is down; they are what a reviewer sees first."""
        assert daemon_away is None
        assert world.engine.preview("Network", "main", {"name": "main"})["selfLink"] == UNKNOWN


class TestCluster:
    """Clusters: the outputs a kubeconfig is made of, versions, the default pool, protection."""

    def test_outputs(self, world: World) -> None:
        """Endpoint and certificate are there in the form kubeconfigs need."""
        state = world.cluster().state
        assert state["endpoint"] == "127.0.0.1:1"
        certificate = base64.b64decode(state["masterAuth"]["clusterCaCertificate"]).decode()
        assert certificate.startswith("-----BEGIN CERTIFICATE-----")
        assert state["masterVersion"] == CHANNELS["REGULAR"][0]
        assert state["clusterIpv4Cidr"] == "10.4.0.0/14"
        assert state["servicesIpv4Cidr"] == "10.8.0.0/20"
        assert state["privateClusterConfig"]["masterIpv4CidrBlock"] == "172.16.0.0/28"
        assert state["privateClusterConfig"]["privateEndpoint"] == "127.0.0.1:1"

    def test_the_runtime_gets_version_and_gateway(self, world: World) -> None:
        """What the request says reaches the processes."""
        world.cluster(minMasterVersion="1.34.1-gke.3971001")
        assert world.asked_of_cluster()["spec"] == {"version": "1.34.1-gke.3971001", "gatewayApi": True}
        assert world.asked_of_cluster()["pools"] == {}

    def test_the_default_pool_stays_unless_removed(self, world: World) -> None:
        """Without removeDefaultNodePool a cluster has one pool of initialNodeCount nodes in each zone."""
        world.cluster(removeDefaultNodePool=False, initialNodeCount=2)
        pool = world.asked_of_cluster()["pools"]["default-pool"]
        assert pool["machineType"] == "e2-medium"
        assert pool["nodesPerZone"] == 2
        assert pool["zones"] == ["us-east5-a", "us-east5-b", "us-east5-c"]

    def test_protection(self, world: World) -> None:
        """A protected cluster is not deleted; protection is on unless the program says otherwise."""
        inputs = World.cluster_inputs()
        del inputs["deletionProtection"]
        assert world.engine.check("Cluster", "main", inputs)["deletionProtection"] is True
        cluster = world.cluster(deletionProtection=True)
        with pytest.raises(ProviderError, match=r"Cannot destroy cluster because deletion_protection is set to true\."):
            world.engine.delete(cluster)
        world.engine.delete(world.engine.update(cluster, World.cluster_inputs(deletionProtection=False)))
        assert world.engine.read("Cluster", "main", CLUSTER_ID) is None

    def test_an_upgrade_makes_the_version_unknown_at_preview(self, world: World) -> None:
        """A preview must not promise the old version when a later one is asked for."""
        cluster = world.cluster(minMasterVersion="1.34.1")
        inputs = World.cluster_inputs(minMasterVersion="1.34.3")
        assert world.engine.diff(cluster, inputs).changes == {"minMasterVersion": "UPDATE"}
        assert world.engine.update(cluster, inputs, preview=True).state["masterVersion"] == UNKNOWN
        updated = world.engine.update(cluster, inputs)
        assert updated.state["masterVersion"] == "1.34.3-gke.1245000"
        assert world.asked_of_cluster()["spec"]["version"] == "1.34.3-gke.1245000"

    def test_a_setting_left_to_the_cloud_stays(self, world: World) -> None:
        """Removing gatewayApiConfig from the program disables nothing, as with the official provider."""
        cluster = world.cluster()
        inputs = World.cluster_inputs(resourceLabels={"team": "a"})
        del inputs["gatewayApiConfig"]
        assert world.engine.diff(cluster, inputs).changes == {"resourceLabels": "ADD"}
        world.engine.update(cluster, inputs)
        assert world.asked_of_cluster()["spec"]["gatewayApi"] is True

    def test_deletion_takes_the_pools_along(self, world: World) -> None:
        """A cluster's pools go with it."""
        cluster = world.cluster()
        pool = world.pool()
        world.engine.delete(cluster)
        assert world.engine.read("NodePool", "tpu", pool.id) is None
        world.engine.delete(pool)


class TestNodePool:
    """Node pools: what reaches the nodes, and what can change in place."""

    def test_what_reaches_the_nodes(self, world: World) -> None:
        """Machine type, zones, count, topology, labels, taints and spot arrive as Kubernetes needs them."""
        world.cluster()
        taints = [{"key": "team", "value": "a", "effect": "NO_EXECUTE"}]
        pool = world.pool({"labels": {"tier": "gold"}, "taints": taints, "spot": True})
        assert world.asked_of_cluster()["pools"]["tpu"] == {
            "machineType": "ct6e-standard-4t",
            "zones": ["us-east5-b"],
            "nodesPerZone": 1,
            "topology": "2x2",
            "labels": {"tier": "gold"},
            "taints": [["team", "a", "NoExecute"]],
            "spot": True,
        }
        keys = [taint["key"] for taint in pool.state["nodeConfig"]["effectiveTaints"]]
        assert keys == ["team", "google.com/tpu"]

    def test_single_host_pools_resize(self, world: World) -> None:
        """The node count of a single-host pool changes in place."""
        world.cluster()
        pool = world.pool()
        inputs = World.pool_inputs(nodeCount=3)
        assert world.engine.diff(pool, inputs).changes == {"nodeCount": "UPDATE"}
        assert world.engine.update(pool, inputs).state["nodeCount"] == 3
        assert world.asked_of_cluster()["pools"]["tpu"]["nodesPerZone"] == 3

    def test_slices_do_not_resize(self, world: World) -> None:
        """A multi-host pool is one slice: GKE answers 501, and the pool stays as it was."""
        world.cluster()
        made = world.engine.create("NodePool", "tpu", world.slice_inputs())
        with pytest.raises(ProviderError) as refused:
            world.engine.update(made, world.slice_inputs(nodeCount=4))
        assert "Error 501: Multi-host TPU pool (tpu) manual resize is not supported" in str(refused.value)
        assert world.asked_of_cluster()["pools"]["tpu"]["nodesPerZone"] == 2
        found = world.engine.read("NodePool", "tpu", made.id, made)
        assert found is not None
        assert found.inputs["nodeCount"] == 2

    def test_deletion(self, world: World) -> None:
        """A deleted pool's nodes are gone; deleting again is fine."""
        world.cluster()
        pool = world.pool()
        world.engine.delete(pool)
        assert world.asked_of_cluster()["pools"] == {}
        world.engine.delete(pool)


class TestProject:
    """Enabled APIs and bindings belong to the project, not to the resource."""

    def test_an_api_stays_enabled(self, world: World) -> None:
        """Destroying one stack must not take the API away from another."""
        service = world.engine.create("Service", "compute", {"service": "compute.googleapis.com"})
        world.engine.delete(service)
        world.network()

    def test_an_api_is_disabled_on_request(self, world: World) -> None:
        """With disableOnDestroy it is."""
        inputs = {"service": "compute.googleapis.com", "disableOnDestroy": True}
        world.engine.delete(world.engine.create("Service", "compute", inputs))
        with pytest.raises(ProviderError, match="Compute Engine API has not been used in project"):
            world.network()

    def test_granting_twice_is_no_conflict(self, world: World) -> None:
        """Two stacks may enable one API and grant one role."""
        for name in ("one", "two"):
            world.engine.create("Service", name, {"service": "iam.googleapis.com"})
            binding = {"project": PROJECT, "role": "roles/viewer", "member": "user:a@example.com"}
            world.engine.create("IAMMember", name, binding)

    def test_labels(self, world: World) -> None:
        """Labels come back with the one the official provider adds."""
        world.apis()
        address = world.engine.create("Address", "gateway", {"name": "gateway", "labels": {"team": "a"}})
        assert address.state["effectiveLabels"] == {"team": "a", "goog-pulumi-provisioned": "true"}
        assert address.inputs["labels"] == {"team": "a"}
