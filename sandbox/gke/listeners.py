"""Why a Gateway's listener cannot be programmed: its certificates.

Owns the judgement of certificate sources and of the Secrets among them. One such listener keeps every change of its Gateway out,
also of the plain HTTP listener. Whether a certificate that is only named (Certificate Manager, pre-shared) exists is not looked
at: that is in the stack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rules import exposure, gateway_errors
from rules.gateway import GATEWAY_GROUP, is_regional_class
from sandbox.gke.model import Snapshot, key

Object = dict[str, Any]

TLS_KEYS = ("tls.crt", "tls.key")
_SECRET_METADATA = ("name", "namespace", "resourceVersion", "deletionTimestamp")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A condition of a listener that is False, with its reason and message."""

    kind: str
    reason: str
    message: str


def problem(listener: Object, gateway: Object, snapshot: Snapshot) -> Problem | None:
    """What keeps the listener from being programmed; None when nothing does."""
    if listener["protocol"] != "HTTPS":
        return None
    tls: Object = listener.get("tls") or {}
    references: list[Object] = tls.get("certificateRefs") or []
    return _sources(listener, gateway, tls, references) or next(
        (found for item in references if (found := _reference(item, gateway, snapshot)) is not None), None
    )


def blocking(gateway: Object, snapshot: Snapshot) -> str | None:
    """The error of the first listener that cannot be programmed, as the whole Gateway has it."""
    for listener in gateway["spec"].get("listeners", []):
        found = problem(listener, gateway, snapshot)
        if found is not None:
            return gateway_errors.not_translated(*key(gateway), found.message)
    return None


def without_values(secret: Object) -> Object:
    """What is looked at of a Secret: which keys of a certificate it has."""
    return _slim(secret, {name: "" for name in TLS_KEYS if name in (secret.get("data") or {})})


def with_certificate(secret: Object) -> Object:
    """What is served of a Secret: its certificate and key."""
    data: Object = secret.get("data") or {}
    return _slim(secret, {name: data[name] for name in TLS_KEYS if name in data})


def lacks(secret: Object) -> str | None:
    """Why a Secret is no certificate, in words: a key of it is missing; None where it is one."""
    absent = [name for name in TLS_KEYS if name not in secret["data"]]
    return f"Secret {'/'.join(key(secret))} has no {' and no '.join(absent)}" if absent else None


def place_of(reference: Object, gateway_namespace: str) -> tuple[str, str]:
    """Namespace and name of a certificateRef."""
    return reference.get("namespace") or gateway_namespace, reference["name"]


def _slim(secret: Object, data: Object) -> Object:
    metadata = {name: value for name, value in secret["metadata"].items() if name in _SECRET_METADATA}
    return {"metadata": metadata, "data": data}


def _sources(listener: Object, gateway: Object, tls: Object, references: list[Object]) -> Problem | None:
    options = frozenset(str(name) for name in tls.get("options") or {})
    annotations: Object = gateway["metadata"].get("annotations") or {}
    wanted_map = annotations.get(exposure.CERTIFICATE_MAP_ANNOTATION)
    class_name = gateway["spec"]["gatewayClassName"]
    has_map = wanted_map is not None and not is_regional_class(class_name)
    findings = exposure.check_certificates(listener["protocol"], bool(references), options, has_map, "tls")
    if not findings:
        return None
    without_effect = [] if findings[0].value else exposure.check_certificate_map(class_name, wanted_map)
    reason = (without_effect or findings)[0].reason
    complaint = f'Error {gateway_errors.CERTIFICATES}: listener "{listener["name"]}": {reason}.'
    return Problem(kind="Accepted", reason="Invalid", message=complaint)


def _reference(reference: Object, gateway: Object, snapshot: Snapshot) -> Problem | None:
    own = key(gateway)[0]
    namespace, name = place_of(reference, own)
    target = (reference.get("group", ""), reference.get("kind", "Secret"), namespace, name)
    if namespace != own and not snapshot.granted((GATEWAY_GROUP, "Gateway", own), target):
        message = f"Error {gateway_errors.NOT_FOUND}: no ReferenceGrant permits Secret {namespace}/{name}."
        return Problem(kind="ResolvedRefs", reason="RefNotPermitted", message=message)
    if snapshot.secrets is None:
        return None
    secret = snapshot.secrets.get((namespace, name)) if target[:2] == ("", "Secret") else None
    if secret is None:
        message = gateway_errors.secret_missing(namespace, name)
    elif missing := lacks(secret):
        message = f"Error {gateway_errors.NOT_FOUND}: {missing}."
    else:
        return None
    return Problem(kind="ResolvedRefs", reason="InvalidCertificateRef", message=message)
