"""What a Certificate's Secret must hold, and when a new one is due.

Owns the decisions and the shapes, on plain values: Secret, conditions. Does not own reading and writing: `controller`.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509

from sandbox.certificates import issuing
from sandbox.certificates.issuing import KeyPair
from sandbox.node.conditions import condition

Object = dict[str, Any]


def key_pair(secret: Object | None) -> KeyPair | None:
    """The key pair in a TLS Secret, None when a part is missing."""
    data: Object = (secret or {}).get("data") or {}
    if not data.get("tls.crt") or not data.get("tls.key"):
        return None
    return KeyPair(
        certificate=base64.b64decode(data["tls.crt"]),
        key=base64.b64decode(data["tls.key"]),
        ca=base64.b64decode(data.get("ca.crt", "")),
    )


def reason_to_issue(certificate: Object, secret: Object | None, now: datetime) -> tuple[str, str] | None:
    """(reason, message) when a new certificate is due, in cert-manager's words; None when the Secret is right."""
    if secret is None:
        return "DoesNotExist", "Issuing certificate as Secret does not exist"
    pair, spec = key_pair(secret), certificate["spec"]
    held = _parsed(pair)
    if held is None:
        return "InvalidData", "Issuing certificate as Secret contains no valid key pair"
    reference: Object = spec.get("issuerRef") or {}
    annotations: Object = secret["metadata"].get("annotations") or {}
    if annotations.get("cert-manager.io/issuer-name") != reference.get("name"):
        return "IncorrectIssuer", "Issuing certificate as Secret was previously issued by another issuer"
    if not issuing.describes(held, spec):
        return "SecretMismatch", "Existing issued Secret is not up to date for spec"
    if now >= renewal_time(held, spec):
        return "Renewing", "Renewing certificate as renewal was scheduled"
    return None


def _parsed(pair: KeyPair | None) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(pair.certificate) if pair is not None else None
    except ValueError:
        return None


def renewal_time(held: x509.Certificate, spec: Object) -> datetime:
    """When to renew: `renewBefore` ahead of the end, or after two thirds of the lifetime."""
    lifetime = held.not_valid_after_utc - held.not_valid_before_utc
    ahead = issuing.duration(spec["renewBefore"]) if spec.get("renewBefore") else lifetime / 3
    return held.not_valid_after_utc - min(ahead, lifetime - timedelta(seconds=1))


def secret_for(certificate: Object, pair: KeyPair) -> Object:
    """The TLS Secret for a newly issued key pair, with cert-manager's annotations."""
    metadata, spec = certificate["metadata"], certificate["spec"]
    reference: Object = spec.get("issuerRef") or {}
    template: Object = spec.get("secretTemplate") or {}
    annotations = {
        **(template.get("annotations") or {}),
        "cert-manager.io/alt-names": ",".join(spec.get("dnsNames") or []),
        "cert-manager.io/certificate-name": metadata["name"],
        "cert-manager.io/common-name": spec.get("commonName", ""),
        "cert-manager.io/ip-sans": ",".join(spec.get("ipAddresses") or []),
        "cert-manager.io/issuer-group": reference.get("group", ""),
        "cert-manager.io/issuer-kind": reference.get("kind") or "Issuer",
        "cert-manager.io/issuer-name": reference.get("name", ""),
        "cert-manager.io/uri-sans": ",".join(spec.get("uris") or []),
    }
    labels = {**(template.get("labels") or {}), "controller.cert-manager.io/fao": "true"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": spec["secretName"],
            "namespace": metadata["namespace"],
            "annotations": annotations,
            "labels": labels,
        },
        "type": "kubernetes.io/tls",
        "data": {
            "tls.crt": base64.b64encode(pair.certificate).decode(),
            "tls.key": base64.b64encode(pair.key).decode(),
            "ca.crt": base64.b64encode(pair.ca).decode(),
        },
    }


def ready_status(certificate: Object, pair: KeyPair) -> Object:
    """The status fields, without conditions, of a Certificate whose Secret is right."""
    held = x509.load_pem_x509_certificate(pair.certificate)
    return {
        "notBefore": _text(held.not_valid_before_utc),
        "notAfter": _text(held.not_valid_after_utc),
        "renewalTime": _text(renewal_time(held, certificate["spec"])),
    }


def ready(certificate: Object) -> Object:
    """The condition of a Certificate whose Secret is right."""
    generation = certificate["metadata"].get("generation")
    return condition("Ready", "True", "Ready", "Certificate is up to date and has not expired", generation=generation)


def not_ready(certificate: Object, reason: str, message: str) -> Object:
    """The condition of a Certificate whose Secret is not there yet."""
    return condition("Ready", "False", reason, message, generation=certificate["metadata"].get("generation"))


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
