"""CA bundles: written where they belong, and only there."""

from __future__ import annotations

from typing import Any

from sandbox.certificates.injector import patch_for
from sandbox.certificates.webhook import answer

Object = dict[str, Any]


def configuration(*bundles: str | None) -> Object:
    """A webhook configuration."""
    webhooks = [
        {"name": f"w{index}", "clientConfig": {"service": {"name": "s"}} | ({"caBundle": bundle} if bundle else {})}
        for index, bundle in enumerate(bundles)
    ]
    metadata = {"name": "c", "resourceVersion": "7"}
    return {"kind": "ValidatingWebhookConfiguration", "metadata": metadata, "webhooks": webhooks}


def test_every_webhook_gets_the_bundle_and_keeps_the_rest() -> None:
    """A merge patch replaces the whole list, so it must carry everything and refuse to overwrite a newer list."""
    patch = patch_for(configuration(None, "old"), "new")
    assert patch is not None
    assert patch["metadata"] == {"resourceVersion": "7"}
    assert [item["clientConfig"] for item in patch["webhooks"]] == [{"service": {"name": "s"}, "caBundle": "new"}] * 2
    assert patch_for(configuration("new", "new"), "new") is None


def test_crd_gets_it_only_with_a_conversion_webhook() -> None:
    """KServe's CRDs convert through a webhook, others do not."""
    crd: Object = {
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "c"},
        "spec": {"conversion": {"strategy": "None"}},
    }
    assert patch_for(crd, "new") is None
    crd["spec"]["conversion"] = {"strategy": "Webhook", "webhook": {"clientConfig": {"service": {"name": "s"}}}}
    assert patch_for(crd, "new") == {"spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": "new"}}}}}


def test_admission_allows_and_stamps_the_creator() -> None:
    """cert-manager decides by the identity in a CertificateRequest; the webhook writes it."""
    request: Object = {
        "uid": "1",
        "operation": "CREATE",
        "kind": {"kind": "CertificateRequest"},
        "userInfo": {"username": "me"},
    }
    review = {"apiVersion": "admission.k8s.io/v1", "request": request}
    response = answer(review, mutate=True)["response"]
    assert (response["uid"], response["allowed"], response["patchType"]) == ("1", True, "JSONPatch")
    assert "patch" not in answer(review, mutate=False)["response"]
