"""Secret synchronisation and managed Prometheus, as far as the API shows them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from components.secrets import UNTIL_WRITTEN
from sandbox.cluster.runtime import ClusterRuntime
from sandbox.gke import secret_sync
from sandbox.gke.addons import monitoring_status
from sandbox.kubernetes.readiness import missing
from tests.sandbox.gke.objects import NOW, named
from tests.sandbox.support import eventually

Object = dict[str, Any]
VERSION = "projects/p/secrets/hf/versions/1"


def sync(kind: str = "Opaque", path: str = "hf") -> Object:
    """The SecretSync `llm/token`."""
    data = [{"sourcePath": path, "targetKey": "HF_TOKEN"}]
    spec = {
        "serviceAccountName": "reader",
        "secretProviderClassName": "tokens",
        "secretObject": {"type": kind, "data": data},
    }
    found = named("token", spec=spec, kind="SecretSync")
    found["metadata"]["uid"] = "1-2-3"
    return found


def provider(secrets: str = f"- resourceName: {VERSION}\n  path: hf\n", name: str = "gke") -> Object:
    """The SecretProviderClass `llm/tokens`."""
    return named("tokens", spec={"provider": name, "parameters": {"secrets": secrets}})


def test_secret_is_made_under_the_name_of_its_sync() -> None:
    """Type, key and owner are as asked; the value is made up and says of what."""
    made = secret_sync.secret(sync(), provider(), account=True)
    assert (made["metadata"]["name"], made["type"]) == ("token", "Opaque")
    assert made["metadata"]["ownerReferences"][0]["uid"] == "1-2-3"
    assert VERSION in base64.b64decode(made["data"]["HF_TOKEN"]).decode()
    docker = secret_sync.secret(sync("kubernetes.io/dockerconfigjson"), provider(), account=True)
    assert base64.b64decode(docker["data"]["HF_TOKEN"]) == b'{"auths": {}}'


@pytest.mark.parametrize(
    ("obj", "source", "account", "words"),
    [
        (sync(), provider(), False, 'serviceaccount "reader" not found'),
        (sync(), None, True, 'SecretProviderClass "tokens" not found'),
        (sync(), provider(name="azure"), True, "'azure'"),
        (sync(path="other"), provider(), True, "'other'"),
        (sync(), provider("- path: [\n"), True, "no list"),
        (sync(), provider("- path: hf\n"), True, "no list"),
    ],
    ids=["account", "class", "provider", "path", "yaml", "resource-name"],
)
def test_what_keeps_a_secret_from_being_made(obj: Object, source: Object | None, account: bool, words: str) -> None:
    """Pods that refer to it stay in CreateContainerConfigError; only the SecretSync says why."""
    with pytest.raises(secret_sync.RefusedError) as caught:
        secret_sync.secret(obj, source, account=account)
    assert words in str(caught.value)
    status = secret_sync.status(obj, str(caught.value), NOW)
    assert [condition["status"] for condition in status["conditions"]] == ["False"]
    assert "lastSuccessfulSyncTime" not in status, "whatever waits for the Secret would go on without it"


def test_the_time_of_the_last_write_stays_until_there_is_another() -> None:
    """Programs wait for it; written anew in every round it would be a change of the object in every round."""
    obj = sync()
    obj["status"] = secret_sync.status(obj, None, NOW)
    assert obj["status"]["lastSuccessfulSyncTime"] == NOW
    assert secret_sync.status(obj, None, "2026-02-02T00:00:00Z") == obj["status"]
    obj["metadata"]["generation"] = 9
    assert secret_sync.status(obj, None, "2026-02-02T00:00:00Z")["lastSuccessfulSyncTime"] == "2026-02-02T00:00:00Z"
    failed = secret_sync.status(obj, "gone", "2026-03-03T00:00:00Z")
    assert failed["lastSuccessfulSyncTime"] == NOW, "the Secret of then is still there"


def test_monitoring_condition_is_written_once() -> None:
    """The condition says that the configuration was taken, for the generation that was."""
    obj = named("m")
    obj["status"] = monitoring_status(obj, NOW)
    (found,) = obj["status"]["conditions"]
    assert (found["type"], found["status"], obj["status"]["observedGeneration"]) == (
        "ConfigurationCreateSuccess",
        "True",
        3,
    )
    assert monitoring_status(obj, "2026-02-02T00:00:00Z") == obj["status"]


def test_at_a_real_api_server(running_cluster: ClusterRuntime, namespace: str) -> None:
    """A SecretSync becomes a Secret once what it names is there, and says so; so does a PodMonitoring."""
    client = running_cluster.client

    def create(version: str, kind: str, name: str, **fields: Any) -> None:
        client.create(
            {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **fields}
        )

    def status(version: str, kind: str, name: str, condition: str) -> str:
        found = client.get(version, kind, name, namespace) or {}
        conditions: list[Object] = found.get("status", {}).get("conditions", [])
        return next((item["status"] for item in conditions if item["type"] == condition), "")

    group = "secret-sync.gke.io/v1"
    create(group, "SecretSync", "token", spec=sync()["spec"])
    eventually(lambda: status(group, "SecretSync", "token", "Create") == "False", "it says what is missing")
    create("v1", "ServiceAccount", "reader")
    create("secrets-store.csi.x-k8s.io/v1", "SecretProviderClass", "tokens", spec=provider()["spec"])
    eventually(lambda: client.get("v1", "Secret", "token", namespace), "the Secret is there")
    eventually(lambda: status(group, "SecretSync", "token", "Create") == "True", "it says so")
    written = client.get(group, "SecretSync", "token", namespace)
    assert written is not None
    assert missing({**written, "metadata": {**written["metadata"], "annotations": UNTIL_WRITTEN}}) == []
    monitoring = "monitoring.googleapis.com/v1"
    scrape = {"selector": {"matchLabels": {"app": "x"}}, "endpoints": [{"port": "metrics", "interval": "30s"}]}
    create(monitoring, "PodMonitoring", "m", spec=scrape)
    eventually(
        lambda: status(monitoring, "PodMonitoring", "m", "ConfigurationCreateSuccess") == "True", "monitoring is taken"
    )
