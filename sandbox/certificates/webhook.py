"""The part of `cert-manager-webhook`: an HTTPS admission server on loopback, and the CA it is trusted by.

Owns the CA Secret the chart's webhook configurations point at, the serving certificate, and the answers: everything is
allowed, and CertificateRequests get the identity of their creator, as from the real one.
"""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from sandbox.certificates import certificates, issuing
from sandbox.certificates.issuing import IssuingError, KeyPair
from sandbox.certificates.resident import Resident
from sandbox.kube.client import ApiError, Client

Object = dict[str, Any]

_IDENTITY = (("username", "username"), ("groups", "groups"), ("uid", "uid"), ("extra", "extra"))
_TEN_YEARS = "87600h"


def answer(review: Object, *, mutate: bool) -> Object:
    """The AdmissionReview that answers `review`."""
    request = review["request"]
    response: Object = {"uid": request["uid"], "allowed": True}
    if mutate and request.get("kind", {}).get("kind") == "CertificateRequest" and request["operation"] == "CREATE":
        user = request.get("userInfo") or {}
        patch = [
            {"op": "add", "path": f"/spec/{field}", "value": user[source]}
            for field, source in _IDENTITY
            if user.get(source)
        ]
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(json.dumps(patch).encode()).decode()
    return {"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": response}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        try:
            review = cast("Object", json.loads(self.rfile.read(length)))
            body = json.dumps(answer(review, mutate=self.path.startswith("/mutate"))).encode()
        except (ValueError, KeyError):
            self.send_error(400, "not an AdmissionReview")
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """The API server's audit is elsewhere; a line per review helps nobody."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(("127.0.0.1", 0), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """The handshake happens here, in the connection's own thread, so that a slow client holds up nobody."""
        request.settimeout(60.0)
        try:
            wrapped = self._context.wrap_socket(request, server_side=True)
            super().finish_request(wrapped, client_address)
            wrapped.close()
        except OSError:
            return  # a client that went away; the API server tries again


class WebhookWorkload(Resident):
    """Plays the container of `cert-manager-webhook`."""

    def __init__(
        self,
        client: Client,
        arguments: Sequence[str],
        container: Object,
        *,
        log: Path | None,
        on_change: Callable[[], None],
    ) -> None:
        super().__init__("cert-manager-webhook", log=log, on_change=on_change)
        self._client = client
        self._arguments = list(arguments)
        self._container = container
        self._server: _Server | None = None

    def local_port(self, container_port: int) -> int | None:
        """See `Workload`: the port the chart names `https`."""
        https = [port["containerPort"] for port in self._container.get("ports", []) if port.get("name") == "https"]
        return self._server.server_address[1] if self._server is not None and container_port in https else None

    def begin(self) -> None:
        """Makes or finds the CA, then serves."""
        names = self._flags("dynamic-serving-dns-names")
        authority = self._authority(self._flags("dynamic-serving-ca-secret-namespace")[-1])
        try:
            spec = {"dnsNames": names, "usages": ["digital signature", "key encipherment", "server auth"]}
            serving = issuing.issue({**spec, "duration": _TEN_YEARS}, ca=authority)
        except IssuingError as error:
            raise OSError(f"no serving certificate: {error}") from error
        self._server = _Server(_context(serving))
        threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="cert-manager-admission", daemon=True
        ).start()

    def end(self) -> None:
        """Stops serving."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _flags(self, name: str) -> list[str]:
        prefix = f"--{name}="
        found = [argument.removeprefix(prefix) for argument in self._arguments if argument.startswith(prefix)]
        if not found:
            raise OSError(f"the container has no argument {prefix}; the chart's dynamic serving certificate is needed")
        return found

    def _authority(self, namespace: str) -> KeyPair:
        name = self._flags("dynamic-serving-ca-secret-name")[-1]
        held = certificates.key_pair(self._client.get("v1", "Secret", name, namespace))
        if held is not None:
            return held
        spec = {
            "commonName": "cert-manager-webhook-ca",
            "isCA": True,
            "privateKey": {"algorithm": "ECDSA", "size": 384},
        }
        pair = issuing.issue({**spec, "duration": _TEN_YEARS})
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "annotations": {"cert-manager.io/allow-direct-injection": "true"},
            },
            "type": "Opaque",
            "data": {
                key: base64.b64encode(value).decode()
                for key, value in (("tls.crt", pair.certificate), ("tls.key", pair.key), ("ca.crt", pair.certificate))
            },
        }
        try:
            self._client.create(secret)
        except ApiError as error:
            if error.status != 409:
                raise
            return self._authority(namespace)  # another replica was first
        return pair


def _context(pair: KeyPair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(pair.certificate + pair.key)
        file.flush()
        context.load_cert_chain(file.name)
    return context
