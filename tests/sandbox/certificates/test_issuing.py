"""Certificates as cert-manager's users ask for them."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sandbox.certificates import certificates, issuing
from sandbox.certificates.issuing import IssuingError, KeyPair

Object = dict[str, Any]

CA_SPEC: Object = {"commonName": "ca", "isCA": True, "privateKey": {"algorithm": "ECDSA"}}
SPEC: Object = {
    "secretName": "serving",
    "dnsNames": ["webhook.kserve.svc"],
    "issuerRef": {"name": "issuer"},
    "privateKey": {"algorithm": "ECDSA"},
}


def certificate(**changes: Any) -> Object:
    """A Certificate object."""
    return {"metadata": {"name": "c", "namespace": "n", "generation": 1}, "spec": {**SPEC, **changes}}


def parsed(pair: KeyPair) -> x509.Certificate:
    """The leaf."""
    return x509.load_pem_x509_certificate(pair.certificate)


@pytest.mark.parametrize(
    ("wanted", "kind", "size"),
    [
        (None, rsa.RSAPublicKey, 2048),
        ({"algorithm": "RSA", "size": 4096}, rsa.RSAPublicKey, 4096),
        ({"algorithm": "ECDSA"}, ec.EllipticCurvePublicKey, 256),
        ({"algorithm": "ECDSA", "size": 384}, ec.EllipticCurvePublicKey, 384),
    ],
    ids=["default", "rsa-4096", "ecdsa", "ecdsa-384"],
)
def test_keys(wanted: Object | None, kind: type, size: int) -> None:
    """cert-manager's default is RSA 2048."""
    key = parsed(issuing.issue({**SPEC, "privateKey": wanted})).public_key()
    assert isinstance(key, kind)
    assert getattr(key, "key_size", 0) == size


def test_signed_by_a_ca_verifies_in_tls(tmp_path: Path) -> None:
    """`ca.crt` of the Secret must be what verifies `tls.crt`: the API server gets it as caBundle."""
    pair = issuing.issue(SPEC, ca=issuing.issue(CA_SPEC))
    file = tmp_path / "pair.pem"
    file.write_bytes(pair.certificate + pair.key)
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cadata=pair.ca.decode())
    server.load_cert_chain(file)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client_side = client.wrap_bio(incoming, outgoing, server_hostname="webhook.kserve.svc")
    server_side = server.wrap_bio(outgoing, incoming, server_side=True)
    for _ in range(4):
        for side in (client_side, server_side):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert client_side.version() is not None


def test_duration_and_self_signed_default() -> None:
    """Ninety days unless asked otherwise."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert parsed(issuing.issue(SPEC, now=now)).not_valid_after_utc - now == timedelta(days=90)
    assert parsed(issuing.issue({**SPEC, "duration": "1h30m0s"}, now=now)).not_valid_after_utc - now == timedelta(
        minutes=90
    )


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"dnsNames": []}, "none of commonName, dnsNames"),
        ({"duration": "90 days"}, "write hours, such as 2160h"),
        ({"privateKey": {"algorithm": "DSA"}}, "write RSA, ECDSA or Ed25519"),
        ({"ipAddresses": ["localhost"]}, "spec.ipAddresses"),
    ],
)
def test_bad_specifications_name_the_field(spec: Object, words: str) -> None:
    """The text ends up in the Certificate's condition."""
    with pytest.raises(IssuingError, match=words):
        issuing.issue({**SPEC, **spec})


def test_a_leaf_is_no_ca() -> None:
    """A CA issuer on a Secret that holds an ordinary certificate must not become Ready."""
    with pytest.raises(IssuingError, match="isCA: true"):
        issuing.issue(SPEC, ca=issuing.issue(SPEC))


def test_reasons_to_issue() -> None:
    """A certificate is issued once, and again when the Certificate, its issuer or the time says so."""
    now = datetime.now(UTC)
    wanted = certificate()
    secret = certificates.secret_for(wanted, issuing.issue(SPEC))

    def reason(obj: Object, held: Object | None, at: datetime = now) -> str | None:
        found = certificates.reason_to_issue(obj, held, at)
        return found[0] if found is not None else None

    assert reason(wanted, None) == "DoesNotExist"
    assert reason(wanted, secret) is None
    assert reason(wanted, {**secret, "data": {}}) == "InvalidData"
    assert reason(certificate(dnsNames=["other.svc"]), secret) == "SecretMismatch"
    assert reason(certificate(issuerRef={"name": "other"}), secret) == "IncorrectIssuer"
    assert reason(wanted, secret, now + timedelta(days=59)) is None
    assert reason(wanted, secret, now + timedelta(days=61)) == "Renewing"
