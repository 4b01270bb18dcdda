"""What the provider waits for on a cluster: kinds and namespaces that come later, readiness, deletion."""

from __future__ import annotations

import pytest

from sandbox.kube.client import Client
from sandbox.plugin.values import Properties
from tests.sandbox.kubernetes.engine import (
    Engine,
    InitFailedError,
    RefusedByProviderError,
    Resource,
    in_background,
)
from tests.sandbox.kubernetes.objects import CONFIG_MAP, CRD, NAMESPACE, config_map, crd
from tests.sandbox.support import eventually, patient


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


def test_a_webhook_that_does_not_answer_is_an_error(
    engine: Engine, client: Client, things: str, namespace: str
) -> None:
    """The official plugin waits for no webhook: what needs a controller has to depend on the release that brings it."""
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
    with pytest.raises(RefusedByProviderError, match=r"not within 2 s: .*failed calling webhook.*depends_on"):
        engine.create(things, "x", news)
    client.delete("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", name)
    eventually(lambda: not _is_refused(client, probe), "the webhook is called no more")
    assert engine.create(things, "x", news).id == f"{namespace}/x"


def _is_refused(client: Client, obj: Properties) -> bool:
    try:
        client.apply(obj, field_manager="probe", dry_run=True)
    except Exception as error:  # noqa: BLE001 - the message decides
        return "failed calling webhook" in str(error)
    return False


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
        engine.create("kubernetes:apps/v1:Deployment", "model", news, timeout=patient(3))
    assert "0 of 1 replicas are available" in str(failure.value)
    assert "is Pending" in str(failure.value)
