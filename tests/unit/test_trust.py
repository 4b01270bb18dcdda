"""The sandbox's programs trust the clusters that are reached by name, and what the machine trusts."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sandbox import trust


def authority(name: str) -> str:
    """A certificate authority, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now,
        not_valid_after=now + timedelta(days=1),
    ).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def trusted(path: Path) -> set[str]:
    """Names of the authorities that OpenSSL reads from the file."""
    context = ssl.create_default_context(cafile=str(path))
    certificates = [x509.load_der_x509_certificate(der) for der in context.get_ca_certs(binary_form=True)]
    return {str(each.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value) for each in certificates}


def test_authorities_are_added_once_to_the_machines_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster that is started again is not trusted twice, and web sites stay trusted."""
    own = tmp_path / "own.pem"
    own.write_text(authority("machine"), encoding="utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    trust.prepare(tmp_path)
    one, two = authority("one"), authority("two")
    for pem in (one, two, one):
        trust.add(tmp_path, pem)
    trust.prepare(tmp_path)
    assert trusted(trust.bundle(tmp_path)) == {"machine", "one", "two"}
    assert trust.bundle(tmp_path).read_text(encoding="utf-8").count(one) == 1


def test_without_a_bundle_nothing_is_trusted(tmp_path: Path) -> None:
    """A cloud that no engine works with needs none."""
    trust.add(tmp_path, authority("one"))
    assert not trust.bundle(tmp_path).exists()
