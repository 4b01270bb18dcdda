"""Keys and certificates of one simulated cluster.

Owns: the cluster's certificate authority, the API server's certificate, the client certificates of the control plane's
own parts, and the key that signs service account tokens. Does not own the token people use.
Why a directory that is kept: the CA is in the kubeconfig of a stack's state, so it must survive restarts.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.cluster.files import write_private

_LIFETIME = dt.timedelta(days=3650)
_SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
_CLIENTS = {
    "controller-manager": "system:kube-controller-manager",
    "scheduler": "system:kube-scheduler",
    "apiserver-etcd-client": "kube-apiserver",
}
"""File name -> user name; the first two are the users Kubernetes' default RBAC roles are bound to."""


class Pki:
    """The files below `directory`: ca, apiserver, service-account and one pair per client, as .crt and .key."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def ca(self) -> Path:
        """The certificate authority's certificate."""
        return self.directory / "ca.crt"

    @property
    def service_account_key(self) -> Path:
        """The RSA private key that signs service account tokens."""
        return self.directory / "service-account.key"

    def pair(self, name: str) -> tuple[Path, Path]:
        """Certificate and key file of `name`: apiserver, controller-manager, scheduler, apiserver-etcd-client."""
        return self.directory / f"{name}.crt", self.directory / f"{name}.key"

    def ensure(self, service_ip: str) -> None:
        """Makes what is missing; `service_ip` is the ClusterIP of the `kubernetes` Service.

        A half-made directory (the maker was killed) is made anew: the CA is written last.
        """
        if self.ca.exists():
            return
        ca_key = ec.generate_private_key(ec.SECP256R1())
        ca = make_certificate("sandbox-cluster-ca", ca_key.public_key(), issuer=None, key=ca_key, is_ca=True)
        sans: list[x509.GeneralName] = [x509.DNSName(name) for name in _SERVER_NAMES]
        sans += [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", service_ip)]
        self._issue("apiserver", "kube-apiserver", ca, ca_key, sans)
        for file, user in _CLIENTS.items():
            self._issue(file, user, ca, ca_key, None)
        write_private(self.service_account_key, pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
        write_private(self.directory / "ca.key", pem(ca_key))
        write_private(self.ca, ca.public_bytes(serialization.Encoding.PEM))

    def _issue(
        self,
        file: str,
        common_name: str,
        ca: x509.Certificate,
        ca_key: ec.EllipticCurvePrivateKey,
        sans: list[x509.GeneralName] | None,
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = make_certificate(common_name, key.public_key(), issuer=ca, key=ca_key, sans=sans)
        certificate_file, key_file = self.pair(file)
        write_private(key_file, pem(key))
        write_private(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    """The private key as PEM, not encrypted: it protects a sandbox on loopback, by its file's mode."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def make_certificate(
    common_name: str,
    public_key: ec.EllipticCurvePublicKey,
    *,
    issuer: x509.Certificate | None,
    key: ec.EllipticCurvePrivateKey,
    sans: list[x509.GeneralName] | None = None,
    is_ca: bool = False,
) -> x509.Certificate:
    """A certificate for `public_key`, signed with `key`, which is the issuer's (or its own where `issuer` is None)."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer is not None else subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=is_ca,
                crl_sign=is_ca,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if not is_ca:
        # etcd shows its one certificate to clients and to itself, so every leaf may be both
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
    return builder.sign(key, hashes.SHA256())
