"""Who reaches a vLLM server: TLS, clients without it, API keys."""

from __future__ import annotations

import http.client
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.sandbox.serving.commands import SERVE
from tests.sandbox.serving.conftest import Start
from tests.sandbox.support import eventually


def test_tls_is_served_with_the_containers_certificate(start: Start, tmp_path: Path) -> None:
    """A plain HTTP client of a TLS server gets no answer, as a health check with the wrong scheme."""
    root = tmp_path / "rootfs"
    certificate(root / "var/run/kserve/tls")
    directory = "/var/run/kserve/tls"
    words = [*SERVE, f"--ssl-certfile={directory}/tls.crt", f"--ssl-keyfile={directory}/tls.key"]
    server = start("vllm", words, options=["--root", str(root)], wait=False)
    context = unverified()

    def healthy() -> bool:
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=5, context=context)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    eventually(healthy, "an answer over TLS")
    with pytest.raises((OSError, http.client.HTTPException)):
        server.get("/health")


def test_a_tls_client_of_a_plain_server_is_refused_at_once(start: Start) -> None:
    """KServe's Service said https while the server spoke HTTP: handshakes failed, the log filled with warnings."""
    server = start("vllm", SERVE)
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=5, context=unverified())
    with pytest.raises(ssl.SSLError):
        connection.request("GET", "/health")
    eventually(lambda: "WARNING:  Invalid HTTP request received." in server.lines(), "the warning")


def test_an_api_key_guards_v1_and_not_health(start: Start) -> None:
    """Probes carry no key; requests under /v1 need it."""
    server = start("vllm", [*SERVE, "--api-key=secret"])
    assert server.get("/health").status == 200
    assert server.get("/v1/models").status == 401
    assert server.ask("GET", "/v1/models", headers={"Authorization": "Bearer secret"}).status == 200


def unverified() -> ssl.SSLContext:
    """A client that takes any certificate, as Google's health checks do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def certificate(directory: Path) -> None:
    """Writes a self-signed tls.crt and tls.key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    directory.mkdir(parents=True)
    (directory / "tls.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "tls.key").write_bytes(private)
