"""The way from the API server to Services: an HTTP CONNECT proxy on a Unix socket.

Owns: answering `CONNECT address:port` by connecting to the local process behind that Service, and the
EgressSelectorConfiguration that sends the API server here. Does not own which process that is: the node agent answers
that. Why: on GKE, Konnectivity plays this part, so a webhook's clientConfig may name a Service; with the proxy it may
here too, and no chart's webhook configuration has to be rewritten.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import selectors
import socket
import socketserver
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, cast

import yaml

Resolve = Callable[[str, int], tuple[str, int] | None]
"""(ClusterIP or pod address, port) -> where the process behind it listens; None when nothing is."""

_HEAD_LIMIT = 16 * 1024
_CONNECT_TIMEOUT = 10.0
_BUFFER = 64 * 1024


class EgressProxy:
    """The proxy of one API server; `resolve` may be exchanged while it runs (the node agent starts later).

    `socket_path` is below `directory`, which is the API server's working directory: both sides use short, relative
    names, because a Unix socket's name has at most 107 bytes and a checkout may be deep. (The API server's own HTTP
    CONNECT over TCP demands TLS inside TLS; the socket is private by its directory.)
    """

    def __init__(self, directory: Path, socket_path: str) -> None:
        self.resolve: Resolve = _nothing
        self.directory = directory
        self._socket = socket_path
        self._server: _Server | None = None

    def start(self) -> None:
        """Listens; idempotent."""
        if self._server is None:
            file = self.directory / self._socket
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file.unlink(missing_ok=True)
            descriptor = os.open(file.parent, os.O_DIRECTORY)
            try:
                self._server = _Server(self, f"/proc/self/fd/{descriptor}/{file.name}")
            finally:
                os.close(descriptor)
            file.chmod(0o600)
            threading.Thread(target=self._server.serve_forever, args=(0.1,), name="egress", daemon=True).start()

    def stop(self) -> None:
        """Stops listening and ends open tunnels; idempotent."""
        server, self._server = self._server, None
        self.resolve = _nothing
        if server is not None:
            server.shutdown()
            server.server_close()
            server.close_tunnels()
            (self.directory / self._socket).unlink(missing_ok=True)

    def configuration(self) -> str:
        """The file for `--egress-selector-config-file`."""
        connection = {"proxyProtocol": "HTTPConnect", "transport": {"uds": {"udsName": self._socket}}}
        document = {
            "apiVersion": "apiserver.k8s.io/v1beta1",
            "kind": "EgressSelectorConfiguration",
            "egressSelections": [{"name": "cluster", "connection": connection}],
        }
        return yaml.safe_dump(document, sort_keys=False)

    def target(self, host: str, port: int) -> tuple[str, int] | None:
        """Where to connect for `host:port`; a loopback address is already local (the agent's kubelet API)."""
        with contextlib.suppress(ValueError):
            if ipaddress.ip_address(host).is_loopback:
                return host, port
        return self.resolve(host, port)


def _nothing(_host: str, _port: int) -> tuple[str, int] | None:
    return None


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, proxy: EgressProxy, address: str) -> None:
        super().__init__(address, _Handler)
        self.proxy = proxy
        self._tunnels: set[socket.socket] = set()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def tunnel(self, *ends: socket.socket) -> Generator[None]:
        """Registers open sockets so that stopping the proxy ends them."""
        with self._lock:
            self._tunnels.update(ends)
        try:
            yield
        finally:
            with self._lock:
                self._tunnels.difference_update(ends)

    def close_tunnels(self) -> None:
        with self._lock:
            for end in self._tunnels:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A tunnel that breaks is the API server's to report; the daemon's log stays free of tracebacks."""


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        client = cast("socket.socket", self.request)
        server = cast("_Server", self.server)
        client.settimeout(_CONNECT_TIMEOUT)
        head, _, early = _read_head(client)
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split()
        if len(words) != 3 or words[0] != "CONNECT":
            _refuse(client, 405, "this proxy answers CONNECT only")
            return
        host, _, port = words[1].rpartition(":")
        host = host.strip("[]")
        if not port.isdigit():
            _refuse(client, 400, f"{words[1]!r} is not host:port")
            return
        target = server.proxy.target(host, int(port))
        if target is None:
            _refuse(client, 503, f"no ready pod of this cluster is behind {host}:{port}")
            return
        try:
            upstream = socket.create_connection(target, timeout=_CONNECT_TIMEOUT)
        except OSError as error:
            _refuse(client, 503, f"{host}:{port} is {target[0]}:{target[1]} on this machine: {error.strerror}")
            return
        with upstream, server.tunnel(client, upstream):
            client.sendall(b"HTTP/1.1 200 Connection Established\r\n\r\n")
            upstream.sendall(early)
            _relay(client, upstream)


def _read_head(client: socket.socket) -> tuple[bytes, bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data and len(data) < _HEAD_LIMIT:
        part = client.recv(4096)
        if not part:
            break
        data += part
    return data.partition(b"\r\n\r\n")


def _refuse(client: socket.socket, status: int, reason: str) -> None:
    """The reason stands in the status line: that is the part the API server repeats to whoever called it."""
    client.sendall(f"HTTP/1.1 {status} {reason}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())


def _relay(client: socket.socket, upstream: socket.socket) -> None:
    """Copies both ways until both sides have said all; a side that ends its half closes the other's half only."""
    other = {client: upstream, upstream: client}
    client.settimeout(None)
    upstream.settimeout(None)
    with selectors.DefaultSelector() as ready:
        for end in other:
            ready.register(end, selectors.EVENT_READ)
        while ready.get_map():
            for key, _ in ready.select():
                end = cast("socket.socket", key.fileobj)
                data = end.recv(_BUFFER)
                if data:
                    other[end].sendall(data)
                    continue
                ready.unregister(end)
                with contextlib.suppress(OSError):
                    other[end].shutdown(socket.SHUT_WR)
