"""The load test: when it sends, what it tells of the answers, and what it says to wrong input."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from operations.http_connections import BrokenAnswerError, Connections, HttpTarget, TargetError
from operations.load_test import Limits, Plan, Result, Sample, main, percentile, run


class Server(ThreadingHTTPServer):
    """Answers as `status`, `pause` and `chunked` say, and counts its connections."""

    daemon_threads = True
    request_queue_size = 128
    status = 200
    pause = 0.0
    chunked = False
    connections = 0
    bodies: list[bytes]

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}/x?y=1"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def setup(self) -> None:
        """Counts."""
        self.server.connections += 1
        super().setup()

    def do_GET(self) -> None:
        """The answer."""
        time.sleep(self.server.pause)
        self.send_response(self.server.status)
        self.send_header("X-Served-By", "pod-a")
        if self.server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\nabc\r\n0\r\n\r\n")
            return
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"abc")

    def do_POST(self) -> None:
        """The answer to a body."""
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the one it replaces
        """Quiet."""


@contextmanager
def serving() -> Generator[Server]:
    """A server of the test's own."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.bodies = []
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def target(server: Server) -> HttpTarget:
    """A GET to it."""
    return HttpTarget.of(server.url, headers={})


def test_the_rate_is_kept_after_the_ramp() -> None:
    """A ramp of r seconds sends half as many; afterwards the distance between requests is 1/rate."""
    times = list(Plan(rate=10, duration=10, ramp=4).times())
    assert len(times) == 80
    assert sum(at < 4 for at in times) == 20
    assert times == sorted(times)
    assert times[50] - times[49] == pytest.approx(0.1)
    assert max(times) < 10
    assert list(Plan(rate=2, duration=2).times()) == [0, 0.5, 1, 1.5]


def test_answers_are_counted_by_status_and_backend() -> None:
    """Connections are kept, the header tells the backend, both ways of ending a body are understood."""
    for chunked in (False, True):
        with serving() as server:
            server.chunked = chunked
            found = asyncio.run(run(target(server), Plan(rate=100, duration=0.5))).summary()
            assert found.statuses == {"200": 50}
            assert found.backends == {"pod-a": 50}
            assert found.error_ratio == 0
            assert server.connections < 25, "connections are used again"


def test_slow_answers_do_not_slow_the_sending() -> None:
    """Open loop: with 0.3 s an answer, a closed loop with one client would send two; what is late counts from its time."""
    with serving() as server:
        server.pause = 0.3
        began = time.monotonic()
        result = asyncio.run(run(target(server), Plan(rate=40, duration=0.5)))
        assert len(result.samples) == 20
        assert time.monotonic() - began < 5
        assert result.summary().latency["p50"] >= 0.3
        limited = asyncio.run(run(target(server), Plan(rate=40, duration=0.5, most_open=2))).summary()
        assert any("not sent" in reason for reason in limited.failures)
        hasty = asyncio.run(run(target(server), Plan(rate=10, duration=0.2, timeout=0.05))).summary()
        assert hasty.failures == {"no answer within 0.05 s": 2}


def test_a_server_that_is_not_there_is_told() -> None:
    """By the system's words, as failed requests."""
    with serving() as server:
        url = server.url
    found = asyncio.run(run(HttpTarget.of(url, headers={}), Plan(rate=10, duration=0.2))).summary()
    assert found.error_ratio == 1
    assert any("refused" in reason.lower() or "connect" in reason.lower() for reason in found.failures)


def test_an_answer_that_is_no_http() -> None:
    """Such as a server that speaks something else on that port."""

    async def ask() -> None:
        async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"SSH-2.0-x\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            await Connections(HttpTarget.of(f"http://127.0.0.1:{port}/", headers={})).send()

    with pytest.raises(BrokenAnswerError, match="is no HTTP"):
        asyncio.run(ask())


def test_percentiles_and_evenness() -> None:
    """Nearest rank; the share of the least busy backend by the busiest; later requests by themselves."""
    assert [percentile([1, 2, 3, 4], part) for part in (50, 95, 100)] == [2, 4, 4]
    assert percentile([], 95) == 0
    result = Result()
    for number in range(10):
        backend = "a" if number < 8 else "b"
        result.samples.append(Sample(at=number, latency=1, status=200, backend=backend))
    result.samples.append(Sample(at=10, latency=1, status=503, backend="c"))
    assert result.summary().evenness == 0.25
    assert result.summary(since=8).backends == {"b": 2}
    assert result.summary(since=8).error_ratio == pytest.approx(1 / 3)
    assert Result().summary().evenness == 0


def test_limits_decide_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """0 within, 1 beyond, and the words say which limit and by how much."""
    with serving() as server:
        few = ["--rate", "20", "--duration", "0.2"]
        assert main([server.url, *few, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["statuses"] == {"200": 4}
        assert main([server.url, *few, "--max-p95", "0.000001"]) == 1
        assert "P95 is" in capsys.readouterr().err
        server.status = 503
        assert main([server.url, *few]) == 1
        assert "100.00% of the requests failed; the limit is 1.00%" in capsys.readouterr().err
        assert main([server.url, *few, "--max-error-ratio", "1"]) == 0
        server.status = 200
        assert main([server.url, *few, "--body", '{"a": 1}']) == 0
        assert server.bodies == [b'{"a": 1}'] * 4
    assert not Limits(error_ratio=0, p95=None).broken(Result().summary())


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "hint: every answer was 404: no route leads to this path. Give the whole address, such as http://"),
        (405, "hint: every answer was 405: completions want a POST with a body, such as OPTIONS="),
    ],
)
def test_answers_that_are_all_the_same_say_what_is_wrong(
    status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The incident: 100 % of 404, as the address was the Gateway's and not the model's."""
    with serving() as server:
        server.status = status
        assert main([server.url, "--rate", "20", "--duration", "0.1"]) == 1
        assert words in capsys.readouterr().err
        server.status = 503
        assert main([server.url, "--rate", "20", "--duration", "0.1"]) == 1
        assert "hint" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["localhost:80"], "url: 'localhost:80' is no HTTP URL"),
        ([""], "is no HTTP URL. Write one such as"),
        (["http://h:x/"], "url: 'http://h:x/'"),
        (["http://h/", "--rate", "0"], "rate: 0 cannot be used. Write a number above 0."),
        (["http://h/", "--duration", "nan"], "duration: nan cannot be used"),
        (["http://h/", "--ramp", "31"], "ramp: 31 is not within the duration. Write 0 to 30"),
        (["http://h/", "--header", "x"], "header: 'x' has no name and value"),
        (["http://h/", "--header", "a: ü"], "a character that HTTP cannot carry"),
        (["http://h/", "--body", "@/no/such"], "body: '/no/such': No such file"),
        (["http://h/", "--max-error-ratio", "5"], "max-error-ratio: 5 is no share"),
        (["http://h/", "--most-open", "0"], "most open requests: 0"),
    ],
)
def test_wrong_input_is_told_before_anything_is_sent(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, the input, the reason and what to write; no traceback."""
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


def test_a_target_keeps_given_headers() -> None:
    """A Host of one's own is how a Gateway with host names is reached by its address."""
    made = HttpTarget.of("https://192.0.2.1/a", headers={"Host": "models.example.com"})
    assert made.request.startswith(b"GET /a HTTP/1.1\r\n")
    assert made.request.count(b"Host:") == 1
    assert b"Host: models.example.com" in made.request
    assert (made.port, made.tls is not None) == (443, True)
    with pytest.raises(TargetError):
        HttpTarget.of("http://h/a b\n", headers={"x": "a\nb"})
