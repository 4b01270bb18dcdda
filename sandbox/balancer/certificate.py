"""The certificate of an HTTPS listener, made on this machine.

Owns making it, once per set of names. Google's certificates (Certificate Manager, pre-shared) are names in the stack and no
keys, so a certificate for the Gateway's names takes their place, signed by itself: trust its file with `curl --cacert`. A
listener that names Secrets gets theirs: the one that fits the name a client asks for, else the first.
"""

from __future__ import annotations

import base64
import ipaddress
import ssl
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.cluster.files import write_private
from sandbox.cluster.pki import make_certificate, pem
from sandbox.gke.listeners import lacks

Object = dict[str, Any]

_COMMON_NAME = "sandbox load balancer"
"""Clients look at the other names only; a common name has at most 64 characters, and a listener's own name may have more."""


def local(folder: Path, name: str, names: Iterable[str]) -> ssl.SSLContext:
    """TLS with the certificate `folder/name.crt` for `names`, which is made where it is missing or for other names."""
    wanted = sorted({"localhost", "127.0.0.1", *names})
    certificate, key, listed = (folder / f"{name}.{ending}" for ending in ("crt", "key", "names"))
    if not (certificate.exists() and key.exists() and listed.exists() and listed.read_text().split() == wanted):
        private = ec.generate_private_key(ec.SECP256R1())
        made = make_certificate(
            _COMMON_NAME, private.public_key(), issuer=None, key=private, sans=[_general(item) for item in wanted]
        )
        write_private(key, pem(private))
        write_private(certificate, made.public_bytes(serialization.Encoding.PEM))
        write_private(listed, "\n".join(wanted) + "\n")
    return _context(folder / name)


def of_secrets(folder: Path, name: str, secrets: Sequence[Object]) -> ssl.SSLContext:
    """TLS with the certificates of Secrets of type kubernetes.io/tls, in files `folder/name…`.

    Raises:
        ValueError, ssl.SSLError: one holds none that can be used.
    """
    (folder / f"{name}.names").unlink(missing_ok=True)
    found: list[tuple[list[str], ssl.SSLContext]] = []
    for number, secret in enumerate(secrets):
        file = folder / (f"{name}_{number}" if number else name)
        if missing := lacks(secret):
            raise ValueError(missing)
        for key, ending in (("tls.crt", "crt"), ("tls.key", "key")):
            write_private(file.with_name(f"{file.name}.{ending}"), base64.b64decode(secret["data"][key]))
        found.append((_names_in(base64.b64decode(secret["data"]["tls.crt"])), _context(file)))
    first = found[0][1]

    def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext) -> None:
        fitting = [context for names, context in found if name and any(_covers(item, name) for item in names)]
        connection.context = fitting[0] if fitting else first

    first.sni_callback = choose
    return first


def _context(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file.with_name(f"{file.name}.crt"), file.with_name(f"{file.name}.key"))
    return context


def _names_in(certificate: bytes) -> list[str]:
    found = x509.load_pem_x509_certificate(certificate)
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.DNSName)


def _covers(pattern: str, name: str) -> bool:
    """Whether a certificate's name is that of a host; an asterisk stands for one label."""
    wanted, given = pattern.lower(), name.lower()
    return wanted == given or (wanted.startswith("*.") and given.partition(".")[2] == wanted[2:])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
