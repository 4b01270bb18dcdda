"""The part of `cert-manager-cainjector`: CA certificates into whatever the API server calls by TLS.

Owns the annotations `cert-manager.io/inject-ca-from`, `inject-ca-from-secret` and `inject-apiserver-ca`. Only the
caBundle fields are written, so an owner that applies the object again without them does not conflict. CRDs have a loop of
their own, as they have a controller of their own in cert-manager: the API server needs seconds for each patch of a large one,
and meanwhile Helm takes a chart for installed and sends the next one through its webhooks.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.certificates.controller import tls_only
from sandbox.certificates.resident import Resident
from sandbox.kube.client import ApiError, Client
from sandbox.node.informer import Informer
from sandbox.node.isolation import Isolation
from sandbox.node.reconciler import Reconciler

Object = dict[str, Any]

_RETRY_SECONDS = 1.0
_RESYNC_SECONDS = 30.0

_FROM_CERTIFICATE = "cert-manager.io/inject-ca-from"
_FROM_SECRET = "cert-manager.io/inject-ca-from-secret"  # noqa: S105 - an annotation
_FROM_API_SERVER = "cert-manager.io/inject-apiserver-ca"
_ALLOW = "cert-manager.io/allow-direct-injection"


def patch_for(obj: Object, bundle: str) -> Object | None:
    """The merge patch that puts `bundle` (base64) into `obj`; None when it is there or nothing takes it."""
    kind = obj["kind"]
    if kind in {"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"}:
        webhooks: list[Object] = obj.get("webhooks") or []
        if all(item["clientConfig"].get("caBundle") == bundle for item in webhooks):
            return None
        done = [{**item, "clientConfig": {**item["clientConfig"], "caBundle": bundle}} for item in webhooks]
        return {"metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]}, "webhooks": done}
    if kind == "CustomResourceDefinition":
        conversion: Object = obj["spec"].get("conversion") or {}
        held: Object = (conversion.get("webhook") or {}).get("clientConfig") or {}
        if conversion.get("strategy") != "Webhook" or held.get("caBundle") == bundle:
            return None
        return {"spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": bundle}}}}}
    if kind == "APIService":
        return None if obj["spec"].get("caBundle") == bundle else {"spec": {"caBundle": bundle}}
    return None


def without_schemas(crd: Object) -> Object:
    """A CRD without its schemas: megabytes that nobody here reads."""
    spec = {key: value for key, value in crd["spec"].items() if key != "versions"}
    return {**crd, "spec": spec, "metadata": {**crd["metadata"], "managedFields": []}}


class _Definitions(Reconciler):
    """The loop of the CRDs among `definitions`: `inject` is called for each, and what it refuses is told by `say`."""

    def __init__(
        self, client: Client, definitions: Informer, inject: Callable[[Object], None], say: Callable[[str], None]
    ) -> None:
        super().__init__(client, "cert-manager-cainjector CRDs", resync=_RESYNC_SECONDS, retry=_RETRY_SECONDS)
        self._definitions = definitions
        self._inject = inject
        self._isolation = Isolation("cert-manager-cainjector", say)

    def reconcile(self) -> bool:
        """One round over all CRDs."""
        for obj in self._definitions.items():
            with self._isolation.of(obj):
                self._inject(obj)
        return not self._isolation.asks_for_another_round()


class CaInjectorWorkload(Resident):
    """Plays the container of `cert-manager-cainjector`."""

    def __init__(self, client: Client, *, log: Path | None, on_change: Callable[[], None]) -> None:
        super().__init__("cert-manager-cainjector", log=log, on_change=on_change)
        self._client = client
        registration = "admissionregistration.k8s.io/v1"
        self._targets = [
            Informer(client, registration, "ValidatingWebhookConfiguration", on_change=self.wake),
            Informer(client, registration, "MutatingWebhookConfiguration", on_change=self.wake),
            Informer(client, "apiregistration.k8s.io/v1", "APIService", on_change=self.wake),
        ]
        self._certificates = Informer(client, "cert-manager.io/v1", "Certificate", on_change=self.wake)
        self._secrets = Informer(client, "v1", "Secret", on_change=self.wake, transform=tls_only)
        definitions = Informer(
            client,
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            on_change=self.wake,
            transform=without_schemas,
        )
        self._definitions = _Definitions(client, definitions, self._inject, self.say)
        self._informers = [*self._targets, definitions, self._certificates, self._secrets]

    def begin(self) -> None:
        """The CRDs' loop as well."""
        self._definitions.start()

    def end(self) -> None:
        """The CRDs' loop as well."""
        self._definitions.stop()

    def wake(self) -> None:
        """Asks for a round of everything soon."""
        super().wake()
        self._definitions.wake()

    def reconcile(self) -> None:
        """One round over everything else that carries one of the annotations."""
        for informer in self._targets:
            for obj in informer.items():
                with self.isolation.of(obj):
                    self._inject(obj)

    def _inject(self, obj: Object) -> None:
        bundle = self._bundle(obj)
        patch = patch_for(obj, bundle) if bundle else None
        if patch is None:
            return
        kind, name = obj["kind"], obj["metadata"]["name"]
        try:
            self._client.merge_patch(obj["apiVersion"], kind, name, None, patch)
        except ApiError as error:
            if error.status not in {404, 409}:
                raise
            return  # changed or gone meanwhile; its event wakes the next round
        self.say(f"{kind} {name}: CA injected")

    def _bundle(self, obj: Object) -> str | None:
        annotations: Object = obj["metadata"].get("annotations") or {}
        if annotations.get(_FROM_CERTIFICATE):
            return self._from_certificate(obj, annotations[_FROM_CERTIFICATE])
        if annotations.get(_FROM_SECRET):
            return self._from_secret(obj, annotations[_FROM_SECRET])
        if annotations.get(_FROM_API_SERVER) == "true":
            return self._from_api_server()
        return None

    def _from_certificate(self, obj: Object, reference: str) -> str | None:
        namespace, _, name = reference.partition("/")
        certificate = self._certificates.get(namespace, name)
        if certificate is None:
            self.say(f"{obj['kind']} {obj['metadata']['name']}: Certificate {reference} does not exist yet")
            return None
        secret = self._secrets.get(namespace, certificate["spec"]["secretName"])
        if secret is None:
            return None
        owner = (secret["metadata"].get("annotations") or {}).get("cert-manager.io/certificate-name")
        return secret["data"].get("ca.crt") if owner == name else None

    def _from_secret(self, obj: Object, reference: str) -> str | None:
        namespace, _, name = reference.partition("/")
        secret = self._secrets.get(namespace, name)
        if secret is None:
            return None
        if (secret["metadata"].get("annotations") or {}).get(_ALLOW) != "true":
            self.say(
                f'{obj["kind"]} {obj["metadata"]["name"]}: Secret {reference} lacks the annotation {_ALLOW}: "true"'
            )
            return None
        return secret["data"].get("ca.crt")

    def _from_api_server(self) -> str | None:
        root = self._client.get("v1", "ConfigMap", "kube-root-ca.crt", "default")
        text: str | None = (root or {}).get("data", {}).get("ca.crt")
        if text is None:
            return None
        return base64.b64encode(text.encode()).decode()
