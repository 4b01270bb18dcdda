"""Keys and X.509 certificates as a cert-manager Certificate asks for them.

Owns the cryptography, on plain values. Does not own where the result goes nor when a new one is due: `certificates`.
Field meanings: cert-manager's API reference, CertificateSpec.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Object = dict[str, Any]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_DEFAULT_DURATION = timedelta(days=90)
_CURVES: dict[int, ec.EllipticCurve] = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}
_EXTENDED = {
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
}
_DEFAULT_USAGES = ("digital signature", "key encipherment")
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|m|s|ms)")
_UNIT_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


class IssuingError(Exception):
    """A specification or a CA from which no certificate can be made; the text names the field."""


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """A certificate chain and its key as PEM; `ca` is the certificate it can be verified with."""

    certificate: bytes
    key: bytes
    ca: bytes


def duration(text: str) -> timedelta:
    """A Go duration such as `2160h` or `1h30m0s`."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise IssuingError(f"'{text}' is no duration; write hours, such as 2160h")
    return timedelta(seconds=sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts))


def new_key(spec: Object) -> PrivateKey:
    """A key of `spec.privateKey.algorithm` and `.size` (RSA 2048 and ECDSA P-256 by default)."""
    wanted: Object = spec.get("privateKey") or {}
    algorithm, size = wanted.get("algorithm", "RSA"), wanted.get("size")
    if algorithm == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=size or 2048)
    if algorithm == "ECDSA":
        curve = _CURVES.get(size or 256)
        if curve is None:
            raise IssuingError(f"spec.privateKey.size: {size} is no ECDSA size; write 256, 384 or 521")
        return ec.generate_private_key(curve)
    if algorithm == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    raise IssuingError(f"spec.privateKey.algorithm: {algorithm!r} is unknown; write RSA, ECDSA or Ed25519")


def key_pem(key: PrivateKey, encoding: str = "PKCS1") -> bytes:
    """`key` as PEM in cert-manager's encodings PKCS1 (the default) or PKCS8."""
    pkcs8 = encoding == "PKCS8" or isinstance(key, ed25519.Ed25519PrivateKey)
    form = serialization.PrivateFormat.PKCS8 if pkcs8 else serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def issue(spec: Object, *, ca: KeyPair | None = None, now: datetime | None = None) -> KeyPair:
    """A new key and a certificate for `spec`, signed by `ca` or by itself.

    Raises:
        IssuingError: the specification has no name, values that X.509 does not allow, an unknown key type, or the CA is
            unusable.
    """
    try:
        return _issue(spec, ca, now or datetime.now(UTC))
    except (ValueError, TypeError, OverflowError) as error:  # such as a common name of more than 64 characters
        raise IssuingError(f"spec: {error}") from None


def _issue(spec: Object, ca: KeyPair | None, now: datetime) -> KeyPair:
    begin = now.replace(microsecond=0)
    end = begin + (duration(spec["duration"]) if spec.get("duration") else _DEFAULT_DURATION)
    names = _alternative_names(spec)
    subject = _subject(spec)
    if not names and not spec.get("commonName"):
        raise IssuingError("spec: none of commonName, dnsNames, ipAddresses, uris, emailAddresses is set")
    key = new_key(spec)
    issuer_name, signer, authority = subject, key, b""
    if ca is not None:
        signer, ca_certificate = load_ca(ca)
        issuer_name, authority = ca_certificate.subject, ca.certificate
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=bool(spec.get("isCA")), path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    usages: Sequence[str] = spec.get("usages") or _DEFAULT_USAGES
    builder = builder.add_extension(_key_usage(usages, is_ca=bool(spec.get("isCA"))), critical=True)
    extended = [_EXTENDED[usage] for usage in usages if usage in _EXTENDED]
    if extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not subject.rdns)
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    certificate = builder.sign(signer, algorithm).public_bytes(serialization.Encoding.PEM)
    encoding = (spec.get("privateKey") or {}).get("encoding", "PKCS1")
    return KeyPair(certificate=certificate, key=key_pem(key, encoding), ca=authority or certificate)


def load_ca(ca: KeyPair) -> tuple[PrivateKey, x509.Certificate]:
    """The key and certificate of a CA.

    Raises:
        IssuingError: they do not parse, or the certificate is no CA's.
    """
    try:
        key = serialization.load_pem_private_key(ca.key, password=None)
        certificate = x509.load_pem_x509_certificate(ca.certificate)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:  # TypeError: the key is encrypted
        raise IssuingError(f"the signing key pair cannot be read: {error}") from None
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)):
        raise IssuingError("the signing key is neither RSA nor ECDSA nor Ed25519")
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        constraints = x509.BasicConstraints(ca=False, path_length=None)
    if not constraints.ca:
        raise IssuingError("the signing certificate is not a CA: its Certificate needs spec.isCA: true")
    return key, certificate


def describes(certificate: x509.Certificate, spec: Object) -> bool:
    """Whether `certificate` has the subject and names that `spec` asks for."""
    try:
        found = set(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        found = set[x509.GeneralName]()
    return found == set(_alternative_names(spec)) and certificate.subject == _subject(spec)


def _subject(spec: Object) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, spec["commonName"])] if spec.get("commonName") else []
    details: Object = spec.get("subject") or {}
    for field, oid in (
        ("organizations", NameOID.ORGANIZATION_NAME),
        ("organizationalUnits", NameOID.ORGANIZATIONAL_UNIT_NAME),
        ("countries", NameOID.COUNTRY_NAME),
        ("localities", NameOID.LOCALITY_NAME),
        ("provinces", NameOID.STATE_OR_PROVINCE_NAME),
    ):
        attributes += [x509.NameAttribute(oid, value) for value in details.get(field, [])]
    return x509.Name(attributes)


def _alternative_names(spec: Object) -> list[x509.GeneralName]:
    try:
        addresses = [x509.IPAddress(ipaddress.ip_address(item)) for item in spec.get("ipAddresses") or []]
    except ValueError as error:
        raise IssuingError(f"spec.ipAddresses: {error}") from None
    return [
        *(x509.DNSName(item) for item in spec.get("dnsNames") or []),
        *addresses,
        *(x509.UniformResourceIdentifier(item) for item in spec.get("uris") or []),
        *(x509.RFC822Name(item) for item in spec.get("emailAddresses") or []),
    ]


def _key_usage(usages: Sequence[str], *, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature="digital signature" in usages or "signing" in usages,
        content_commitment="content commitment" in usages,
        key_encipherment="key encipherment" in usages,
        data_encipherment="data encipherment" in usages,
        key_agreement="key agreement" in usages,
        key_cert_sign=is_ca or "cert sign" in usages,
        crl_sign="crl sign" in usages,
        encipher_only=False,
        decipher_only=False,
    )
