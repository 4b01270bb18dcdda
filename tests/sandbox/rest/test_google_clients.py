"""Google's own client libraries read the simulated cloud's answers with nothing but a changed endpoint, and lose no field."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud.daemon import Daemon
from sandbox.faults import parse
from tests.sandbox.gcp.driver import PROJECT
from tests.sandbox.gcp.world import World
from tests.sandbox.rest.asking import get, with_balancer

ROOT = Path(__file__).parents[3]
LOCATIONS = f"projects/{PROJECT}/locations"
CLUSTER = f"{LOCATIONS}/us-east5/clusters/main"
Ask = Callable[..., Any]

CLUSTER_OPTIONS: dict[str, Any] = {
    "addonsConfig": {"httpLoadBalancing": {"disabled": False}, "gcpFilestoreCsiDriverConfig": {"enabled": True}},
    "authenticatorGroupsConfig": {"securityGroup": "gke-security-groups@example.com"},
    "binaryAuthorization": {"evaluationMode": "PROJECT_SINGLETON_POLICY_ENFORCE"},
    "controlPlaneEndpointsConfig": {"dnsEndpointConfig": {"allowExternalTraffic": False}},
    "costManagementConfig": {"enabled": True},
    "datapathProvider": "ADVANCED_DATAPATH",
    "enableIntranodeVisibility": True,
    "enableShieldedNodes": True,
    "loggingConfig": {"enableComponents": ["SYSTEM_COMPONENTS", "WORKLOADS"]},
    "maintenancePolicy": {
        "recurringWindow": {
            "startTime": "2026-01-03T02:00:00Z",
            "endTime": "2026-01-03T06:00:00Z",
            "recurrence": "FREQ=DAILY",
        },
        "maintenanceExclusions": [
            {
                "exclusionName": "launch",
                "startTime": "2026-12-01T00:00:00Z",
                "endTime": "2026-12-24T00:00:00Z",
                "exclusionOptions": {"scope": "NO_MINOR_UPGRADES"},
            }
        ],
    },
    "masterAuthorizedNetworksConfig": {"cidrBlocks": [{"displayName": "office", "cidrBlock": "198.51.100.0/24"}]},
    "monitoringConfig": {"enableComponents": ["SYSTEM_COMPONENTS"], "managedPrometheus": {"enabled": True}},
    "notificationConfig": {
        "pubsub": {
            "enabled": True,
            "topic": f"projects/{PROJECT}/topics/gke",
            "filter": {"eventTypes": ["UPGRADE_EVENT"]},
        }
    },
    "podAutoscaling": {"hpaProfile": "PERFORMANCE"},
    "rbacBindingConfig": {"enableInsecureBindingSystemAuthenticated": False},
    "resourceLabels": {"team": "inference"},
    "secretSyncConfig": {"enabled": True, "rotationConfig": {"enabled": True}},
    "securityPostureConfig": {"mode": "BASIC", "vulnerabilityMode": "VULNERABILITY_DISABLED"},
}
NODE_OPTIONS: dict[str, Any] = {
    "bootDisk": {"diskType": "hyperdisk-balanced", "sizeGb": 200},
    "gvnic": {"enabled": True},
    "labels": {"team": "inference"},
    "loggingVariant": "MAX_THROUGHPUT",
    "oauthScopes": ["https://www.googleapis.com/auth/cloud-platform"],
    "reservationAffinity": {"consumeReservationType": "NO_RESERVATION"},
    "resourceLabels": {"team": "inference"},
    "shieldedInstanceConfig": {"enableSecureBoot": True, "enableIntegrityMonitoring": True},
    "tags": ["main-node"],
    "taints": [{"key": "a", "value": "b", "effect": "NO_SCHEDULE"}],
    "workloadMetadataConfig": {"mode": "GKE_METADATA"},
}

CONDITION: dict[str, Any] = {"query": "x > 1", "duration": "60s", "evaluationInterval": "30s"}
ALERT_POLICY: dict[str, Any] = {
    "displayName": "it",
    "combiner": "OR",
    "severity": "CRITICAL",
    "conditions": [{"displayName": "x", "conditionPrometheusQueryLanguage": CONDITION}],
    "documentation": {"content": "Look.", "mimeType": "text/markdown"},
    "alertStrategy": {"autoClose": "1800s"},
    "userLabels": {"team": "a"},
}


@pytest.fixture(scope="module")
def clients() -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    """The program of the clients, which takes seconds to load; it is told with each question where the cloud is."""
    command = [sys.executable, "-m", "tests.sandbox.rest.google_client"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdin
        assert program.stdout
        questions, answers = program.stdin, program.stdout

        def exchange(question: dict[str, Any]) -> dict[str, Any]:
            questions.write(json.dumps(question) + "\n")
            questions.flush()
            return json.loads(answers.readline() or '{"error": "the program of the clients has ended"}')

        yield exchange
        questions.close()


@pytest.fixture
def ask(home: Path, daemon: Daemon, clients: Callable[[dict[str, Any]], dict[str, Any]]) -> Ask:
    """Asks a client: `ask("compute_v1.ZonesClient", "list", project=…)`."""
    assert daemon.server.ready
    about = json.loads((home / "cloud.json").read_text(encoding="utf-8"))

    def asked(client: str, method: str, **request: Any) -> dict[str, Any]:
        where = {"url": about["url"], "token": about["token"]}
        return clients({**where, "client": client, "method": method, "request": request})

    return asked


def answer(given: dict[str, Any]) -> Any:
    """What a client answered; an error is shown."""
    assert "error" not in given, given["error"]
    return given["answer"]


def refusal(given: dict[str, Any]) -> dict[str, Any]:
    """The exception a client raised."""
    assert "error" in given, given
    return given["error"]


def test_compute_engine(world: World, ask: Ask) -> None:
    """Machines, accelerators, zones and quotas; a list of several pages is read to its end."""
    world.apis()
    zone = {"project": PROJECT, "zone": "us-east5-b"}
    machine = answer(ask("compute_v1.MachineTypesClient", "get", **zone, machine_type="ct6e-standard-4t"))
    assert machine["accelerators"] == [{"guestAcceleratorType": "ct6e", "guestAcceleratorCount": 4}]
    everything = answer(ask("compute_v1.MachineTypesClient", "list", **zone))
    assert len(everything) > 20
    assert answer(ask("compute_v1.MachineTypesClient", "list", **zone, max_results=7)) == everything
    few = answer(ask("compute_v1.MachineTypesClient", "list", **zone, filter='name = "ct6e-*" AND guestCpus > 100'))
    assert [item["name"] for item in few] == ["ct6e-standard-4t", "ct6e-standard-8t"]
    scopes = dict(
        answer(ask("compute_v1.MachineTypesClient", "aggregated_list", project=PROJECT, filter="name=ct6e-*"))
    )
    assert len(scopes["zones/us-east5-b"]["machineTypes"]) == 3
    assert scopes["zones/us-central1-a"]["warning"]["code"] == "NO_RESULTS_ON_PAGE"
    accelerator = answer(ask("compute_v1.AcceleratorTypesClient", "get", **zone, accelerator_type="ct6e"))
    assert accelerator["maximumCardsPerInstance"] == 8
    assert dict(answer(ask("compute_v1.AcceleratorTypesClient", "aggregated_list", project=PROJECT)))[
        "zones/us-east5-b"
    ]
    region = answer(ask("compute_v1.RegionsClient", "get", project=PROJECT, region="us-east5"))
    assert {"metric": "CPUS", "limit": 1000.0, "usage": 0.0} in region["quotas"]
    assert answer(ask("compute_v1.ZonesClient", "get", **zone))["status"] == "UP"


def test_backends_and_their_health(world: World, home: Path, ask: Ask) -> None:
    """From a Gateway's backend services to the health of each endpoint."""
    world.cluster()
    world.pool()
    with_balancer(home)
    where = {"project": PROJECT, "region": "us-east5"}
    services = answer(ask("compute_v1.RegionBackendServicesClient", "list", **where))
    (service,) = [item for item in services if "qwen-8000" in item["name"]]
    health = answer(
        ask(
            "compute_v1.RegionBackendServicesClient",
            "get_health",
            **where,
            backend_service=service["name"],
            resource_group_reference_resource={"group": service["backends"][0]["group"]},
        )
    )
    assert [item["healthState"] for item in health["healthStatus"]] == ["HEALTHY", "UNHEALTHY"]
    checks = answer(ask("compute_v1.RegionHealthChecksClient", "list", **where))
    assert {item["type"] for item in checks} == {"HTTP", "GRPC"}
    changed = ask(
        "compute_v1.RegionHealthChecksClient",
        "patch_unary",
        **where,
        health_check=next(item["name"] for item in checks if item["type"] == "HTTP"),
        health_check_resource={"http_health_check": {"request_path": "/ready"}},
    )
    assert answer(changed)["status"] == "DONE"
    (rule,) = answer(ask("compute_v1.ForwardingRulesClient", "list", **where))
    assert (rule["IPAddress"], rule["portRange"]) == ("203.0.113.7", "443-443")
    for client, collection, count in (
        ("BackendServicesClient", "backendServices", 2),
        ("HealthChecksClient", "healthChecks", 2),
        ("ForwardingRulesClient", "forwardingRules", 1),
    ):
        scopes = dict(answer(ask(f"compute_v1.{client}", "aggregated_list", project=PROJECT)))
        assert len(scopes["regions/us-east5"][collection]) == count
        assert "warning" in scopes["global"]


def test_kubernetes_engine(world: World, ask: Ask) -> None:
    """Every setting the program makes reaches a client in the API's own field."""
    client = "container_v1.ClusterManagerClient"
    world.cluster(**CLUSTER_OPTIONS)
    world.pool(NODE_OPTIONS)
    world.engine.create("NodePool", "slice", {**world.slice_inputs(), "name": "slice"})
    config = answer(ask(client, "get_server_config", name=f"{LOCATIONS}/us-east5"))
    assert {item["channel"] for item in config["channels"]} == {"RAPID", "REGULAR", "STABLE", "EXTENDED"}
    (cluster,) = answer(ask(client, "list_clusters", parent=f"{LOCATIONS}/-"))["clusters"]
    assert cluster == answer(ask(client, "get_cluster", name=CLUSTER))
    assert (cluster["status"], cluster["currentNodeCount"]) == ("RUNNING", 3)
    assert cluster["networkConfig"]["datapathProvider"] == "ADVANCED_DATAPATH"
    assert cluster["loggingConfig"]["componentConfig"]["enableComponents"] == ["SYSTEM_COMPONENTS", "WORKLOADS"]
    assert cluster["monitoringConfig"]["managedPrometheusConfig"] == {"enabled": True}
    assert cluster["masterAuthorizedNetworksConfig"]["enabled"] is True
    window = cluster["maintenancePolicy"]["window"]
    assert window["recurringWindow"]["recurrence"] == "FREQ=DAILY"
    assert list(window["maintenanceExclusions"]) == ["launch"]
    kept = {"binaryAuthorization", "costManagementConfig", "notificationConfig", "podAutoscaling", "secretSyncConfig"}
    assert kept <= cluster.keys()
    pool = answer(ask(client, "get_node_pool", name=f"{CLUSTER}/nodePools/tpu"))
    assert pool["config"]["loggingConfig"] == {"variantConfig": {"variant": "MAX_THROUGHPUT"}}
    assert pool["config"]["taints"] == [{"key": "a", "value": "b", "effect": "NO_SCHEDULE"}]
    assert pool["config"]["bootDisk"]["sizeGb"] == "200"
    pools = answer(ask(client, "list_node_pools", parent=CLUSTER))["nodePools"]
    assert {item["name"]: item.get("placementPolicy") for item in pools} == {
        "tpu": None,
        "slice": {"type": "COMPACT", "tpuTopology": "2x4"},
    }
    operations = answer(ask(client, "list_operations", parent=f"{LOCATIONS}/-"))["operations"]
    assert {item["status"] for item in operations} == {"DONE"}
    name = operations[0]["name"]
    assert answer(ask(client, "get_operation", name=f"{LOCATIONS}/us-east5/operations/{name}")) == operations[0]


def test_cloud_tpu_and_quotas(world: World, ask: Ask) -> None:
    """Which slices there are, and how many chips a project may have."""
    world.apis()
    world.engine.create("Service", "tpu", {"service": "tpu.googleapis.com"})
    zone = f"{LOCATIONS}/us-east5-b"
    types = answer(ask("tpu_v2.TpuClient", "list_accelerator_types", parent=zone))
    assert [item["type"] for item in types][:2] == ["v6e-1", "v6e-4"]
    assert answer(ask("tpu_v2.TpuClient", "get_location", name=zone))["locationId"] == "us-east5-b"
    quotas = answer(
        ask(
            "cloudquotas_v1.CloudQuotasClient",
            "list_quota_infos",
            parent=f"{LOCATIONS}/global/services/compute.googleapis.com",
        )
    )
    (quota,) = quotas
    assert quota["quotaId"] == "TPUS-PER-TPU-FAMILY-per-project-region"
    assert quota == answer(ask("cloudquotas_v1.CloudQuotasClient", "get_quota_info", name=quota["name"]))
    here = [i["details"]["value"] for i in quota["dimensionsInfos"] if i["dimensions"]["region"] == "us-east5"]
    assert set(here) == {"256"}


def test_cloud_monitoring(
    world: World, home: Path, ask: Ask, clients: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Dashboards by their client; the one for alert policies and channels has no REST transport, but its messages."""
    world.engine.create("Service", "monitoring", {"service": "monitoring.googleapis.com"})
    content = {"displayName": "it", "labels": {"team": ""}, "mosaicLayout": {"columns": 48}}
    board = world.engine.create("Dashboard", "d", {"dashboardJson": json.dumps(content)})
    client = "monitoring_dashboard_v1.DashboardsServiceClient"
    (found,) = answer(ask(client, "list_dashboards", parent=f"projects/{PROJECT}"))
    assert (found["name"], found["labels"]) == (board.id, {"team": ""})
    assert found == answer(ask(client, "get_dashboard", name=board.id))
    channel = {"type": "email", "labels": {"email_address": "a@example.com"}, "userLabels": {"team": "a"}}
    made = world.engine.create("NotificationChannel", "c", {**channel, "description": "Who is called."})
    world.engine.create("AlertPolicy", "a", {**ALERT_POLICY, "notificationChannels": [made.id]})
    for collection, message in (
        ("alertPolicies", "ListAlertPoliciesResponse"),
        ("notificationChannels", "ListNotificationChannelsResponse"),
    ):
        given = get(home, f"/v3/projects/{PROJECT}/{collection}")
        read = answer(clients({"message": f"monitoring_v3.{message}", "text": json.dumps(given)}))
        (item,), (sent,) = read[collection], given[collection]
        assert item.keys() == sent.keys()
        assert item["userLabels"] == {"team": "a"}


def test_errors_are_the_exceptions_of_google_api_core(world: World, ask: Ask, daemon: Daemon) -> None:
    """What a tool catches: by type, and by the reason and metadata of google.rpc.ErrorInfo among the details."""
    disabled = refusal(ask("compute_v1.ZonesClient", "list", project=PROJECT))
    (info,) = disabled["details"]
    assert (disabled["type"], info["reason"]) == ("Forbidden", "SERVICE_DISABLED")
    assert info["metadata"]["service"] == "compute.googleapis.com"
    world.cluster()
    missing = refusal(ask("compute_v1.ZonesClient", "get", project=PROJECT, zone="us-none1-a"))
    assert missing["type"] == "NotFound"
    assert missing["message"].endswith("zones/us-none1-a' was not found")
    gke = refusal(ask("container_v1.ClusterManagerClient", "get_cluster", name=f"{CLUSTER}-2"))
    assert (gke["type"], gke["code"]) == ("NotFound", 404)
    wrong = refusal(ask("compute_v1.ZonesClient", "list", project=PROJECT, filter="name"))
    assert (wrong["type"], wrong["code"]) == ("BadRequest", 400)
    change = {"project": PROJECT, "region": "us-east5", "backend_service": "a"}
    assert refusal(ask("compute_v1.RegionBackendServicesClient", "delete", **change))["type"] == "MethodNotImplemented"
    limited = {"effect": "rateLimit", "match": {"type": "container.clusters", "operation": "read"}}
    daemon.cloud.faults.play(parse({"faults": [limited]}))
    busy = refusal(ask("container_v1.ClusterManagerClient", "get_cluster", name=CLUSTER))
    (info,) = busy["details"]
    assert (busy["type"], info["reason"]) == ("TooManyRequests", "RATE_LIMIT_EXCEEDED")
    assert info["metadata"]["service"] == "container.googleapis.com"
