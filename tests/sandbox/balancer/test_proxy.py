"""What a client gets through the load balancer, good or bad."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rules.load_balancer import TLS_REFUSED
from sandbox.balancer import certificate
from sandbox.balancer.specs import HealthCheck
from sandbox.cluster.proc import free_ports
from tests.sandbox.balancer.servers import Behaviour, ask, server
from tests.sandbox.balancer.stage import Stage, backend, endpoint, rules, stage
from tests.sandbox.support import eventually


@pytest.fixture(autouse=True)
def _speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_SPEED", "20")


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[Stage]:
    """A load balancer that serves nothing yet."""
    with stage(tmp_path) as made:
        yield made


def logged(tmp_path: Path) -> list[dict[str, Any]]:
    """The access log."""
    file = tmp_path / "access.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_forwards_with_googles_headers(balancer: Stage) -> None:
    """The path, the body and end-to-end headers arrive; hop-by-hop ones do not; the client's address is told."""
    behaviour = Behaviour("one")
    with server(behaviour) as port:
        balancer.one(backend(), endpoint("a", port))
        status, body, headers = ask(
            balancer.port,
            "/v1/x?q=1",
            method="POST",
            body="hello",
            headers={"x-own": "1", "x-forwarded-for": "198.51.100.9", "te": "trailers"},
        )
    assert (status, json.loads(body)["body"], headers["via"]) == (200, "hello", "1.1 google")
    (seen,) = behaviour.seen
    assert seen["path"] == "/v1/x?q=1"
    assert seen["headers"]["x-own"] == "1"
    assert seen["headers"]["x-forwarded-for"] == "198.51.100.9,127.0.0.1,203.0.113.7"
    assert seen["headers"]["x-forwarded-proto"] == "http"
    assert "te" not in seen["headers"]


def test_connection_is_kept_and_sees_changes(balancer: Stage) -> None:
    """A client's connection outlives requests and configurations."""
    with server(Behaviour("one")) as port:
        balancer.one(backend(), endpoint("a", port))
        connection = http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=10)
        connection.request("GET", "/")
        assert connection.getresponse().read()
        held = connection.sock
        balancer.serve((), {})
        connection.request("GET", "/")
        response = connection.getresponse()
        assert (response.status, response.read()) == (404, b"fault filter abort")
        assert connection.sock is held
        connection.close()


def test_stream_is_not_gathered(balancer: Stage) -> None:
    """The first token reaches the client while the server still writes the last."""
    with server(Behaviour("one", stream=30)) as port:
        balancer.one(backend(), endpoint("a", port))
        connection = http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=10)
        began = time.monotonic()
        connection.request("GET", "/stream")
        response = connection.getresponse()
        assert response.readline() == b"data: 0\n"
        first = time.monotonic() - began
        rest = response.read().decode()
        assert "data: 29" in rest
        assert time.monotonic() - began - first > 0.4, "the rest came later"
        connection.close()


def test_chunked_request(balancer: Stage) -> None:
    """A body without a length arrives whole."""
    behaviour = Behaviour("one")
    with server(behaviour) as port:
        balancer.one(backend(), endpoint("a", port))
        connection = http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=10)
        connection.request("POST", "/", iter([b"ab", b"cd"]), {"transfer-encoding": "chunked"}, encode_chunked=True)
        assert connection.getresponse().status == 200
        connection.close()
    assert behaviour.seen[0]["body"] == "abcd"


def test_expect_continue(balancer: Stage) -> None:
    """A client such as curl waits for 100 Continue before it sends a long body."""
    with server(Behaviour("one")) as port, socket.create_connection(("127.0.0.1", balancer.port), 10) as client:
        balancer.one(backend(), endpoint("a", port))
        client.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(b"hi")
        assert client.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_timeout_before_the_answer_is_504(balancer: Stage, tmp_path: Path) -> None:
    """The incident: 30 s by default, and every longer completion ends in 504. The time is real, not the sandbox's."""
    with server(Behaviour("slow", pause=10.0)) as port:
        balancer.one(backend(timeout=0.5, log_share=1.0), endpoint("a", port))
        began = time.monotonic()
        assert ask(balancer.port, "/")[:2] == (504, "upstream request timeout")
        assert 0.4 < time.monotonic() - began < 8
    eventually(lambda: logged(tmp_path), "logged")
    payload = logged(tmp_path)[-1]["jsonPayload"]
    assert payload["statusDetails"] == "backend_timeout"
    assert 'error="http_response_timeout"' in payload["proxyStatus"]


def test_timeout_cuts_a_stream(balancer: Stage) -> None:
    """The timeout covers the whole answer: a stream ends in the middle, and the client can tell."""
    with server(Behaviour("one", stream=50)) as port:
        balancer.one(backend(timeout=0.5), endpoint("a", port))
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            ask(balancer.port, "/stream")


def test_no_healthy_upstream(balancer: Stage, tmp_path: Path) -> None:
    """A backend whose pods all fail their check, or are only simulated, is 503 in Envoy's words."""
    check = HealthCheck(type="HTTP", interval=1, timeout=1)
    spec = backend(check=check, log_share=1.0)
    with server(Behaviour("one", root=404)) as port:
        balancer.one(spec, endpoint("a", port), endpoint("b", None), healthy=0)
        eventually(lambda: "answered 404" in balancer.reasons(spec)[0], "the reason is known")
        assert "only simulated" in balancer.reasons(spec)[1]
        status, body, headers = ask(balancer.port, "/")
    assert (status, body, headers["content-type"]) == (503, "no healthy upstream", "text/plain")
    eventually(lambda: logged(tmp_path), "logged")
    payload = logged(tmp_path)[0]["jsonPayload"]
    assert payload["proxyStatus"] == 'error="destination_unavailable"; details="failed_to_pick_backend"'


def test_connection_refused(balancer: Stage) -> None:
    """Between a server's death and the failed check, clients get Envoy's words for a refused connection."""
    (closed,) = free_ports(1)
    with server(Behaviour("one")) as alive:
        balancer.one(backend(), endpoint("a", closed, check=alive))
        status, body, _ = ask(balancer.port, "/")
    assert status == 503
    assert "delayed connect error: Connection refused" in body


def test_server_without_a_process(balancer: Stage, tmp_path: Path) -> None:
    """A container in back-off is a refused connection for its share of requests, not a backend without endpoints."""
    with server(Behaviour("one")) as alive:
        balancer.one(backend(log_share=1.0), endpoint("a", alive), endpoint("b", None, check=alive))
        answers = [ask(balancer.port, "/")[:2] for _ in range(4)]
    assert sorted(status for status, _ in answers) == [200, 200, 503, 503]
    assert all("Connection refused" in body for status, body in answers if status == 503)
    eventually(lambda: len(logged(tmp_path)) == len(answers), "all are logged")
    details = {entry["jsonPayload"]["statusDetails"] for entry in logged(tmp_path)}
    assert details == {"response_sent_by_backend", "failed_to_connect_to_backend"}


def test_server_that_hangs_up(balancer: Stage) -> None:
    """A server that dies while it works leaves a 503, not a broken connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        balancer.one(backend(), endpoint("a", listening.getsockname()[1]), healthy=1)

        def hang_up() -> None:
            while True:
                try:
                    peer, _ = listening.accept()
                except OSError:
                    return
                peer.recv(1000)
                peer.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        status, body, _ = ask(balancer.port, "/")
    assert (status, "connection termination" in body) == (503, True)


def test_round_robin_and_weights(balancer: Stage) -> None:
    """Endpoints take turns; backends get exactly their share."""
    with server(Behaviour("one")) as first, server(Behaviour("two")) as second:
        heavy, light = backend("heavy"), backend("light")
        fleet = {
            heavy.key: (heavy, [endpoint("a", first)]),
            light.key: (light, [endpoint("b", second)]),
        }
        balancer.serve(rules(({}, ((heavy.key, 3), (light.key, 1)))), fleet)
        eventually(lambda: all(b.healthy() for b in balancer.fleet.backends.values()), "healthy")
        found = [json.loads(ask(balancer.port, "/")[1])["server"] for _ in range(8)]
        assert (found.count("one"), found.count("two")) == (6, 2)
        balancer.one(heavy, endpoint("a", first), endpoint("b", second))
        found = [json.loads(ask(balancer.port, "/")[1])["server"] for _ in range(4)]
        assert sorted(found) == ["one", "one", "two", "two"]


def test_https_backend(balancer: Stage, tmp_path: Path) -> None:
    """With appProtocol https the server is spoken to in TLS, whoever signed its certificate."""
    context = certificate.local(tmp_path, "server", ["x"])
    with server(Behaviour("one"), context) as port:
        balancer.one(backend(protocol="https"), endpoint("a", port))
        assert json.loads(ask(balancer.port, "/v1")[1])["path"] == "/v1"
    with server(Behaviour("plain")) as port:
        balancer.one(backend("other", protocol="https"), endpoint("b", port))
        status, text, _ = ask(balancer.port, "/v1")
        assert (status, text) == (503, TLS_REFUSED), "the incident: https in front of a server without TLS"


def test_client_that_leaves(balancer: Stage, tmp_path: Path) -> None:
    """Nobody waits for the answer to a client that has gone; the log says who went."""
    with server(Behaviour("slow", pause=10.0)) as port:
        balancer.one(backend(log_share=1.0), endpoint("a", port))
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", balancer.port), 10) as client:
            client.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        eventually(lambda: logged(tmp_path), "logged")
        assert time.monotonic() - began < 8
    entry = logged(tmp_path)[0]
    assert (entry["jsonPayload"]["statusDetails"], entry["httpRequest"]["status"]) == (
        "client_disconnected_before_any_response",
        0,
    )


def test_draining_lets_requests_end(balancer: Stage) -> None:
    """A pod that leaves gets no new request; one under way ends, within the draining time."""
    spec = backend(draining=5.0)
    with server(Behaviour("one", stream=6)) as port, server(Behaviour("two")) as other:
        balancer.one(spec, endpoint("a", port))
        connection = http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=10)
        connection.request("GET", "/stream")
        response = connection.getresponse()
        balancer.update({spec.key: (spec, [endpoint("b", other)])})
        eventually(lambda: len(balancer.fleet.backends[spec.key].healthy()) == 1, "the other one is healthy")
        assert json.loads(ask(balancer.port, "/")[1])["server"] == "two"
        assert "data: 5" in response.read().decode()
        connection.close()
        eventually(lambda: len(balancer.fleet.backends[spec.key].states()) == 1, "drained")


def test_without_draining_requests_are_cut(balancer: Stage) -> None:
    """GKE's default draining time is 0: what is under way on a pod that goes is cut."""
    spec = backend()
    with server(Behaviour("one", stream=50)) as port:
        balancer.one(spec, endpoint("a", port))
        connection = http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=10)
        connection.request("GET", "/stream")
        response = connection.getresponse()
        balancer.update({spec.key: (spec, [])})
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            response.read()
        connection.close()


@pytest.mark.parametrize(
    "request_bytes", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n"], ids=["no-http", "header"]
)
def test_nonsense_is_400(balancer: Stage, request_bytes: bytes) -> None:
    """What is no request gets an answer, and the connection ends."""
    with socket.create_connection(("127.0.0.1", balancer.port), 10) as client:
        client.sendall(request_bytes)
        answer = b""
        while piece := client.recv(1000):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 400")
