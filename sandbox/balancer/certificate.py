"""The certificate of an HTTPS listener, made on this machine.

Owns making it, once per set of names. Google's certificates (Certificate Manager, pre-shared) are names in the stack and no
keys, so a certificate for the Gateway's names takes their place, signed by itself: trust its file with `curl --cacert`. A
listener that names a Secret gets the Secret's own.
"""

from __future__ import annotations

import base64
import ipaddress
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.cluster.files import write_private
from sandbox.cluster.pki import make_certificate, pem

Object = dict[str, Any]


def local(folder: Path, name: str, names: Iterable[str]) -> ssl.SSLContext:
    """TLS with the certificate `folder/name.crt` for `names`, which is made where it is missing or for other names."""
    wanted = sorted({"localhost", "127.0.0.1", *names})
    certificate, key, listed = (folder / f"{name}.{ending}" for ending in ("crt", "key", "names"))
    if not (certificate.exists() and key.exists() and listed.exists() and listed.read_text().split() == wanted):
        private = ec.generate_private_key(ec.SECP256R1())
        made = make_certificate(
            name, private.public_key(), issuer=None, key=private, sans=[_general(item) for item in wanted]
        )
        write_private(key, pem(private))
        write_private(certificate, made.public_bytes(serialization.Encoding.PEM))
        write_private(listed, "\n".join(wanted) + "\n")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def of_secret(folder: Path, name: str, secret: Object) -> ssl.SSLContext:
    """TLS with the certificate of a Secret of type kubernetes.io/tls.

    Raises:
        KeyError, ValueError, ssl.SSLError: it holds none that can be used.
    """
    for key, ending in (("tls.crt", "crt"), ("tls.key", "key")):
        write_private(folder / f"{name}.{ending}", base64.b64decode(secret["data"][key]))
    (folder / f"{name}.names").unlink(missing_ok=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    return context


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
