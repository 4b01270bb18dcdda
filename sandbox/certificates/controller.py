"""The part of `cert-manager-controller`: Issuers become Ready, Certificates become Secrets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.certificates import certificates, issuing
from sandbox.certificates.issuing import IssuingError, KeyPair
from sandbox.certificates.resident import Resident
from sandbox.kube.client import ApiError, Client
from sandbox.node.conditions import condition, merged
from sandbox.node.informer import Informer
from sandbox.node.status import now_text

Object = dict[str, Any]

_API = "cert-manager.io/v1"
_MANAGER = "cert-manager-certificates-issuing"
_TLS_KEYS = {"tls.crt", "tls.key", "ca.crt"}


def tls_only(secret: Object) -> Object:
    """A Secret without data that is not about TLS: Helm keeps whole releases in Secrets."""
    data: Object = secret.get("data") or {}
    return {**secret, "data": {key: value for key, value in data.items() if key in _TLS_KEYS}}


class IssuerWorkload(Resident):
    """Plays the container of `cert-manager-controller`."""

    def __init__(
        self, client: Client, arguments: Sequence[str], *, log: Path | None, on_change: Callable[[], None]
    ) -> None:
        super().__init__("cert-manager-controller", log=log, on_change=on_change)
        self._client = client
        flag = "--cluster-resource-namespace="
        given = [argument.removeprefix(flag) for argument in arguments if argument.startswith(flag)]
        self._cluster_namespace = given[-1] if given else "kube-system"
        self._issuers = Informer(client, _API, "Issuer", on_change=self.wake)
        self._cluster_issuers = Informer(client, _API, "ClusterIssuer", on_change=self.wake)
        self._certificates = Informer(client, _API, "Certificate", on_change=self.wake)
        self._secrets = Informer(client, "v1", "Secret", on_change=self.wake, transform=tls_only)
        self._informers = [self._issuers, self._cluster_issuers, self._certificates, self._secrets]

    def reconcile(self) -> None:
        """One round over all Issuers and Certificates."""
        if not self._secrets.synced:
            return
        for issuer in [*self._issuers.items(), *self._cluster_issuers.items()]:
            with self.isolation.of(issuer):
                self._reconcile_issuer(issuer)
        for certificate in self._certificates.items():
            if not certificate["metadata"].get("deletionTimestamp"):
                with self.isolation.of(certificate):
                    self._reconcile_certificate(certificate)

    def _reconcile_issuer(self, issuer: Object) -> None:
        self._write(issuer, [self._issuer_condition(issuer)], {})

    def _issuer_condition(self, issuer: Object) -> Object:
        generation = issuer["metadata"].get("generation")
        spec = issuer["spec"]
        if "selfSigned" in spec:
            return condition("Ready", "True", "IsReady", generation=generation)
        if "ca" not in spec:
            kind = next(iter(spec), "nothing")
            text = f"spec.{kind}: the sandbox issues from selfSigned and ca only; use one of them there"
            return condition("Ready", "False", "Unsupported", text, generation=generation)
        try:
            issuing.load_ca(self._ca_of(issuer))
        except IssuingError as error:
            text = f"Error getting keypair for CA issuer: {error}"
            return condition("Ready", "False", "ErrGetKeyPair", text, generation=generation)
        return condition("Ready", "True", "KeyPairVerified", "Signing CA verified", generation=generation)

    def _ca_of(self, issuer: Object) -> KeyPair:
        namespace = issuer["metadata"].get("namespace") or self._cluster_namespace
        name = issuer["spec"]["ca"]["secretName"]
        pair = certificates.key_pair(self._secrets.get(namespace, name))
        if pair is None:
            raise IssuingError(f'secret "{name}" not found in namespace {namespace}, or without tls.crt and tls.key')
        return pair

    def _reconcile_certificate(self, certificate: Object) -> None:
        metadata, spec = certificate["metadata"], certificate["spec"]
        try:
            secret = self._secrets.get(metadata["namespace"], spec["secretName"])
            due = certificates.reason_to_issue(certificate, secret, datetime.now(UTC))
            if due is not None:  # the copy of Secrets may be older than what this very loop has just written
                secret = self._client.get("v1", "Secret", spec["secretName"], metadata["namespace"])
                due = certificates.reason_to_issue(certificate, secret, datetime.now(UTC))
            if due is not None:
                secret = self._issue(certificate, due)
        except (IssuingError, ValueError, TypeError) as error:  # the latter where a Secret holds what cannot be read
            self.say(f"{_name_of(certificate)}: {error}")
            self._write(certificate, [certificates.not_ready(certificate, "Failed", str(error))], {})
            return
        pair = certificates.key_pair(secret)
        if pair is not None:
            self._write(
                certificate,
                [certificates.ready(certificate)],
                certificates.ready_status(certificate, pair),
                issued=due is not None,
            )

    def _issue(self, certificate: Object, due: tuple[str, str]) -> Object | None:
        """Issues and stores; None when the issuer is not there yet."""
        metadata, spec = certificate["metadata"], certificate["spec"]
        reference: Object = spec["issuerRef"]
        if (reference.get("kind") or "Issuer") == "ClusterIssuer":
            issuer = self._cluster_issuers.get("", reference["name"])
        else:
            issuer = self._issuers.get(metadata["namespace"], reference["name"])
        if issuer is None or not _holds(self._issuer_condition(issuer)):
            self._write(certificate, [certificates.not_ready(certificate, *due)], {})
            return None
        pair = issuing.issue(spec, ca=self._ca_of(issuer) if "ca" in issuer["spec"] else None)
        secret = certificates.secret_for(certificate, pair)
        self._client.apply(secret, field_manager=_MANAGER, force=True)
        self.say(f"{_name_of(certificate)}: {due[1]}")
        return secret

    def _write(self, obj: Object, wanted: list[Object], more: Object, *, issued: bool = False) -> None:
        before: Object = obj.get("status") or {}
        conditions = merged(before.get("conditions") or [], wanted, now_text())
        status: Object = {"conditions": conditions, **more}
        if issued:
            status["revision"] = int(before.get("revision", 0)) + 1
        if all(before.get(key) == value for key, value in status.items()):
            return
        metadata = obj["metadata"]
        place = (_API, obj["kind"], metadata["name"], metadata.get("namespace"))
        try:
            self._client.merge_patch(*place, {"status": status}, subresource="status")
        except ApiError as error:
            if error.status != 404:  # gone meanwhile
                raise


def _name_of(obj: Object) -> str:
    metadata = obj["metadata"]
    namespace = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{obj['kind'].lower()} {namespace}{metadata['name']}"


def _holds(item: Object) -> bool:
    return item["status"] == "True"
