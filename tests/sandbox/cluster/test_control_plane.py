"""The control plane alone, without CRDs and nodes: webhooks by Service, crashes, and that nothing stays behind."""

from __future__ import annotations

import json
import os
import signal
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.cluster import pki
from sandbox.cluster.control_plane import ControlPlane
from sandbox.cluster.proc import free_ports
from sandbox.kube.client import ApiError, Client
from sandbox.toolchain import Tools
from tests.sandbox.support import eventually, processes_of

TOKEN = "a-token-of-this-test"


@pytest.fixture(scope="module")
def port() -> int:
    """The API server's port."""
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def plane(tools: Tools, tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[ControlPlane]:
    """A running control plane; afterwards none of its processes may be left."""
    directory = tmp_path_factory.mktemp("plane")
    running = ControlPlane(directory, tools, token=TOKEN)
    running.start(port, lambda _line: None)
    yield running
    running.stop()
    assert processes_of(directory) == []
    assert list((directory / "run").glob("*.pid")) == []


@pytest.fixture(scope="module")
def client(plane: ControlPlane, port: int) -> Client:
    """A client with the token."""
    return Client(f"https://127.0.0.1:{port}", ca_pem=plane.pki.ca.read_text(), token=TOKEN)


class _Deny(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        denial = {"uid": review["request"]["uid"], "allowed": False, "status": {"message": "said the webhook"}}
        answer = {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": denial}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Silence."""


@pytest.fixture
def webhook(tmp_path: Path) -> Iterator[tuple[int, bytes]]:
    """A webhook server that denies everything: its port, and its certificate for the Service default/hook."""
    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = [x509.DNSName("hook.default.svc")]
    certificate = pki.make_certificate("hook", key.public_key(), issuer=None, key=key, sans=names)
    encoded = certificate.public_bytes(serialization.Encoding.PEM)
    (tmp_path / "hook.crt").write_bytes(encoded)
    (tmp_path / "hook.key").write_bytes(pki.pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "hook.crt", tmp_path / "hook.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Deny)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], encoded
    server.shutdown()
    server.server_close()


def config_map(name: str) -> dict[str, Any]:
    """A ConfigMap that the webhook below is asked about."""
    metadata = {"name": name, "namespace": "default", "labels": {"asked": "yes"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def test_webhook_by_service(plane: ControlPlane, client: Client, webhook: tuple[int, bytes]) -> None:
    """A chart's webhook configuration works as it is: the API server reaches the local process by the Service.

    With nothing behind the Service, the error of the request says so, as on a cluster whose controller is down.
    """
    port, certificate = webhook
    meta = {"name": "hook", "namespace": "default"}
    service = client.create(
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [{"port": 443}]}}
    )
    address = service["spec"]["clusterIP"]
    hook = {
        "name": "hook.example.com",
        "clientConfig": {"service": {**meta, "path": "/"}, "caBundle": b64encode(certificate).decode()},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
        "objectSelector": {"matchLabels": {"asked": "yes"}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    group = "admissionregistration.k8s.io/v1"
    kind = "ValidatingWebhookConfiguration"
    client.create({"apiVersion": group, "kind": kind, "metadata": {"name": "hook"}, "webhooks": [hook]})
    refusals: list[str] = []

    def refused() -> bool:
        try:
            client.create(config_map(f"asked-{len(refusals)}"))
        except ApiError as error:
            refusals.append(error.message)
        return bool(refusals)

    eventually(refused, "the webhook being asked")
    assert f"no ready pod of this cluster is behind {address}:443" in refusals[0]
    plane.egress.resolve = lambda host, number: ("127.0.0.1", port) if (host, number) == (address, 443) else None
    with pytest.raises(ApiError, match="said the webhook"):
        client.create(config_map("denied"))
    client.delete(group, kind, "hook")


def test_crashed_api_server_comes_back_with_its_data(plane: ControlPlane, client: Client) -> None:
    """A crash costs a restart, no data and no new address."""
    client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept", "namespace": "default"}})
    server = plane.children()["kube-apiserver"]
    before = server.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    eventually(lambda: server.pid not in {None, before}, "a new process")

    def kept() -> bool:
        try:
            return client.get("v1", "ConfigMap", "kept", "default") is not None
        except ApiError:
            return False

    eventually(kept, "the object, from the new process", timeout=60)
    assert server.restarts == 1
    assert "kube-apiserver died (signal 9)" in server.log.read_text(errors="replace")


def test_tpu_pods_tolerate_the_tpu_taint(client: Client) -> None:
    """GKE's samples carry no toleration: admission adds it to pods that ask for google.com/tpu, and to no others."""
    eventually(lambda: client.get("v1", "ServiceAccount", "default", "default"), "the default service account")

    def tolerated(resources: dict[str, str]) -> set[str]:
        container = {"name": "c", "image": "i", "resources": {"limits": resources}}
        meta = {"generateName": "pod-", "namespace": "default"}
        pod = client.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [container]}})
        return {toleration["key"] for toleration in pod["spec"]["tolerations"]}

    assert "google.com/tpu" in tolerated({"google.com/tpu": "4"})
    assert "google.com/tpu" not in tolerated({"cpu": "1"})


def test_only_the_token_and_the_cluster_s_own_certificates_get_in(plane: ControlPlane, port: int) -> None:
    """The API server is on loopback, where every user of the machine can reach it."""
    server, ca = f"https://127.0.0.1:{port}", plane.pki.ca.read_text()
    with pytest.raises(ApiError) as wrong:
        Client(server, ca_pem=ca, token="guess").request("GET", "/api/v1/secrets")
    assert wrong.value.status == 401
    with pytest.raises(ApiError) as anonymous:
        Client(server, ca_pem=ca).request("GET", "/api/v1/secrets")
    assert anonymous.value.status == 403
    for secret in [*(plane.directory / "pki").glob("*.key"), plane.directory / "run" / "tokens.csv"]:
        assert secret.stat().st_mode & 0o077 == 0, secret
