"""Compute Engine's API on the simulated cloud's port: machines, quotas, and what GKE's Gateway controller makes."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from rules import tpu
from tests.sandbox.gcp.wire import call
from tests.sandbox.gcp.world import World
from tests.sandbox.rest.asking import COMPUTE, GKE, REGION, error, get, names, with_balancer


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
        assert error(home, f"{path}?maxResults=0")["code"] == 400

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("guestCpus >= 180", {"ct6e-standard-4t", "ct6e-standard-8t"}),
            ("(guestCpus < 100) (name : ct6e-)", {"ct6e-standard-1t"}),
            ('name = "ct6e-*" AND NOT name = *-8t', {"ct6e-standard-1t", "ct6e-standard-4t"}),
            ("name = ct6e-standard-1t OR name = ct6e-standard-4t AND guestCpus > 100", {"ct6e-standard-4t"}),
            ("accelerators:* AND name != ct6e-standard-4t", {"ct6e-standard-1t", "ct6e-standard-8t"}),
            ('isSharedCpu = true AND name ne ".*(micro|small|medium)"', set()),
            ("accelerators.nothing > 1", set()),
        ],
    )
    def test_filters(self, world: World, home: Path, expression: str, expected: set[str]) -> None:
        """The language of AIP-160: OR binds tighter than AND, AND may be left out, a star stands for anything."""
        world.apis()
        listed = names(get(home, f"{COMPUTE}/zones/us-east5-b/machineTypes?filter={quote(expression)}"))
        assert {name for name in listed if name.startswith("ct6e") or not expected} == expected

    @pytest.mark.parametrize(
        ("expression", "complaint"),
        [
            ("name", "a comparison is missing"),
            ("name =", "a value is missing"),
            ("(name = a", "a parenthesis is not closed"),
            ("name = a) OR b = c", "')' stands where AND, OR or the end was expected"),
            ("name like a", "'like' is no comparison"),
            ("name eq [", "'[' is no regular expression"),
            ('name = "a', "it cannot be read from '\"a' on"),
        ],
    )
    def test_filters_that_are_none(self, world: World, home: Path, expression: str, complaint: str) -> None:
        """Refused with the place and the reason, as a filter that silently picks everything would be dangerous."""
        world.apis()
        refused = error(home, f"{COMPUTE}/zones?filter={quote(expression)}")
        assert (refused["code"], refused["errors"][0]["reason"]) == (400, "invalid")
        assert complaint in refused["message"]

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
