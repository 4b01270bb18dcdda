"""Small local servers for the tests of the load balancer, and plain requests to it."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Behaviour:
    """What a server answers. `health` is the status of `/health`, `root` that of `/`; `pause` seconds before an answer."""

    name: str
    health: int = 200
    root: int = 404
    pause: float = 0.0
    stream: int = 0
    """Pieces of a chunked answer to `/stream`, 0.1 s apart."""
    seen: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    checks: list[str] = field(default_factory=list[str])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    behaviour: Behaviour

    def do_GET(self) -> None:
        behaviour = self.behaviour
        if self.headers.get("user-agent", "").startswith("GoogleHC"):
            status = behaviour.health if self.path == "/health" else behaviour.root
            behaviour.checks.append(
                self.path
            )  # after it is decided: a check that counts is not older than what decided it
            self._answer(status, b"checked")
            return
        self._serve(b"")

    def do_POST(self) -> None:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            self._serve(self.rfile.read(int(self.headers.get("content-length") or 0)))
            return
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        self._serve(body)

    def _serve(self, body: bytes) -> None:
        request = {"path": self.path, "host": self.headers["host"], "body": body.decode()}
        self.behaviour.seen.append({**request, "headers": {k.lower(): v for k, v in self.headers.items()}})
        if self.path.startswith("/stream"):
            self._stream()
            return
        time.sleep(self.behaviour.pause)
        self._answer(200, json.dumps({"server": self.behaviour.name, **request}).encode())

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for index in range(self.behaviour.stream):
            piece = f"data: {index}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            time.sleep(0.1)
        self.wfile.write(b"0\r\n\r\n")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        del format, args


@contextmanager
def server(behaviour: Behaviour, context: ssl.SSLContext | None = None) -> Generator[int]:
    """The server on its port of 127.0.0.1, speaking TLS if a context is given."""
    handler = type("Handler", (_Handler,), {"behaviour": behaviour})
    with running(handler, context) as port:
        yield port


@contextmanager
def running(handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> Generator[int]:
    """A server of `handler`'s making on 127.0.0.1."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            del request, client_address  # a connection that the load balancer cuts is no news

    instance = Quiet(("127.0.0.1", 0), handler)
    if context is not None:
        instance.socket = context.wrap_socket(instance.socket, server_side=True)
    thread = threading.Thread(target=instance.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield instance.server_port
    finally:
        instance.shutdown()
        instance.server_close()
        thread.join()


def ask(
    port: int,
    path: str,
    *,
    method: str = "GET",
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
    context: Callable[[int], http.client.HTTPConnection] = lambda port: http.client.HTTPConnection(
        "127.0.0.1", port, timeout=10
    ),
) -> tuple[int, str, dict[str, str]]:
    """(status, body, headers) of one request to 127.0.0.1:`port`."""
    connection = context(port)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return response.status, response.read().decode(), {k.lower(): v for k, v in response.getheaders()}
    finally:
        connection.close()
