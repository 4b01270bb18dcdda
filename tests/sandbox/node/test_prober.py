"""Probes that are really sent, and the kubelet's words for what comes back."""

from __future__ import annotations

import asyncio
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest

from sandbox.certificates import issuing
from sandbox.node.probe_requests import Target, send
from sandbox.node.prober import Prober
from sandbox.node.probes import Probe, ProbeKind
from tests.sandbox.support import eventually, patient

Object = dict[str, Any]

IP = "10.64.0.2"
NOBODY = 9004
"""A port on which nothing listens."""
BROKEN = "net/http: HTTP/1.x transport connection broken"
ROUTES: dict[str, tuple[int, dict[str, str]]] = {
    "/ok": (200, {}),
    "/moved": (302, {"Location": "/ok"}),
    "/lost": (302, {"Location": "/gone"}),
    "/elsewhere": (302, {"Location": "http://example.com/"}),
    "/loop": (302, {"Location": "/loop"}),
}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by `ROUTES`; `/header` only with the right header, `/slow` after a second, `/hang` once it is `released`."""

    released = threading.Event()

    def do_GET(self) -> None:
        """One answer."""
        if self.path == "/slow":
            time.sleep(1.0)
        if self.path == "/hang":
            self.released.wait(60)
        status, headers = ROUTES.get(self.path, (404, {}))
        if self.path == "/header" and (self.headers["X-Key"], self.headers["Host"]) == ("k", f"{IP}:8000"):
            status = 200
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silent."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, int]]:
    """Container ports: 8000 HTTP, 8443 HTTPS with a certificate nobody knows, 9000 closes, 9001 speaks no HTTP."""
    pair = issuing.issue({"dnsNames": ["localhost"], "duration": "1h"})
    file: Path = tmp_path_factory.mktemp("tls") / "pair.pem"
    file.write_bytes(pair.certificate + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    plain = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    secure = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    for server in (plain, secure):
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    raw = {9000: socket.create_server(("127.0.0.1", 0)), 9001: socket.create_server(("127.0.0.1", 0))}

    def answer(listener: socket.socket, data: bytes) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(data)

    for port, data in ((9000, b""), (9001, b"\x15\x03\x01\r\n\r\n")):
        threading.Thread(target=answer, args=(raw[port], data), daemon=True).start()
    found = {8000: plain.server_address[1], 8443: secure.server_address[1]}
    yield found | {port: listener.getsockname()[1] for port, listener in raw.items()}
    for server in (plain, secure):
        server.shutdown()
        server.server_close()
    for listener in raw.values():
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def result(servers: dict[int, int], action: str, **handler: Any) -> str | None:
    """What one probe finds."""
    container = {"name": "main", "ports": [{"name": "http", "containerPort": 8000}]}
    # Only what never answers in time is worth a short time limit: a busy machine may take half a second for a good answer.
    late = handler.get("path") == "/slow" or handler.get("port") == NOBODY
    probe = Probe(kind=ProbeKind.READINESS, action=action, handler=handler, period=1.0, timeout=0.5 if late else 20.0)
    return asyncio.run(send(probe, Target(container=container, pod_ip=IP, local_port=servers.get)))


@pytest.mark.parametrize(
    "handler",
    [
        {"path": "/ok", "port": 8000},
        {"path": "ok", "port": "http"},
        {"path": "/ok", "port": 8443, "scheme": "HTTPS"},
        {"path": "/moved", "port": 8000},
        {"path": "/elsewhere", "port": 8000},
        {"path": "/header", "port": 8000, "httpHeaders": [{"name": "X-Key", "value": "k"}]},
    ],
    ids=["plain", "named-port", "https-unverified", "redirect", "redirect-to-another-host", "headers"],
)
def test_http_success(servers: dict[int, int], handler: Object) -> None:
    """200 to 399 is success; a certificate is not verified; a redirect is followed on the same host only."""
    assert result(servers, "httpGet", **handler) is None


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        ({"port": 8000}, "HTTP probe failed with statuscode: 404"),
        ({"path": "/lost", "port": 8000}, "HTTP probe failed with statuscode: 404"),
        ({"path": "/loop", "port": 8000}, f'Get "http://{IP}:8000/loop": stopped after 10 redirects'),
        (
            {"path": "/ok", "port": 8001},
            f'Get "http://{IP}:8001/ok": dial tcp {IP}:8001: connect: connection refused',
        ),
        (
            {"path": "/ok", "port": 8000, "scheme": "HTTPS"},
            f'Get "https://{IP}:8000/ok": http: server gave HTTP response to HTTPS client',
        ),
        (
            {"path": "/slow", "port": 8000},
            f'Get "http://{IP}:8000/slow": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
        ),
        ({"path": "/", "port": 9000}, f'Get "http://{IP}:9000/": EOF'),
        (
            {"path": "/", "port": 9001},
            f'Get "http://{IP}:9001/": {BROKEN}: malformed HTTP response "\\x15\\x03\\x01"',
        ),
        (
            {"path": "/ok", "port": "metrics"},
            'couldn\'t find port: {1 0 metrics}: no port named "metrics" in the container',
        ),
    ],
    ids=["404", "redirect-to-404", "loop", "refused", "https-to-http", "slow", "closed", "no-http", "unknown-name"],
)
def test_http_failure(servers: dict[int, int], handler: Object, reason: str) -> None:
    """The texts people search for."""
    assert result(servers, "httpGet", **handler) == reason


def test_http_to_a_tls_port_fails(servers: dict[int, int]) -> None:
    """Probe HTTP, server HTTPS: whatever the server does with it, it is no success."""
    assert result(servers, "httpGet", path="/ok", port=8443) is not None


def test_tcp(servers: dict[int, int]) -> None:
    """A port that accepts is enough."""
    assert result(servers, "tcpSocket", port="http") is None
    assert result(servers, "tcpSocket", port=7) == f"dial tcp {IP}:7: connect: connection refused"


class Health(grpc.GenericRpcHandler):
    """The health protocol for service "ready" (1: SERVING) and "not" (2: NOT_SERVING)."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        """Knows one method."""
        if handler_call_details.method != "/grpc.health.v1.Health/Check":
            return None

        def check(request: bytes, _context: grpc.ServicerContext) -> bytes:
            return b"\x08\x02" if request == b"\x0a\x03not" else b"\x08\x01"

        return grpc.unary_unary_rpc_method_handler(check)


def test_grpc(servers: dict[int, int]) -> None:
    """The endpoint picker is probed like this."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    server.add_generic_rpc_handlers((Health(),))
    local = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        ports = servers | {9003: local}
        assert result(ports, "grpc", port=9003, service="ready") is None
        assert result(ports, "grpc", port=9003) is None
        assert result(ports, "grpc", port=9003, service="not") == 'service unhealthy (responded with "NOT_SERVING")'
    finally:
        server.stop(0).wait()
    late = f'timeout: failed to connect service "{IP}:{NOBODY}" within 0.5s: context deadline exceeded'
    assert result(servers, "grpc", port=NOBODY) == late


def _prober_threads() -> int:
    """Those of a shared cluster's agent included."""
    return sum(thread.name == "prober" for thread in threading.enumerate())


def test_a_hanging_container_delays_no_other(servers: dict[int, int]) -> None:
    """One thread probes all, and none waits for another."""
    before, prober = _prober_threads(), Prober()
    changed = threading.Event()
    target = Target(container={"name": "main"}, pod_ip=IP, local_port=servers.get)

    def probe(path: str, timeout: float) -> Probe:
        handler: Object = {"path": path, "port": 8000}
        return Probe(kind=ProbeKind.READINESS, action="httpGet", handler=handler, period=0.05, timeout=timeout)

    try:
        failures: list[str] = []

        def failed(_probe: Probe, reason: str) -> None:
            failures.append(reason)

        slow = [prober.watch([probe("/hang", 60)], target, on_change=changed.set, on_failure=failed) for _ in range(20)]
        quick = prober.watch([probe("/ok", 20)], target, on_change=changed.set, on_failure=failed)
        assert changed.wait(patient(20))
        assert quick.ready, "while all the others hang"
        assert not failures
        assert _prober_threads() == before + 1
        Handler.released.set()
        eventually(lambda: len(failures) >= 20, "the slow ones fail")
        assert not any(watch.ready for watch in slow)
        for watch in [*slow, quick]:
            watch.cancel()
    finally:
        Handler.released.set()
        prober.stop()
