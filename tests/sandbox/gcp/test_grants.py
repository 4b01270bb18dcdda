"""Rights on keys, secrets and repositories, service agents, and options of clusters, as Google Cloud answers them."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.plugin.values import UNKNOWN
from tests.sandbox.gcp.driver import PROJECT, REGION, ProviderError
from tests.sandbox.gcp.world import World

KEY = f"projects/{PROJECT}/locations/{REGION}/keyRings/r/cryptoKeys/k"
ROLE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"


def api(world: World, *names: str) -> None:
    """Enables APIs."""
    for name in names:
        world.engine.create("Service", name, {"service": f"{name}.googleapis.com"})


def refused(world: World, kind: str, inputs: dict[str, Any]) -> str:
    """The error of a create."""
    with pytest.raises(ProviderError) as error:
        world.engine.create(kind, "x", inputs)
    return str(error.value)


def principal(number: str = "1") -> str:
    """A Kubernetes service account as an IAM member."""
    pool = f"projects/{number}/locations/global/workloadIdentityPools/{PROJECT}.svc.id.goog"
    return f"principal://iam.googleapis.com/{pool}/subject/ns/models/sa/secret-sync"


def test_the_agent_of_gke_has_the_projects_number(world: World) -> None:
    """Its address is what keys are granted to; it exists as soon as the API does."""
    message = refused(world, "ServiceIdentity", {"service": "container.googleapis.com"})
    assert "has not been used in project" in message
    world.apis()
    made = world.engine.create("ServiceIdentity", "agent", {"service": "container.googleapis.com"})
    assert made.state["email"].startswith("service-")
    assert made.state["email"].endswith("@container-engine-robot.iam.gserviceaccount.com")


def test_the_agent_that_calls_out_exists_once_it_was_asked_for(world: World) -> None:
    """A role for it is refused in a project that never had an extension; the API's identity makes it."""
    api(world, "compute", "container", "iam", "cloudresourcemanager", "networkservices")
    agent = world.engine.create("ServiceIdentity", "agent", {"service": "container.googleapis.com"}).state["email"]
    number = agent.removeprefix("service-").partition("@")[0]
    member = f"serviceAccount:service-{number}@gcp-sa-dep.iam.gserviceaccount.com"
    inputs = {"project": PROJECT, "role": "roles/modelarmor.user", "member": member}
    assert f"{member.partition(':')[2]} does not exist" in refused(world, "IAMMember", inputs)
    made = world.engine.create("ServiceIdentity", "extensions", {"service": "networkservices.googleapis.com"})
    assert "gcp-sa-networkactions" in made.state["email"], "its own answer names another agent of that API"
    assert world.engine.create("IAMMember", "armor", inputs).id.endswith(member)


def test_who_passes_iap(world: World) -> None:
    """The role lies on what IAP guards in the project; another condition is another grant."""
    condition = {"title": "Requests to main", "expression": 'request.host == "models.example.com"'}
    inputs = {
        "role": "roles/iap.httpsResourceAccessor",
        "member": "group:users@example.com",
        "condition": condition,
    }
    assert "iap.googleapis.com" in refused(world, "WebIamMember", inputs)
    api(world, "iap")
    made = world.engine.create("WebIamMember", "users", inputs)
    assert made.id == f"projects/{PROJECT}/iap_web/{inputs['role']}/{inputs['member']}"
    wider = {**inputs, "condition": {**condition, "expression": "true"}}
    assert world.engine.diff(made, wider).replaces == ["condition.expression"]


def test_a_right_on_a_key(world: World) -> None:
    """Its id is the key's full name, the role and the member; granting it twice is fine."""
    inputs = {"cryptoKeyId": KEY, "role": ROLE, "member": "serviceAccount:a@b.iam.gserviceaccount.com"}
    assert "cloudkms.googleapis.com" in refused(world, "CryptoKeyIAMMember", inputs)
    api(world, "cloudkms")
    made = world.engine.create("CryptoKeyIAMMember", "key", inputs)
    assert made.id == f"{KEY}/{ROLE}/{inputs['member']}"
    assert world.engine.create("CryptoKeyIAMMember", "again", inputs).id == made.id
    assert world.engine.diff(made, {**inputs, "cryptoKeyId": f"{KEY}2"}).replaces == ["cryptoKeyId"]


def test_a_right_of_a_kubernetes_account_on_a_secret(world: World) -> None:
    """IAM knows such members only once a cluster of the project has Workload Identity."""
    api(world, "secretmanager")
    inputs = {"secretId": "hf", "role": "roles/secretmanager.secretAccessor", "member": principal()}
    assert f"Identity Pool does not exist ({PROJECT}.svc.id.goog)" in refused(world, "SecretIamMember", inputs)
    world.cluster()
    made = world.engine.create("SecretIamMember", "hf", inputs)
    assert made.id == f"projects/{PROJECT}/secrets/hf/{inputs['role']}/{inputs['member']}"


def test_a_right_on_a_repository(world: World) -> None:
    """A role that IAM does not know is refused."""
    api(world, "artifactregistry")
    inputs = {
        "location": "us",
        "repository": "mirror",
        "role": "roles/artifactregistry.reader",
        "member": "serviceAccount:a@b.iam.gserviceaccount.com",
    }
    assert world.engine.create("RepositoryIamMember", "r", inputs).id.startswith(f"projects/{PROJECT}/locations/us/")
    assert "Role reader is not supported" in refused(world, "RepositoryIamMember", {**inputs, "role": "reader"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {
                "maintenancePolicy": {
                    "recurringWindow": {
                        "startTime": "2026-01-10T02:00:00Z",
                        "endTime": "2026-01-10T06:00:00Z",
                        "recurrence": "FREQ=WEEKLY;BYDAY=SA",
                    }
                }
            },
            "would go longer than 32d without 48h maintenance availability",
        ),
        (
            {
                "maintenancePolicy": {
                    "maintenanceExclusions": [
                        {
                            "exclusionName": "freeze",
                            "startTime": "2026-11-01T00:00:00Z",
                            "endTime": "2027-01-01T00:00:00Z",
                        }
                    ]
                }
            },
            "must not be longer than 30 days",
        ),
        (
            {
                "databaseEncryption": {
                    "state": "ENCRYPTED",
                    "keyName": f"projects/{PROJECT}/locations/global/keyRings/r/cryptoKeys/k",
                }
            },
            "must be in the same location as the cluster",
        ),
        ({"loggingConfig": {"enableComponents": ["WORKLOADS"]}}, "SYSTEM_COMPONENTS must be enabled"),
        ({"secretSyncConfig": {"enabled": True}, "workloadIdentityConfig": None}, "Workload Identity Federation"),
    ],
)
def test_options_that_gke_refuses(world: World, changes: dict[str, Any], message: str) -> None:
    """Before anything is started."""
    with pytest.raises(ProviderError, match=message):
        world.cluster(**changes)


def test_options_change_in_place(world: World) -> None:
    """None of them replaces the cluster, and with it everything in it."""
    made = world.cluster()
    changes: dict[str, Any] = {
        "maintenancePolicy": {
            "recurringWindow": {
                "startTime": "2026-01-10T02:00:00Z",
                "endTime": "2026-01-10T08:00:00Z",
                "recurrence": "FREQ=WEEKLY;BYDAY=SA,SU",
            }
        },
        "databaseEncryption": {"state": "ENCRYPTED", "keyName": KEY},
        "binaryAuthorization": {"evaluationMode": "PROJECT_SINGLETON_POLICY_ENFORCE"},
        "authenticatorGroupsConfig": {"securityGroup": "gke-security-groups@example.com"},
        "securityPostureConfig": {"mode": "BASIC", "vulnerabilityMode": "VULNERABILITY_DISABLED"},
        "secretSyncConfig": {"enabled": True, "rotationConfig": {"enabled": True}},
        "costManagementConfig": {"enabled": True},
        "enableIntranodeVisibility": True,
    }
    wanted = {**World.cluster_inputs(), **changes}
    diff = world.engine.diff(made, wanted)
    assert diff.changes
    assert diff.replaces == []
    updated = world.engine.update(made, wanted)
    assert world.engine.diff(updated, wanted).changes == {}


def test_the_name_of_the_control_plane(world: World) -> None:
    """With the DNS endpoint on, its name is in the outputs that a kubeconfig is written from."""
    ways = {"dnsEndpointConfig": {"allowExternalTraffic": True}, "ipEndpointsConfig": {"enabled": False}}
    made = world.cluster(controlPlaneEndpointsConfig=ways)
    assert made.state["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["endpoint"]
    assert world.engine.diff(made, {**World.cluster_inputs(), "controlPlaneEndpointsConfig": ways}).changes == {}


def test_the_name_is_known_when_it_is_turned_on_later(world: World) -> None:
    """The kubeconfig is written from it: without it a preview would look for a server without a name."""
    made = world.cluster()
    ways = {"dnsEndpointConfig": {"allowExternalTraffic": True}, "ipEndpointsConfig": {"enabled": True}}
    wanted = {**World.cluster_inputs(), "controlPlaneEndpointsConfig": ways}
    for preview in (True, False):
        state = world.engine.update(made, wanted, preview=preview).state
        found = state["controlPlaneEndpointsConfig"]
        assert found == UNKNOWN or found["dnsEndpointConfig"]["endpoint"], preview
