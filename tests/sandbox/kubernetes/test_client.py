"""The Kubernetes client without a cluster: kubeconfigs, exec plugins, and answers that are no success."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from sandbox.kube.client import ApiError, Client, KubeconfigError, NoMatchError, UnreachableError
from sandbox.kube.kubeconfig import read_kubeconfig


class Server(http.server.ThreadingHTTPServer):
    """Answers requests from a table of path → (status, body); counts them, and accepts only some tokens."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, tuple[int, Any]] = {}
        self.seen: list[tuple[str, str]] = []
        self.tokens: set[str] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    """One request of `Server`."""

    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answers from the table."""
        self.server.seen.append((self.command, self.path))
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if self.server.tokens is not None and token not in self.server.tokens:
            status, body = 401, {"kind": "Status", "reason": "Unauthorized", "message": "Unauthorized"}
        else:
            status, body = self.server.answers.get(self.path.split("?")[0], (404, "404 page not found"))
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Says nothing."""


@pytest.fixture
def server() -> Generator[Server]:
    """A server on loopback."""
    with Server() as running:
        thread = threading.Thread(target=lambda: running.serve_forever(poll_interval=0.01), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def kubeconfig(server: str, user: dict[str, Any], **cluster: Any) -> str:
    """A kubeconfig as JSON text."""
    return json.dumps(
        {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "models"}}],
            "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
            "users": [{"name": "u", "user": user}],
        }
    )


def plugin(tmp_path: Path, script: str) -> dict[str, Any]:
    """A user whose token comes from a shell script."""
    path = tmp_path / "plugin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path), "args": ["--now"]}}


def credential(token: str, expiry: str = "2999-01-01T00:00:00Z") -> str:
    """What an exec plugin prints."""
    return json.dumps({"kind": "ExecCredential", "status": {"token": token, "expirationTimestamp": expiry}})


CONFIG_MAPS = {"resources": [{"name": "configmaps", "kind": "ConfigMap", "namespaced": True}]}


def test_a_kubeconfig_from_text_and_from_a_file(tmp_path: Path) -> None:
    """Text and file say the same; paths in a file are relative to it."""
    (tmp_path / "ca.crt").write_text("PEM")
    text = kubeconfig("https://x:1/", {"token": "t"})
    assert read_kubeconfig(text).server == "https://x:1"
    assert read_kubeconfig(text).namespace == "models"
    config = json.loads(text)
    config["clusters"][0]["cluster"]["certificate-authority"] = "ca.crt"
    (tmp_path / "config").write_text(json.dumps(config))
    assert read_kubeconfig(tmp_path / "config").ca_pem == "PEM"
    encoded = base64.b64encode(b"DATA").decode()
    assert read_kubeconfig(kubeconfig("https://x", {}, **{"certificate-authority-data": encoded})).ca_pem == "DATA"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "neither YAML nor JSON"),
        ("{}", "no current-context"),
        ("current-context: x\n", "no entry 'x' under contexts"),
        ("- a\n- b\n", "is not an object"),
        ("/no/such/file", "give its text or a file"),
    ],
)
def test_a_kubeconfig_that_is_none(text: str, why: str) -> None:
    """What is wrong is named."""
    with pytest.raises(KubeconfigError, match=why):
        read_kubeconfig(text)


def test_a_token_of_an_exec_plugin_is_made_once(server: Server, tmp_path: Path) -> None:
    """Running the plugin per request would cost each of hundreds of requests a process."""
    user = plugin(tmp_path, f"echo run >> {tmp_path}/runs; echo '{credential('good')}'")
    server.tokens, server.answers["/version"] = {"good"}, (200, {"major": "1"})
    with contextlib.closing(Client.from_kubeconfig(kubeconfig(server.url, user))) as client:
        for _ in range(3):
            assert client.request("GET", "/version") == {"major": "1"}
    assert (tmp_path / "runs").read_text().count("run") == 1


def test_a_refused_or_expired_token_is_made_again(server: Server, tmp_path: Path) -> None:
    """A token that the server no longer takes costs one more request, not an error."""
    (tmp_path / "token").write_text(credential("old"))
    user = plugin(tmp_path, f"cat {tmp_path}/token")
    server.tokens, server.answers["/version"] = {"old"}, (200, {})
    with contextlib.closing(Client.from_kubeconfig(kubeconfig(server.url, user))) as client:
        client.request("GET", "/version")
        server.tokens = {"new"}
        (tmp_path / "token").write_text(credential("new", expiry="2000-01-01T00:00:00Z"))
        client.request("GET", "/version")
        server.tokens = {"newest"}
        (tmp_path / "token").write_text(credential("newest"))
        before = len(server.seen)
        client.request("GET", "/version")
    assert len(server.seen) == before + 1


@pytest.mark.parametrize(
    ("script", "why"),
    [("echo no login >&2; exit 3", "exit code 3: no login"), ("echo nothing", "printed no ExecCredential")],
)
def test_an_exec_plugin_that_fails(server: Server, tmp_path: Path, script: str, why: str) -> None:
    """Its own words are in the error."""
    client = Client.from_kubeconfig(kubeconfig(server.url, plugin(tmp_path, script)))
    with pytest.raises(KubeconfigError, match=why):
        client.request("GET", "/version")


def test_an_exec_plugin_that_is_not_installed(server: Server) -> None:
    """The install hint of the kubeconfig is shown."""
    user = {"exec": {"command": "no-such-plugin", "installHint": "install it so"}}
    with pytest.raises(KubeconfigError, match="'no-such-plugin' is not on PATH; install it\ninstall it so"):
        Client.from_kubeconfig(kubeconfig(server.url, user)).request("GET", "/version")


def test_nobody_listens() -> None:
    """No answer is an ApiError of its own kind, with the cause in plain words."""
    with pytest.raises(UnreachableError, match=r"cannot reach the API server http://127\.0\.0\.1:1: .*refused"):
        Client("http://127.0.0.1:1").get("v1", "Pod", "x")


def test_discovery_is_asked_once_and_again_on_a_miss(server: Server) -> None:
    """A kind that is known costs no request; a kind that is not may have come meanwhile."""
    server.answers["/api/v1"] = (200, CONFIG_MAPS)
    with contextlib.closing(Client(server.url)) as client:
        assert client.kind("v1", "ConfigMap").path("n", "x") == "/api/v1/namespaces/n/configmaps/x"
        client.kind("v1", "ConfigMap")
        assert len(server.seen) == 1
        with pytest.raises(NoMatchError, match='no matches for kind "Pod" in version "v1"'):
            client.kind("v1", "Pod")
        with pytest.raises(NoMatchError):
            client.kind("example.com/v1", "Thing")
        server.answers["/apis/example.com/v1"] = (
            200,
            {"resources": [{"name": "things", "kind": "Thing", "namespaced": False}]},
        )
        assert client.kind("example.com/v1", "Thing").path("ignored", "x") == "/apis/example.com/v1/things/x"


def test_an_object_that_is_not_there_and_a_kind_that_is_gone(server: Server) -> None:
    """404 for an object is None; 404 because the CRD went away is a NoMatchError."""
    server.answers["/api/v1"] = (200, CONFIG_MAPS)
    path = "/api/v1/namespaces/models/configmaps/x"
    server.answers[path] = (404, {"kind": "Status", "reason": "NotFound", "details": {"name": "x"}})
    with contextlib.closing(Client.from_kubeconfig(kubeconfig(server.url, {}))) as client:
        assert client.get("v1", "ConfigMap", "x") is None
        del server.answers[path], server.answers["/api/v1"]
        with pytest.raises(NoMatchError):
            client.get("v1", "ConfigMap", "x")


def test_an_error_carries_what_the_server_said(server: Server) -> None:
    """Status, reason and message of the Status object."""
    server.answers["/x"] = (409, {"kind": "Status", "reason": "Conflict", "message": "somebody else"})
    with contextlib.closing(Client(server.url)) as client, pytest.raises(ApiError, match="somebody else") as error:
        client.request("GET", "/x")
    assert (error.value.status, error.value.reason) == (409, "Conflict")
