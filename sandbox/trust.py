"""Which certificate authorities the sandbox's programs trust beside the machine's own.

Clients of a real cluster's DNS name trust its certificate as they trust any web site's. Here that name leads to an API server
whose certificate is signed by the cluster's own authority, so the authority of each such cluster is added to the bundle that
OpenSSL and Go read (`SSL_CERT_FILE`) in the sandbox's environment, and nowhere else.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path


def bundle(home: Path) -> Path:
    """The file of trusted authorities of the sandbox at `home`."""
    return home / "pulumi" / "trusted.pem"


def prepare(home: Path) -> None:
    """Makes the file, with what the machine trusts."""
    path = bundle(home)
    if path.exists():
        return
    own = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(Path(own).read_bytes() if own and Path(own).is_file() else b"")


def add(home: Path, authority: str) -> None:
    """Trusts an authority, PEM; where no bundle was prepared nobody reads one."""
    path = bundle(home)
    if path.exists() and authority not in path.read_text(encoding="utf-8"):
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n{authority}")
