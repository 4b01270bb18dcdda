"""The egress proxy: the API server reaches local processes by the address of their Service, and only those."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.cluster.egress import EgressProxy


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[EgressProxy]:
    """A proxy whose socket is in a directory deeper than a Unix socket's name may be."""
    directory = tmp_path / ("d" * 120)
    running = EgressProxy(directory, "run/egress.sock")
    running.start()
    yield running
    running.stop()
    assert not (directory / "run" / "egress.sock").exists()


def connect(proxy: EgressProxy, request: str, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """Sends `request` from the proxy's directory, as the API server does."""
    monkeypatch.chdir(proxy.directory)
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(10)
    client.connect("run/egress.sock")
    client.sendall(request.encode())
    return client


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that answers one line with the same line and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(connection.recv(100))

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def test_tunnel(proxy: EgressProxy, echo: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """CONNECT to a Service reaches the process behind it; the other side's end reaches the caller."""
    proxy.resolve = lambda host, port: ("127.0.0.1", echo) if (host, port) == ("10.0.0.7", 443) else None
    with connect(proxy, "CONNECT 10.0.0.7:443 HTTP/1.1\r\nHost: x\r\n\r\n", monkeypatch) as client:
        assert client.recv(100) == b"HTTP/1.1 200 Connection Established\r\n\r\n"
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
        assert client.recv(100) == b""


@pytest.mark.parametrize(
    ("request_line", "answer"),
    [
        ("CONNECT 10.0.0.8:443 HTTP/1.1", "HTTP/1.1 503 no ready pod of this cluster is behind 10.0.0.8:443"),
        ("CONNECT 10.0.0.8 HTTP/1.1", "HTTP/1.1 400 '10.0.0.8' is not host:port"),
        ("GET / HTTP/1.1", "HTTP/1.1 405 this proxy answers CONNECT only"),
    ],
)
def test_refusals(proxy: EgressProxy, request_line: str, answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is in the status line, which the API server repeats in its own error."""
    with connect(proxy, f"{request_line}\r\n\r\n", monkeypatch) as client:
        assert client.recv(1000).decode().splitlines()[0] == answer


def test_process_that_does_not_listen(proxy: EgressProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod that counts as ready but has gone is named with its local address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    proxy.resolve = lambda _host, _port: ("127.0.0.1", port)
    with connect(proxy, "CONNECT 10.0.0.9:443 HTTP/1.1\r\n\r\n", monkeypatch) as client:
        answer = client.recv(1000).decode()
    assert f"10.0.0.9:443 is 127.0.0.1:{port} on this machine: Connection refused" in answer
