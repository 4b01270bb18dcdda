"""Objects on a real API server: create, change, conflict, delete, read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.kube.client import Client
from sandbox.plugin.values import UNKNOWN, Properties
from tests.sandbox.kubernetes.charts import RELEASE
from tests.sandbox.kubernetes.engine import (
    Engine,
    InitFailedError,
    RefusedByProviderError,
    Resource,
    in_background,
)
from tests.sandbox.support import eventually

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
NAMESPACE = "kubernetes:core/v1:Namespace"
SERVICE = "kubernetes:core/v1:Service"
CRD = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"


def config_map(namespace: str, name: str = "settings", **data: str) -> Properties:
    """The program's inputs of a ConfigMap."""
    return {"metadata": {"name": name, "namespace": namespace}, "data": data}


def service(namespace: str, *ports: int) -> Properties:
    """The program's inputs of a Service; ports can change in place."""
    entries = [{"name": f"p{port}", "port": port} for port in ports]
    return {"metadata": {"name": "web", "namespace": namespace}, "spec": {"selector": {"a": "b"}, "ports": entries}}


def crd(group: str, kind: str = "Thing") -> Properties:
    """The program's inputs of a CustomResourceDefinition."""
    plural = f"{kind.lower()}s"
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"size": {"type": "integer", "maximum": 3}}},
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    return {
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


@pytest.fixture
def things(engine: Engine, namespace: str) -> str:
    """The token of a custom resource whose CRD is this test's own."""
    group = f"{namespace}.example.com"
    engine.create(CRD, "crd", crd(group))
    return f"kubernetes:{group}/v1:Thing"


def test_life_of_an_object(engine: Engine, client: Client, namespace: str) -> None:
    """Created, found unchanged, changed, imported, deleted; each diff in between is what happened."""
    made = engine.create(SERVICE, "web", service(namespace, 80))
    assert made.id == f"{namespace}/web"
    assert made.state["spec"]["clusterIP"]
    assert not engine.diff(made, service(namespace, 80)).diffs

    read = engine.refresh(made)
    assert read == made
    changed = engine.update(made, service(namespace, 80, 81))
    assert [port["port"] for port in changed.state["spec"]["ports"]] == [80, 81]

    client.merge_patch("v1", "Service", "web", namespace, {"spec": {"selector": {"a": "drifted"}}})
    drifted = engine.refresh(changed)
    assert drifted is not None
    assert list(engine.diff(drifted, service(namespace, 80, 81)).detailedDiff) == ["spec.selector.a"]

    imported = engine.imported(SERVICE, "web", made.id)
    assert imported is not None
    engine.delete(drifted)
    assert engine.refresh(drifted) is None
    engine.delete(drifted)


def test_an_import_of_what_this_program_made_differs_in_nothing(engine: Engine, namespace: str) -> None:
    """An `up` that was killed after the creation is repaired by an import, without a change."""
    engine.create(SERVICE, "web", service(namespace, 80))
    imported = engine.imported(SERVICE, "web", f"{namespace}/web")
    assert imported is not None
    assert not engine.diff(imported, service(namespace, 80)).diffs


def test_what_exists_is_not_taken_over(engine: Engine, namespace: str) -> None:
    """Creation refuses an object that is there, and says how to adopt it."""
    engine.create(CONFIG_MAP, "first", config_map(namespace, a="1"))
    with pytest.raises(RefusedByProviderError) as refusal:
        engine.create(CONFIG_MAP, "second", config_map(namespace, a="2"))
    assert 'configmaps "settings" already exists' in str(refusal.value)
    assert f"import_='{namespace}/settings'" in str(refusal.value)


def test_a_field_of_another_manager_is_a_conflict(engine: Engine, client: Client, namespace: str) -> None:
    """The other manager is named, and the annotation that takes the field over."""
    made = engine.create(SERVICE, "web", service(namespace, 80))
    client.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"selector": {"a": "theirs"}},
        },
        field_manager="somebody-else",
        force=True,
    )
    changed = service(namespace, 80)
    changed["spec"]["selector"]["a"] = "mine"
    for preview in (True, False):
        with pytest.raises(RefusedByProviderError, match='conflict with "somebody-else"') as refusal:
            engine.update(made, changed, preview=preview)
        assert "pulumi.com/patchForce" in str(refusal.value)
    changed["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    assert engine.update(made, changed).state["spec"]["selector"] == {"a": "mine"}


def test_a_misspelt_field_is_an_error_of_one_line(engine: Engine, namespace: str) -> None:
    """Fields are validated strictly, at preview already."""
    wrong = config_map(namespace, a="1") | {"dat": {"a": "1"}}
    for preview in (True, False):
        with pytest.raises(RefusedByProviderError) as refusal:
            engine.create(CONFIG_MAP, "x", wrong, preview=preview)
        assert 'unknown field "dat"' in str(refusal.value) or ".dat: field not declared" in str(refusal.value)
        assert "Traceback" not in str(refusal.value)


def test_validation_of_a_custom_resource(engine: Engine, things: str, namespace: str) -> None:
    """The API server's own words reach the user."""
    with pytest.raises(RefusedByProviderError, match="should be less than or equal to 3"):
        engine.create(things, "x", {"metadata": {"name": "x", "namespace": namespace}, "spec": {"size": 9}})


def test_a_kind_that_comes_later_is_waited_for(engine: Engine, namespace: str) -> None:
    """Incident: a custom resource in the same run as the Helm release with its CRD failed with "no matches"."""
    group = f"{namespace}.example.com"
    token = f"kubernetes:{group}/v1:Thing"
    finish = in_background(
        lambda: engine.create(token, "x", {"metadata": {"name": "x", "namespace": namespace}, "spec": {"size": 1}})
    )
    engine.create(CRD, "crd", crd(group))
    made: Resource = finish()
    assert made.state["spec"] == {"size": 1}


def test_a_kind_that_never_comes(engine: Engine, namespace: str) -> None:
    """The time limit ends with the kind and the version that are not there."""
    news = {"metadata": {"name": "x", "namespace": namespace}}
    with pytest.raises(RefusedByProviderError, match=r'kind "Thing" in version "nowhere\.example\.com/v1"'):
        engine.create("kubernetes:nowhere.example.com/v1:Thing", "x", news, timeout=1)


def test_a_namespace_that_comes_later_is_waited_for(engine: Engine, namespace: str) -> None:
    """A namespace that a Helm release or a controller makes need not be there yet."""
    later = f"{namespace}-later"
    finish = in_background(lambda: engine.create(CONFIG_MAP, "x", config_map(later, a="1")))
    engine.create(NAMESPACE, "later", {"metadata": {"name": later}})
    assert finish().id == f"{later}/settings"


def test_a_namespace_is_deleted_with_what_is_in_it(engine: Engine, client: Client, namespace: str) -> None:
    """The deletion of a namespace ends when the namespace controller is done."""
    made = engine.create(NAMESPACE, "doomed", {"metadata": {"name": f"{namespace}-doomed"}})
    engine.create(CONFIG_MAP, "x", config_map(f"{namespace}-doomed", a="1"))
    engine.delete(made)
    assert client.get("v1", "Namespace", f"{namespace}-doomed") is None


def test_a_webhook_that_does_not_answer_yet_is_waited_for(
    engine: Engine, client: Client, things: str, namespace: str
) -> None:
    """Incident: objects of KServe failed with "failed calling webhook" while its controller was starting."""
    group, name = things.removeprefix("kubernetes:").removesuffix("/v1:Thing"), f"hook-{namespace}"
    hook = {
        "name": "late.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/validate"},
        "rules": [{"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["things"]}],
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [hook],
    }
    client.create(configuration)
    news = {"metadata": {"name": "x", "namespace": namespace}}
    probe = {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": "probe", "namespace": namespace}}
    eventually(lambda: _is_refused(client, probe), "the webhook is called")
    with pytest.raises(RefusedByProviderError, match="failed calling webhook"):
        engine.create(things, "x", news, timeout=1)
    finish = in_background(lambda: engine.create(things, "x", news))
    client.delete("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", name)
    assert finish().id == f"{namespace}/x"


def _is_refused(client: Client, obj: Properties) -> bool:
    try:
        client.apply(obj, field_manager="probe", dry_run=True)
    except Exception as error:  # noqa: BLE001 - the message decides
        return "failed calling webhook" in str(error)
    return False


def test_previews_without_a_server(offline: Engine) -> None:
    """Invariant: check, diff and preview of what is in the state make no connection."""
    old = offline.create(CONFIG_MAP, "x", config_map("n", a="1"), preview=True)
    assert old.id == ""
    assert old.state["data"] == {"a": "1"}
    assert old.state["metadata"]["uid"] == UNKNOWN
    assert not offline.diff(old, config_map("n", a="1")).diffs
    assert offline.diff(old, config_map("n", a="2")).replaces == ["data.a"]


def test_an_unknown_kubeconfig_is_no_error_at_preview(engine_for: Callable[[Properties], Engine]) -> None:
    """The cluster is made in the same run: its kubeconfig is not known yet."""
    engine = engine_for({"kubeconfig": UNKNOWN})
    assert engine.create(CONFIG_MAP, "x", config_map(UNKNOWN, a="1"), preview=True).state["data"] == {"a": "1"}
    with pytest.raises(RefusedByProviderError, match="kubeconfig is not known yet"):
        engine.create(CONFIG_MAP, "x", config_map("n", a="1"))


def test_no_kubeconfig_is_an_error_and_the_users_own_is_not_used(
    engine_for: Callable[[Properties], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant: the sandbox never finds its way to a real cluster by accident."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with pytest.raises(RefusedByProviderError, match=r"does not use ~/\.kube/config"):
        engine_for({}).create(CONFIG_MAP, "x", config_map("n", a="1"))


def test_a_cluster_that_is_gone(offline: Engine, engine_for: Callable[[Properties], Engine], kubeconfig: str) -> None:
    """Deleting from a cluster that does not answer is an error, unless the provider is told otherwise."""
    made = Resource(
        Engine.urn(CONFIG_MAP, "x"),
        CONFIG_MAP,
        "x",
        "n/settings",
        {},
        {"apiVersion": "v1", "kind": "ConfigMap", **config_map("n")},
    )
    with pytest.raises(RefusedByProviderError, match="deleteUnreachable"):
        offline.delete(made, timeout=0.5)
    server = kubeconfig.split("server: ")[1].split("\n", maxsplit=1)[0]
    gone = engine_for({"kubeconfig": kubeconfig.replace(server, "https://127.0.0.1:1"), "deleteUnreachable": "true"})
    gone.delete(made, timeout=0.5)
    with pytest.raises(RefusedByProviderError, match="cannot reach the API server"):
        offline.refresh(made)
    assert gone.refresh(made) is None


def test_releases_of_a_cluster_that_is_gone(
    engine_for: Callable[[Properties], Engine], kubeconfig: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The same holds for what Helm would uninstall."""
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path))
    server = kubeconfig.split("server: ")[1].split("\n", maxsplit=1)[0]
    elsewhere = kubeconfig.replace(server, "https://127.0.0.1:1")
    state = {"name": "demo", "namespace": "n"}
    made = Resource(Engine.urn(RELEASE, "demo"), RELEASE, "demo", "n/demo", {}, state)
    with pytest.raises(RefusedByProviderError, match="deleteUnreachable"):
        engine_for({"kubeconfig": elsewhere}).delete(made)
    engine_for({"kubeconfig": elsewhere, "deleteUnreachable": "true"}).delete(made)


def test_the_wait_annotation_decides_when_a_custom_resource_is_ready(
    engine: Engine, client: Client, things: str, namespace: str
) -> None:
    """`pulumi.com/waitFor` holds the creation until the condition is there."""
    group = things.split(":")[1]
    annotations = {"pulumi.com/waitFor": "condition=Ready"}
    finish = in_background(
        lambda: engine.create(
            things, "x", {"metadata": {"name": "x", "namespace": namespace, "annotations": annotations}}
        )
    )
    eventually(lambda: client.get(group, "Thing", "x", namespace), "the object is there")
    status = {"conditions": [{"type": "Ready", "status": "True", "reason": "Made", "message": ""}]}
    client.merge_patch(group, "Thing", "x", namespace, {"status": status}, subresource="status")
    assert finish().state["status"]["conditions"][0]["status"] == "True"


def test_what_is_not_ready_in_time_stays_in_the_state(engine: Engine, things: str, namespace: str) -> None:
    """The engine keeps the object, so that the next update waits for it again instead of finding it in the way."""
    metadata = {"name": "x", "namespace": namespace, "annotations": {"pulumi.com/waitFor": "condition=Ready"}}
    with pytest.raises(InitFailedError) as failure:
        engine.create(things, "x", {"metadata": metadata}, timeout=1)
    assert failure.value.id == f"{namespace}/x"
    assert failure.value.state["metadata"]["name"] == "x"
    assert f"Thing {namespace}/x is not ready, not within 1 s: there is no condition Ready yet" in str(failure.value)


def test_ctrl_c_ends_the_wait_and_keeps_the_object(engine: Engine, client: Client, things: str, namespace: str) -> None:
    """A cancelled operation says so at once; what it made is in the state."""
    metadata = {"name": "x", "namespace": namespace, "annotations": {"pulumi.com/waitFor": "condition=Ready"}}
    finish = in_background(lambda: engine.create(things, "x", {"metadata": metadata}))
    eventually(lambda: client.get(things.split(":")[1], "Thing", "x", namespace), "the object is there")
    engine.cancel()
    with pytest.raises(InitFailedError, match="the operation was cancelled"):
        finish()


def test_a_finalizer_keeps_the_deletion_waiting(engine: Engine, client: Client, namespace: str) -> None:
    """Deletion ends when the object is gone; until then the finalizer is named."""
    news = config_map(namespace, a="1")
    news["metadata"]["finalizers"] = ["example.com/hold"]
    made = engine.create(CONFIG_MAP, "x", news)
    with pytest.raises(RefusedByProviderError, match=r"example\.com/hold"):
        engine.delete(made, timeout=1)
    finish = in_background(lambda: engine.delete(made))
    client.merge_patch("v1", "ConfigMap", "settings", namespace, {"metadata": {"finalizers": None}})
    finish()
    assert client.get("v1", "ConfigMap", "settings", namespace) is None


def test_objects_of_a_kind_that_is_gone_are_gone(engine: Engine, client: Client, things: str, namespace: str) -> None:
    """A chart that took its CRDs along took their objects along too."""
    made = engine.create(things, "x", {"metadata": {"name": "x", "namespace": namespace}})
    group = things.removeprefix("kubernetes:").removesuffix("/v1:Thing")
    client.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"things.{group}")
    eventually(
        lambda: engine.refresh(made) is None,
        "the API server stops serving the kind",
    )
    engine.delete(made)


def test_a_deployment_that_cannot_run_says_why(engine: Engine, namespace: str) -> None:
    """The error of a rollout names the pods and the scheduler's or kubelet's reason, not only the time that passed."""
    labels = {"app": "model"}
    news = {
        "metadata": {"name": "model", "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "nodeSelector": {"no-such": "node"},
                    "containers": [{"name": "m", "image": "example.com/model:1"}],
                },
            },
        },
    }
    with pytest.raises(InitFailedError) as failure:
        engine.create("kubernetes:apps/v1:Deployment", "model", news, timeout=3)
    assert "0 of 1 replicas are available" in str(failure.value)
    assert "is Pending" in str(failure.value)
