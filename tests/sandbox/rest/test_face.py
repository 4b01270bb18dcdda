"""Google's APIs on the simulated cloud's port answer in Google's shapes, from the sandbox's own state and the rules' facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from rules import tpu
from sandbox.cloud.daemon import Daemon
from sandbox.faults import parse
from tests.sandbox.gcp.driver import PROJECT, ProviderError
from tests.sandbox.gcp.wire import call
from tests.sandbox.gcp.world import CLUSTER_ID, World

COMPUTE = f"/compute/v1/projects/{PROJECT}"
GKE = f"/v1/projects/{PROJECT}/locations"
REGION = f"{COMPUTE}/regions/us-east5"


def get(home: Path, path: str) -> dict[str, Any]:
    """The answer to a GET that is to succeed."""
    status, body = call(home, "GET", path)
    assert status == 200, body
    return body


def error(home: Path, path: str, method: str = "GET", body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The error of a request that is to be refused; its envelope is checked."""
    status, answer = call(home, method, path, body)
    found: dict[str, Any] = answer["error"]
    assert found["code"] == status >= 400
    assert found["errors"][0]["message"] == found["message"]
    assert found["status"].isupper()
    return found


def names(answer: dict[str, Any], field: str = "items") -> list[str]:
    """The names of what a list holds."""
    return [item["name"] for item in answer.get(field, [])]


BACKENDS = {
    "InferencePool/inference/qwen": {
        "kind": "InferencePool",
        "namespace": "inference",
        "name": "qwen",
        "port": None,
        "protocol": "http",
        "timeoutSec": 300.0,
        "drainingTimeoutSec": 60.0,
        "picker": "EndpointPicker/inference/qwen-epp",
        "healthCheck": {
            "type": "HTTP",
            "requestPath": "/health",
            "checkIntervalSec": 15.0,
            "timeoutSec": 10.0,
            "healthyThreshold": 1,
            "unhealthyThreshold": 2,
            "policy": "qwen",
            "text": "HTTP GET /health, every 15 s",
        },
        "endpoints": [
            {"pod": "qwen-0", "address": "10.4.0.5", "port": 8000, "localPort": 1, "state": "HEALTHY"},
            {"pod": "qwen-1", "address": "10.4.0.6", "port": 8000, "localPort": 2, "state": "UNHEALTHY"},
            {"pod": "qwen-2", "address": "10.4.0.7", "port": 8000, "localPort": 3, "state": "DRAINING"},
        ],
    },
    "EndpointPicker/inference/qwen-epp": {
        "kind": "EndpointPicker",
        "namespace": "inference",
        "name": "qwen-epp",
        "port": None,
        "protocol": "http",
        "timeoutSec": 30.0,
        "drainingTimeoutSec": 0.0,
        "picker": None,
        "healthCheck": {
            "type": "GRPC",
            "requestPath": "/",
            "checkIntervalSec": 15.0,
            "timeoutSec": 15.0,
            "healthyThreshold": 1,
            "unhealthyThreshold": 2,
            "policy": None,
            "text": "GRPC Check on 9003, every 15 s",
        },
        "endpoints": [],
    },
}


def with_balancer(home: Path, class_name: str = "gke-l7-regional-external-managed") -> None:
    """Writes the account of a load balancer that serves one pool."""
    rule = {"backends": [{"backend": "InferencePool/inference/qwen", "weight": 1}]}
    gateway = {
        "namespace": "inference",
        "name": "gateway",
        "className": class_name,
        "address": "203.0.113.7",
        "state": "Programmed",
        "message": "",
        "listeners": [{"name": "https", "protocol": "HTTPS", "port": 443, "rules": [rule]}],
    }
    file = home / "clusters" / f"{PROJECT}_us-east5_main" / "run" / "balancer.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"pid": 1, "ports": {}, "gateways": [gateway], "backends": BACKENDS}))


class TestCompute:
    """Compute Engine."""

    def test_machine_types(self, world: World, home: Path) -> None:
        """A zone with v6e lists its machines, with chips; one without does not."""
        world.apis()
        listed = get(home, f"{COMPUTE}/zones/us-east5-b/machineTypes")
        assert listed["kind"] == "compute#machineTypeList"
        assert {"ct6e-standard-4t", "e2-standard-4"} <= set(names(listed))
        assert "ct6e-standard-4t" not in names(get(home, f"{COMPUTE}/zones/us-central1-a/machineTypes"))
        found = get(home, f"{COMPUTE}/zones/us-east5-b/machineTypes/ct6e-standard-4t")
        machine = tpu.MACHINE_TYPES["ct6e-standard-4t"]
        assert (found["guestCpus"], found["memoryMb"]) == (machine.vcpus, (machine.memory_gib or 0) * 1024)
        assert found["accelerators"] == [{"guestAcceleratorType": "ct6e", "guestAcceleratorCount": 4}]
        assert found["selfLink"].endswith("/zones/us-east5-b/machineTypes/ct6e-standard-4t")
        assert found["id"].isdigit()

    def test_ai_zones_hold_accelerators_only(self, world: World, home: Path) -> None:
        """No node for controllers can be had there."""
        world.apis()
        listed = names(get(home, f"{COMPUTE}/zones/us-south1-ai1b/machineTypes"))
        assert listed
        assert all(name.startswith("ct6e-") for name in listed)

    def test_accelerator_types(self, world: World, home: Path) -> None:
        """By the name that machine types refer to."""
        world.apis()
        found = get(home, f"{COMPUTE}/zones/us-east5-b/acceleratorTypes/ct6e")
        assert (found["kind"], found["maximumCardsPerInstance"]) == ("compute#acceleratorType", 8)

    def test_quotas_of_a_region(self, world: World, home: Path) -> None:
        """Their use follows from what exists; chips are not among them, as on the real API, but with Cloud Quotas."""
        world.cluster()
        world.engine.create(
            "NodePool", "system", world.pool_inputs({"machineType": "e2-standard-4", "diskType": "pd-ssd"})
        )
        world.engine.create("Address", "gateway", {"name": "gateway"})
        quotas = {item["metric"]: item for item in get(home, REGION)["quotas"]}
        assert quotas["CPUS"]["usage"] == 4
        assert quotas["STATIC_ADDRESSES"]["usage"] == 1
        assert not any("TPU" in metric for metric in quotas)
        elsewhere = {item["metric"]: item for item in get(home, f"{COMPUTE}/regions/us-central1")["quotas"]}
        assert elsewhere["CPUS"]["usage"] == 0
        quota = "TPUS-PER-TPU-FAMILY-per-project-region"
        info = get(home, f"{GKE}/global/services/compute.googleapis.com/quotaInfos/{quota}")
        assert {"region": "us-east5", "tpu_family": "CT6E"} in [item["dimensions"] for item in info["dimensionsInfos"]]

    def test_pages_and_filters(self, world: World, home: Path) -> None:
        """All pages together are the whole list; a filter picks from it, and one that is not understood is refused."""
        world.apis()
        path = f"{COMPUTE}/zones/us-east5-b/machineTypes"
        everything = names(get(home, path))
        found: list[str] = []
        token = ""
        for _ in everything:
            answer = get(home, f"{path}?maxResults=7&pageToken={token}")
            found += names(answer)
            if not (token := answer.get("nextPageToken", "")):
                break
        assert found == everything
        assert names(get(home, f"{path}?filter={quote('name = e2-standard-4')}")) == ["e2-standard-4"]
        assert names(get(home, f"{path}?filter={quote('name eq ct6e-.*')}")) == [n for n in everything if "ct6e" in n]
        assert "filters of one comparison" in error(home, f"{path}?filter={quote('(a=1) AND (b=2)')}")["message"]
        assert error(home, f"{path}?maxResults=0")["code"] == 400

    def test_errors(self, world: World, home: Path) -> None:
        """Google's codes, words and envelope."""
        disabled = error(home, f"{COMPUTE}/zones")
        assert (disabled["code"], disabled["status"]) == (403, "PERMISSION_DENIED")
        assert disabled["errors"][0]["reason"] == "accessNotConfigured"
        world.apis()
        missing = error(home, f"{COMPUTE}/zones/us-east5-b/machineTypes/nothing")
        assert missing["status"] == "NOT_FOUND"
        assert missing["message"].endswith("zones/us-east5-b/machineTypes/nothing' was not found")
        assert error(home, f"{COMPUTE}/zones/nowhere/machineTypes")["message"].endswith("'nowhere'. Unknown zone.")
        assert error(home, f"{COMPUTE}/regions/nowhere/backendServices")["status"] == "INVALID_ARGUMENT"
        assert error(home, f"{COMPUTE}/zones", "DELETE")["status"] == "UNIMPLEMENTED"
        assert error(home, "/compute/v1/nonsense")["code"] == 404

    def test_the_token_is_an_access_token(self, world: World, home: Path) -> None:
        """Without it nothing is told, also on loopback."""
        world.apis()
        status, answer = call(home, "GET", f"{COMPUTE}/zones", token="guess")
        assert (status, answer["error"]["status"]) == (401, "UNAUTHENTICATED")


class TestBackends:
    """What GKE's Gateway controller makes."""

    def test_without_a_load_balancer(self, world: World, home: Path) -> None:
        """An empty list, as the real API gives it: without items."""
        world.cluster()
        for collection in ("backendServices", "healthChecks", "forwardingRules"):
            assert "items" not in get(home, f"{REGION}/{collection}")

    def test_health(self, world: World, home: Path) -> None:
        """From list to health, the way `gcloud compute backend-services get-health` goes."""
        world.cluster()
        world.pool()
        with_balancer(home)
        services = get(home, f"{REGION}/backendServices")["items"]
        assert [item["protocol"] for item in services] == ["HTTP", "HTTP"]
        name = next(item["name"] for item in services if "qwen-8000" in item["name"])
        assert name.startswith("gkegw1-")
        assert len(name) <= 63
        service = get(home, f"{REGION}/backendServices/{name}")
        assert (service["timeoutSec"], service["loadBalancingScheme"]) == (300, "EXTERNAL_MANAGED")
        assert service["region"].endswith("/regions/us-east5")
        group = service["backends"][0]["group"]
        assert "/zones/us-east5-b/networkEndpointGroups/" in group
        status, health = call(home, "POST", f"{REGION}/backendServices/{name}/getHealth", {"group": group})
        assert status == 200
        assert health == {
            "kind": "compute#backendServiceGroupHealth",
            "healthStatus": [
                {"healthState": "HEALTHY", "ipAddress": "10.4.0.5", "port": 8000},
                {"healthState": "UNHEALTHY", "ipAddress": "10.4.0.6", "port": 8000},
            ],
        }
        check = service["healthChecks"][0].rsplit("/", 1)[-1]
        found = get(home, f"{REGION}/healthChecks/{check}")
        assert (found["type"], found["checkIntervalSec"]) == ("HTTP", 15)
        assert found["httpHealthCheck"]["requestPath"] == "/health"

    def test_an_endpoint_picker_has_its_own(self, world: World, home: Path) -> None:
        """It is checked by gRPC, and has no endpoint here."""
        world.cluster()
        with_balancer(home)
        picker = next(n for n in names(get(home, f"{REGION}/backendServices")) if "qwen-epp" in n)
        assert get(home, f"{REGION}/healthChecks/{picker}")["type"] == "GRPC"
        group = get(home, f"{REGION}/backendServices/{picker}")["backends"][0]["group"]
        _, health = call(home, "POST", f"{REGION}/backendServices/{picker}/getHealth", {"group": group})
        assert health == {"kind": "compute#backendServiceGroupHealth"}

    def test_wrong_groups(self, world: World, home: Path) -> None:
        """Left out, or another's."""
        world.cluster()
        with_balancer(home)
        path = f"{REGION}/backendServices/{names(get(home, f'{REGION}/backendServices'))[0]}/getHealth"
        assert "Required field 'resource.group'" in error(home, path, "POST", {})["message"]
        assert "It is no backend" in error(home, path, "POST", {"group": "projects/p/zones/z/x/y"})["message"]
        assert error(home, f"{REGION}/backendServices/nothing/getHealth", "POST", {"group": "x"})["code"] == 404

    def test_forwarding_rules(self, world: World, home: Path) -> None:
        """The Gateway's address and port."""
        world.cluster()
        with_balancer(home)
        (rule,) = get(home, f"{REGION}/forwardingRules")["items"]
        assert (rule["IPAddress"], rule["portRange"]) == ("203.0.113.7", "443-443")

    def test_classes_decide_the_scope(self, world: World, home: Path) -> None:
        """A global class has its backends globally, and nobody finds them in the region."""
        world.cluster()
        with_balancer(home, "gke-l7-global-external-managed")
        assert names(get(home, f"{REGION}/backendServices")) == []
        assert len(names(get(home, f"{COMPUTE}/global/backendServices"))) == 2
        with_balancer(home, "gke-l7-rilb")
        assert names(get(home, f"{COMPUTE}/global/backendServices")) == []
        assert get(home, f"{REGION}/backendServices")["items"][0]["loadBalancingScheme"] == "INTERNAL_MANAGED"


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
