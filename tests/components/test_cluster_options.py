"""Every option of the cluster, turned on; and what it is when nobody says anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.loading import SettingsError
from policies.hardening import CLUSTER_HARDENING
from tests.committed import committed
from tests.components.recording import DNS_ENDPOINT, PROJECT_NUMBER, Graph, build
from tests.policies.harness import Made, run

CLUSTER = "gcp:container/cluster:Cluster"
POOL = "gcp:container/nodePool:NodePool"
SERVICE = "gcp:projects/service:Service"
KEY_MEMBER = "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember"
KEYS = "projects/keys/locations/us-east5/keyRings/gke/cryptoKeys"


def built(**cluster: Any) -> Graph:
    """The graph of dev with these settings under `cluster`."""
    settings = committed("dev")
    settings["cluster"] |= cluster
    return build(settings)


def by_name_only() -> Graph:
    """A cluster without addresses to reach it by."""
    settings = committed("dev")
    del settings["cluster"]["authorizedNetworks"]
    settings["cluster"]["dnsEndpoint"] = True
    return build(settings)


def test_dns_endpoint_instead_of_addresses() -> None:
    """IAM decides who gets in, from any network; the control plane has no address that could be found."""
    graph = by_name_only()
    inputs = graph.one(CLUSTER).inputs
    assert inputs["controlPlaneEndpointsConfig"] == {
        "dnsEndpointConfig": {"allowExternalTraffic": True},
        "ipEndpointsConfig": {"enabled": False},
    }
    (cluster,) = json.loads(graph.outputs["kubeconfig"])["clusters"]
    assert cluster["cluster"] == {"server": f"https://{DNS_ENDPOINT}"}, "its certificate is not the cluster's own"


def test_without_addresses_nothing_is_said_that_the_api_forgets() -> None:
    """The provider sends neither networks nor the public endpoint of a control plane without addresses, and reads back none
    and a private one: anything else written here was an update at every preview, or turned the addresses on again.
    """
    inputs = by_name_only().one(CLUSTER).inputs
    assert "masterAuthorizedNetworksConfig" not in inputs
    assert inputs["privateClusterConfig"]["enablePrivateEndpoint"] is True
    made = Made(CLUSTER, "cluster", dict(inputs))
    assert run(CLUSTER_HARDENING, made).messages == [], "and the policies know it for closed"


def test_networks_are_said_while_there_are_addresses() -> None:
    """Without the block the control plane's public address answers to everybody."""
    for graph in (built(), built(dnsEndpoint=True)):
        inputs = graph.one(CLUSTER).inputs
        assert inputs["masterAuthorizedNetworksConfig"]["cidrBlocks"]
        assert inputs["privateClusterConfig"]["enablePrivateEndpoint"] is False


def test_dns_endpoint_beside_addresses() -> None:
    """Both ways at once: for a move from one to the other."""
    graph = built(dnsEndpoint=True)
    inputs = graph.one(CLUSTER).inputs
    assert inputs["controlPlaneEndpointsConfig"]["ipEndpointsConfig"] == {"enabled": True}
    assert inputs["masterAuthorizedNetworksConfig"]["cidrBlocks"]


def test_by_default_only_addresses(dev: Graph) -> None:
    """Nothing is said about endpoints that nobody asked for."""
    assert "controlPlaneEndpointsConfig" not in dev.one(CLUSTER).inputs


def test_protected_by_the_engine_too(dev: Graph, prod: Graph) -> None:
    """GKE's own protection refuses when everything in the cluster is deleted already; the engine's, before anything is."""
    assert prod.one(CLUSTER).protect is True
    assert [resource.name for resource in prod if resource.protect] == ["cluster"]
    assert [resource.name for resource in dev if resource.protect] == []


def test_a_weekly_window(prod: Graph, dev: Graph) -> None:
    """Six hours on two days are 48 in the worst 32 days, which is the least that GKE takes."""
    policy = prod.one(CLUSTER).inputs["maintenancePolicy"]
    assert policy["recurringWindow"] == {
        "startTime": "2026-01-10T02:00:00Z",
        "endTime": "2026-01-10T08:00:00Z",
        "recurrence": "FREQ=WEEKLY;BYDAY=SA,SU",
    }
    assert "maintenancePolicy" not in dev.one(CLUSTER).inputs


def test_times_without_upgrades() -> None:
    """Each with its scope, in UTC."""
    exclusion = {"name": "sale", "begin": "2026-11-24T00:00:00+01:00", "until": "2026-12-02T00:00:00Z"}
    policy = built(maintenance={"exclusions": [exclusion]}).one(CLUSTER).inputs["maintenancePolicy"]
    assert policy["maintenanceExclusions"] == [
        {
            "exclusionName": "sale",
            "startTime": "2026-11-23T23:00:00Z",
            "endTime": "2026-12-02T00:00:00Z",
            "exclusionOptions": {"scope": "NO_UPGRADES"},
        }
    ]


def test_keys_of_ones_own() -> None:
    """GKE encrypts Secrets, Compute Engine boot disks; a cluster whose key its agent may not use is refused."""
    graph = built(encryption={"secretsKey": f"{KEYS}/secrets", "bootDiskKey": f"{KEYS}/disks"})
    cluster = graph.one(CLUSTER)
    assert cluster.inputs["databaseEncryption"] == {"state": "ENCRYPTED", "keyName": f"{KEYS}/secrets"}
    assert graph.one(POOL, "cluster-system").inputs["nodeConfig"]["bootDiskKmsKey"] == f"{KEYS}/disks"
    grants = {grant.inputs["cryptoKeyId"]: grant for grant in graph.of_type(KEY_MEMBER)}
    agents = {
        f"{KEYS}/secrets": f"serviceAccount:service-{PROJECT_NUMBER}@container-engine-robot.iam.gserviceaccount.com",
        f"{KEYS}/disks": f"serviceAccount:service-{PROJECT_NUMBER}@compute-system.iam.gserviceaccount.com",
    }
    assert {key: grant.inputs["member"] for key, grant in grants.items()} == agents
    for grant in grants.values():
        assert grant.inputs["role"] == "roles/cloudkms.cryptoKeyEncrypterDecrypter"
        assert graph.waits_for(cluster, grant)
    assert graph.one(SERVICE, "cloudkms")


def test_the_default_pool_is_what_an_organization_wants_of_nodes() -> None:
    """It lives for minutes, and policies such as gcp.restrictNonCmekServices or requireShieldedVm refuse the cluster for it; what
    is said of it decides at creation alone, since another value would replace the cluster.
    """
    graph = built(encryption={"bootDiskKey": f"{KEYS}/disks"})
    cluster, system = graph.one(CLUSTER), graph.one(POOL, "cluster-system")
    wanted = {key: value for key, value in system.inputs["nodeConfig"].items() if key != "machineType"}
    assert cluster.inputs["nodeConfig"] == wanted, "and the machine type that every zone of the region has"
    assert wanted["bootDiskKmsKey"] == f"{KEYS}/disks"
    assert wanted["shieldedInstanceConfig"]["enableSecureBoot"] is True
    assert wanted["workloadMetadataConfig"] == {"mode": "GKE_METADATA"}
    assert cluster.ignore_changes == ("nodeConfig",)


def test_keys_that_somebody_else_grants() -> None:
    """Whoever may not change the rights on a key can still name it."""
    graph = built(encryption={"secretsKey": f"{KEYS}/secrets", "grant": False})
    assert graph.of_type(KEY_MEMBER) == []
    assert graph.one(CLUSTER).inputs["databaseEncryption"]["keyName"] == f"{KEYS}/secrets"


@pytest.mark.parametrize(
    ("setting", "value", "field", "expected", "api"),
    [
        (
            "binaryAuthorization",
            True,
            "binaryAuthorization",
            {"evaluationMode": "PROJECT_SINGLETON_POLICY_ENFORCE"},
            "binaryauthorization",
        ),
        (
            "rbacGroup",
            "gke-security-groups@example.com",
            "authenticatorGroupsConfig",
            {"securityGroup": "gke-security-groups@example.com"},
            None,
        ),
        ("intranodeVisibility", True, "enableIntranodeVisibility", True, None),
        (
            "notificationTopic",
            "projects/p/topics/gke",
            "notificationConfig",
            {
                "pubsub": {
                    "enabled": True,
                    "topic": "projects/p/topics/gke",
                    "filter": {"eventTypes": ["UPGRADE_AVAILABLE_EVENT", "UPGRADE_EVENT", "SECURITY_BULLETIN_EVENT"]},
                }
            },
            "pubsub",
        ),
    ],
)
def test_options(dev: Graph, setting: str, value: Any, field: str, expected: Any, api: str | None) -> None:
    """Off unless asked for; the API that one needs is enabled with it."""
    graph = built(**{setting: value})
    assert graph.one(CLUSTER).inputs[field] == expected
    assert field not in dev.one(CLUSTER).inputs
    if api is not None:
        assert graph.waits_for(graph.one(CLUSTER), graph.one(SERVICE, api))
        assert api not in {service.name for service in dev.of_type(SERVICE)}


def test_what_gke_watches(dev: Graph) -> None:
    """On by default, written out, so that a changed default of GKE changes nothing."""
    inputs = dev.one(CLUSTER).inputs
    assert inputs["securityPostureConfig"] == {"mode": "BASIC", "vulnerabilityMode": "VULNERABILITY_DISABLED"}
    assert inputs["costManagementConfig"] == {"enabled": True}
    assert inputs["monitoringConfig"]["managedPrometheus"] == {"enabled": True}
    assert {"SYSTEM_COMPONENTS", "CADVISOR"} <= set(inputs["monitoringConfig"]["enableComponents"])
    assert inputs["loggingConfig"]["enableComponents"] == ["SYSTEM_COMPONENTS", "WORKLOADS"]
    assert inputs["rbacBindingConfig"] == {
        "enableInsecureBindingSystemAuthenticated": False,
        "enableInsecureBindingSystemUnauthenticated": False,
    }


def test_what_gke_watches_can_be_less() -> None:
    """Each by itself."""
    inputs = (
        built(
            securityPosture=False,
            costAllocation=False,
            logging=["SYSTEM_COMPONENTS"],
            monitoring=["SYSTEM_COMPONENTS", "APISERVER"],
        )
        .one(CLUSTER)
        .inputs
    )
    assert inputs["securityPostureConfig"]["mode"] == "DISABLED"
    assert inputs["costManagementConfig"] == {"enabled": False}
    assert inputs["loggingConfig"]["enableComponents"] == ["SYSTEM_COMPONENTS"]
    assert inputs["monitoringConfig"]["enableComponents"] == ["SYSTEM_COMPONENTS", "APISERVER"]


def test_nodes_pull_from_named_repositories() -> None:
    """The node role reads no registry; a role on the project would read every one of them."""
    graph = built(artifactRepositories=["projects/images/locations/us/repositories/mirror"])
    (grant,) = graph.of_type("gcp:artifactregistry/repositoryIamMember:RepositoryIamMember")
    assert {key: grant.inputs[key] for key in ("project", "location", "repository", "role")} == {
        "project": "images",
        "location": "us",
        "repository": "mirror",
        "role": "roles/artifactregistry.reader",
    }
    assert grant.inputs["member"] == "serviceAccount:inference-dev-nodes@tpu-inference-dev.iam.gserviceaccount.com"
    assert graph.waits_for(graph.one(POOL, "cluster-system"), grant)


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        (
            {"authorizedNetworks": []},
            "Write networks that deployments and operators come from, or dnsEndpoint: true.",
        ),
        (
            {"authorizedNetworks": [{"name": "all", "cidr": "0.0.0.0/0"}]},
            "cluster.authorizedNetworks: '0.0.0.0/0': the whole internet may talk to the control plane",
        ),
        (
            {"maintenance": {"days": ["SU"], "hours": 4}},
            "hours: 4: on SU it leaves 16 hours in 32 days, and GKE wants 48 at least. Write hours: 12, or more days.",
        ),
        ({"maintenance": {"days": ["SU", "SU"]}}, "cluster.maintenance.days: 'SU, SU': a day is named twice"),
        (
            {
                "maintenance": {
                    "exclusions": [{"name": "x", "begin": "2026-11-01T00:00:00Z", "until": "2026-12-31T00:00:00Z"}]
                }
            },
            "cluster.maintenance.exclusions[0].until: '2026-12-31T00:00:00+00:00': GKE holds back all upgrades for 30 days",
        ),
        (
            {
                "maintenance": {
                    "exclusions": [{"name": "x", "begin": "2026-11-02T00:00:00Z", "until": "2026-11-01T00:00:00Z"}]
                }
            },
            "it ends before it begins",
        ),
        (
            {"encryption": {"secretsKey": "projects/k/locations/us-east1/keyRings/r/cryptoKeys/k"}},
            "cryptoKeys/k': the key is in us-east1, and a cluster in us-east5 takes keys of us-east5 only",
        ),
        ({"logging": []}, "cluster.logging: 'nothing': GKE takes no other component without SYSTEM_COMPONENTS"),
        ({"rbacGroup": "admins@example.com"}, "cluster.rbacGroup: 'admins@example.com'"),
        ({"notificationTopic": "gke"}, "cluster.notificationTopic: 'gke'"),
        (
            {"minimumVersion": "1.33"},
            "cluster.minimumVersion: '1.33': older clusters do not bring the InferencePool API",
        ),
    ],
)
def test_wrong_clusters_are_refused(cluster: dict[str, Any], message: str) -> None:
    """Field, value, reason, remedy."""
    with pytest.raises(SettingsError) as refused:
        built(**cluster)
    assert message in str(refused.value)
