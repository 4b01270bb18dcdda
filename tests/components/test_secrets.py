"""Secrets come from Secret Manager, and stand nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.loading import SettingsError
from tests.committed import committed
from tests.components.recording import PROJECT_NUMBER, Graph, build

SECRET_MEMBER = "gcp:secretmanager/secretIamMember:SecretIamMember"
TOKENS = [
    "hf_" + "aB3" * 11,
    "ghp_" + "x9" * 18,
    "github_pat_" + "x9" * 20,
    "glpat-" + "x9" * 10,
    "AIza" + "x9" * 17 + "x",
    "sk-" + "x9" * 20,
    "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
]


@pytest.fixture(scope="module")
def synced() -> Graph:
    """A Hugging Face token and a registry's credentials, one of them in another project."""
    settings = committed("dev")
    settings["secrets"] = {
        "huggingFaceToken": {"secret": "hf"},
        "imagePull": [{"name": "quay", "secret": "projects/shared-secrets/secrets/quay-pull", "version": "7"}],
    }
    return build(settings)


def test_secrets_are_written_by_gke(synced: Graph) -> None:
    """SecretSync names what to write, SecretProviderClass which version; nothing of either is secret."""
    sources = {s.object_key[2]: s.inputs["spec"] for s in synced.manifests_of("SecretProviderClass")}
    syncs = {s.object_key[2]: s.inputs["spec"] for s in synced.manifests_of("SecretSync")}
    assert sources.keys() == syncs.keys() == {"hugging-face-token", "quay"}
    versions = {name: json.loads(spec["parameters"]["secrets"]) for name, spec in sources.items()}
    assert versions["hugging-face-token"] == [
        {"resourceName": "projects/tpu-inference-dev/secrets/hf/versions/latest", "path": "HF_TOKEN"}
    ]
    assert versions["quay"][0]["resourceName"] == "projects/shared-secrets/secrets/quay-pull/versions/7"
    assert syncs["quay"]["secretObject"]["type"] == "kubernetes.io/dockerconfigjson"
    assert syncs["quay"]["secretObject"]["data"] == [
        {"sourcePath": ".dockerconfigjson", "targetKey": ".dockerconfigjson"}
    ]
    assert synced.one("gcp:container/cluster:Cluster").inputs["secretSyncConfig"]["enabled"] is True


def test_pods_wait_for_what_they_read(synced: Graph) -> None:
    """A server whose Secret is not asked for yet stays in CreateContainerConfigError; on destroy it outlived its token."""
    (service,) = synced.manifests_of("LLMInferenceService")
    for sync in synced.manifests_of("SecretSync"):
        assert synced.waits_for(service, sync)
        annotations = sync.inputs["metadata"]["annotations"]
        assert annotations == {"pulumi.com/waitFor": "jsonpath={.status.lastSuccessfulSyncTime}"}


def test_endpoint_pickers_are_pulled_with_them_too(synced: Graph) -> None:
    """Its image comes from the same mirror as the servers', and without credentials it ends in ImagePullBackOff."""
    (service,) = synced.manifests_of("LLMInferenceService")
    spec = service.inputs["spec"]
    pods = [spec["template"], spec["router"]["scheduler"]["template"]]
    assert [pod["imagePullSecrets"] for pod in pods] == [[{"name": "quay"}]] * 2


def test_one_account_reads_these_secrets_and_no_others(synced: Graph) -> None:
    """A role on the project would let it read every secret there; the account is used by no pod."""
    member = (
        f"principal://iam.googleapis.com/projects/{PROJECT_NUMBER}/locations/global/workloadIdentityPools/"
        "tpu-inference-dev.svc.id.goog/subject/ns/%s/sa/secret-sync"
    )
    grants = [grant.inputs for grant in synced.of_type(SECRET_MEMBER)]
    places = {"hf": {"inference"}, "quay-pull": {"inference", "cert-manager", "lws-system", "kserve"}}
    for secret, spaces in places.items():
        found = {grant["member"] for grant in grants if grant["secretId"] == secret}
        assert found == {member % space for space in spaces}
    assert {grant["role"] for grant in grants} == {"roles/secretmanager.secretAccessor"}
    assert {(grant["project"], grant["secretId"]) for grant in grants} == {
        ("tpu-inference-dev", "hf"),
        ("shared-secrets", "quay-pull"),
    }
    for grant in synced.of_type("gcp:projects/iAMMember:IAMMember"):
        assert "secretmanager" not in grant.inputs["role"]
    accounts = [a for a in synced.manifests_of("ServiceAccount") if a.object_key[2] == "secret-sync"]
    assert {account.object_key[1] for account in accounts} == places["quay-pull"]
    assert not any(account.inputs["automountServiceAccountToken"] for account in accounts)


def test_synchronisation_waits_for_its_rights(synced: Graph) -> None:
    """Without the grant the first synchronisation fails and is tried again minutes later."""
    for sync in synced.manifests_of("SecretSync"):
        for grant in synced.of_type(SECRET_MEMBER):
            if grant.name == sync.name.removesuffix("-sync"):
                assert synced.waits_for(sync, grant)
    assert (
        synced.one("gcp:projects/service:Service", "secretmanager").inputs["service"] == "secretmanager.googleapis.com"
    )


def test_without_secrets_nothing_of_it_exists(dev: Graph) -> None:
    """No add-on, no account, no API."""
    assert dev.of_type(SECRET_MEMBER) == dev.manifests_of("SecretSync") == []
    assert "secretSyncConfig" not in dev.one("gcp:container/cluster:Cluster").inputs
    assert dev.of_type("gcp:projects/serviceIdentity:ServiceIdentity") == []


def places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where a text stands in the settings."""
    if isinstance(value, str):
        return [above]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in places(item, (*above, key))]


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token[:6])
@pytest.mark.parametrize("place", places(committed("dev")), ids=str)
def test_no_setting_holds_a_secret(place: tuple[Any, ...], token: str) -> None:
    """A token in settings is in version control and in the stack's state; the error does not repeat it."""
    settings = committed("dev")
    target: Any = settings
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = f"{target[place[-1]]} {token}"
    with pytest.raises(SettingsError, match="this is a secret") as refused:
        build(settings)
    assert token not in str(refused.value)
    assert token[8:30] not in str(refused.value)


@pytest.mark.parametrize("token", TOKENS[:2], ids=lambda token: token[:6])
def test_no_secret_hides_in_lists_names_or_where_no_setting_is(token: str) -> None:
    """Also where the setting itself would be refused, and as the name of a setting."""
    for change in (
        {"secrets": {"huggingFaceToken": {"secret": token}}},
        {"secrets": {"huggingFaceToken": token}},
        {"nonsense": [{"deep": [token]}]},
        {token: 1},
    ):
        with pytest.raises(SettingsError, match="this is a secret") as refused:
            build({**committed("dev"), **change})
        assert token not in str(refused.value)


def test_names_that_only_look_like_tokens_are_taken() -> None:
    """Models, images and secrets have long names too."""
    settings = committed("dev")
    settings["secrets"] = {"huggingFaceToken": {"secret": "hf_token", "version": "3"}}
    settings["models"][0]["servedName"] = "sk-learn/eyJust-a-name"
    assert build(settings).manifests_of("SecretSync")


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        (
            {"huggingFaceToken": {"secret": "a b"}},
            "secrets.huggingFaceToken.secret: 'a b': this is no name of a secret",
        ),
        ({"huggingFaceToken": {"secret": "hf", "version": "newest"}}, "secrets.huggingFaceToken.version: 'newest'"),
        (
            {"imagePull": [{"name": "hugging-face-token", "secret": "s"}]},
            "secrets.imagePull[0].name: 'hugging-face-token': another Secret has this name. Write a name of its own",
        ),
        (
            {"huggingFaceToken": {"secret": "hf", "value": "x"}},
            "secrets.huggingFaceToken.value: there is no such setting",
        ),
    ],
)
def test_wrong_secrets_are_refused(secrets: dict[str, Any], message: str) -> None:
    """Field, value, reason, remedy."""
    settings = committed("dev")
    settings["secrets"] = secrets
    with pytest.raises(SettingsError) as refused:
        build(settings)
    assert message in str(refused.value)
