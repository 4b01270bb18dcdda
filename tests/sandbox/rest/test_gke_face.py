"""Kubernetes Engine's and Cloud TPU's APIs on the simulated cloud's port, in their words and not the provider's."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.cloud.daemon import Daemon
from sandbox.faults import parse
from tests.sandbox.gcp.driver import PROJECT, ProviderError
from tests.sandbox.gcp.world import CLUSTER_ID, World
from tests.sandbox.rest.asking import GKE, error, get


class TestContainer:
    """Kubernetes Engine."""

    def test_server_config(self, world: World, home: Path) -> None:
        """By either spelling of the path; each channel's default is among the versions it offers."""
        world.apis()
        config = get(home, f"{GKE}/us-east5/serverConfig")
        assert config == get(home, f"/v1/projects/{PROJECT}/zones/us-east5/serverconfig")
        assert {item["channel"] for item in config["channels"]} == {"RAPID", "REGULAR", "STABLE", "EXTENDED"}
        for channel in config["channels"]:
            assert channel["defaultVersion"] in channel["validVersions"]
            assert channel["defaultVersion"] in config["validMasterVersions"]

    def test_clusters_and_pools(self, world: World, home: Path) -> None:
        """In the API's words, which are not the provider's."""
        world.cluster()
        world.pool()
        (cluster,) = get(home, f"{GKE}/-/clusters")["clusters"]
        assert cluster == get(home, f"{GKE}/us-east5/clusters/main")
        assert (cluster["status"], cluster["currentNodeCount"]) == ("RUNNING", 1)
        assert cluster["networkConfig"]["gatewayApiConfig"] == {"channel": "CHANNEL_STANDARD"}
        assert cluster["currentMasterVersion"].startswith("1.34")
        (pool,) = get(home, f"{GKE}/us-east5/clusters/main/nodePools")["nodePools"]
        assert pool == get(home, f"{GKE}/us-east5/clusters/main/nodePools/tpu") == cluster["nodePools"][0]
        assert (pool["config"]["machineType"], pool["locations"]) == ("ct6e-standard-4t", ["us-east5-b"])
        assert get(home, f"{GKE}/us-east1/clusters") == {}
        assert error(home, f"{GKE}/us-east5/clusters/other")["message"] == f"Not found: {CLUSTER_ID[:-4]}other."

    def test_a_pool_without_machines(self, world: World, home: Path, daemon: Daemon) -> None:
        """Its status message and condition say so, and its operation has failed."""
        world.cluster()
        daemon.cloud.faults.play(parse({"faults": [{"effect": "stockout"}]}))
        with pytest.raises(ProviderError, match="GCE_STOCKOUT"):
            world.pool()
        pool = get(home, f"{GKE}/us-east5/clusters/main/nodePools/tpu")
        assert pool["status"] == "ERROR"
        assert "does not have enough resources available" in pool["statusMessage"]
        assert (pool["conditions"][0]["code"], pool["conditions"][0]["canonicalCode"]) == (
            "GCE_STOCKOUT",
            "RESOURCE_EXHAUSTED",
        )
        operations = get(home, f"{GKE}/-/operations")["operations"]
        (failed,) = [item for item in operations if item["operationType"] == "CREATE_NODE_POOL"]
        assert (failed["status"], failed["statusMessage"]) == ("DONE", pool["statusMessage"])
        assert failed == get(home, f"{GKE}/us-east5/operations/{failed['name']}")
        assert error(home, f"{GKE}/us-east5/operations/nothing")["code"] == 404


class TestCloudTpu:
    """Cloud TPU."""

    def test_accelerator_types(self, world: World, home: Path) -> None:
        """Every slice of v6e, by its number of chips."""
        world.engine.create("Service", "tpu", {"service": "tpu.googleapis.com"})
        path = f"/v2/projects/{PROJECT}/locations"
        assert "us-east5-b" in [item["locationId"] for item in get(home, path)["locations"]]
        types = get(home, f"{path}/us-east5-b/acceleratorTypes")["acceleratorTypes"]
        assert [item["type"] for item in types][:4] == ["v6e-1", "v6e-4", "v6e-8", "v6e-16"]
        found = get(home, f"{path}/us-east5-b/acceleratorTypes/v6e-16")
        assert found["acceleratorConfigs"] == [{"type": "V6E", "topology": "4x4"}]
        assert error(home, f"{path}/nowhere/acceleratorTypes")["code"] == 404

    def test_the_api_is_one_of_its_own(self, world: World, home: Path) -> None:
        """GKE's node pools do not need it, so it may well be off."""
        world.apis()
        assert error(home, f"/v2/projects/{PROJECT}/locations")["status"] == "PERMISSION_DENIED"
