"""What is read of a pod, and the series it becomes."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import logging
from pathlib import Path
from typing import cast

import pytest

from rules import workload_metrics as facts
from sandbox.clock import SPEED
from sandbox.cluster import proc
from sandbox.cluster.pki import Pki
from sandbox.kube.client import Client
from sandbox.metrics.scraping import Scraper, fetch
from sandbox.metrics.selectors import parse
from sandbox.metrics.series import Series
from sandbox.node.addresses import AddressBook, Addresses, PodAddress, file_of
from sandbox.serving.http import Request, Response, Server, server_tls
from tests.sandbox.metrics.exposition import IN_FLIGHT, TEXT, Clock, Object, target


def test_series_have_the_names_and_values_of_cloud_monitoring(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gauge is its value, a counter its rate, a histogram's parts are no metrics, and what is old is forgotten."""
    monkeypatch.setenv(SPEED, "1")
    clock = Clock()
    series = Series({"cluster": "c"}, clock)
    series.ingest(target(), TEXT % 10)
    gauge, counter = f"{facts.PROMETHEUS_PREFIX}/{IN_FLIGHT}/gauge", f"{facts.PROMETHEUS_PREFIX}/requests_total/counter"
    assert [point.value for point in series.points(gauge, {})] == [12.0]
    assert series.known(counter)
    assert series.points(counter, {}) == [], "one point has no rate"
    clock.now += 10
    series.ingest(target(), TEXT % 60)
    (rate,) = series.points(counter, parse("metric.labels.code=200,resource.labels.namespace=n,metric.labels.pod=a"))
    assert (rate.value, rate.window) == (5.0, 10.0)
    assert series.points(counter, parse("metric.labels.code=500")) == []
    clock.now += 10
    series.ingest(target(), TEXT % 0)
    assert series.points(counter, {})[0].value == 0, "a server that was started again does not count backwards"
    assert not series.known(f"{facts.PROMETHEUS_PREFIX}/took_count/unknown")
    assert series.known(f"{facts.PROMETHEUS_PREFIX}/no_type/unknown")
    clock.now += facts.RETENTION_SECONDS + 1
    assert series.points(gauge, {}) == []
    assert series.known(gauge)


def test_autoscaling_metrics_are_gauges_alone() -> None:
    """A counter that an AutoscalingMetric names is not handed out."""
    series = Series({})
    series.ingest(target(names=((IN_FLIGHT, "load"), ("requests_total", "requests"))), TEXT % 1)
    assert [point.value for point in series.points("autoscaling.gke.io/web/load", {})] == [12.0]
    assert not series.known("autoscaling.gke.io/web/requests")
    assert not series.known(f"{facts.PROMETHEUS_PREFIX}/{IN_FLIGHT}/gauge"), "it opens no way to managed Prometheus"


def test_what_two_targets_say_of_one_pod_is_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ports, or two monitors, of a pod: each has its own series, and a rate of its own instead of leaps between both."""
    monkeypatch.setenv(SPEED, "1")
    clock = Clock()
    series = Series({}, clock)
    others = [dataclasses.replace(target(), port=9000), dataclasses.replace(target(), monitor="other")]
    for step in range(2):
        for place, one in enumerate((target(), *others)):
            series.ingest(one, TEXT % (1000 * place + 10 * step * (place + 1)))
        clock.now += 10
    gauge, counter = f"{facts.PROMETHEUS_PREFIX}/{IN_FLIGHT}/gauge", f"{facts.PROMETHEUS_PREFIX}/requests_total/counter"
    found = {
        (point.labels["resource.labels.job"], point.labels["resource.labels.instance"]): point.value
        for point in series.points(counter, {})
    }
    assert found == {("web", "a:8000"): 1.0, ("web", "a:9000"): 2.0, ("other", "a:8000"): 3.0}
    assert len(series.points(gauge, {})) == 3


class Secrets:
    """A client that knows one Secret, which the collector may read if `allowed`."""

    def __init__(self, *, allowed: bool) -> None:
        self._allowed = allowed

    def create(self, review: Object) -> Object:
        """The answer to a SubjectAccessReview."""
        asked = review["spec"]["user"] == "system:serviceaccount:gmp-system:collector"
        return {"status": {"allowed": self._allowed and asked}}

    def get(self, _version: str, _kind: str, name: str, namespace: str) -> Object | None:
        """It, under its own name."""
        known = (namespace, name) == ("n", "reader")
        return {"data": {"token": base64.b64encode(b"secret-token").decode()}} if known else None


def test_a_scrape_shows_the_token_and_ignores_who_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoint pickers want the bearer token that the PodMonitoring names; servers with TLS sign for themselves."""
    monkeypatch.setenv(SPEED, "1000")
    pki = Pki(tmp_path / "pki")
    pki.ensure("10.0.0.1")
    certificate, key = pki.pair("apiserver")
    (port,) = proc.free_ports(1)
    AddressBook(file_of(tmp_path)).write({"n/a": PodAddress(pod_ip="10.0.0.1", ports={8000: port})})
    seen: list[str] = []
    again = asyncio.Event()

    async def answer(request: Request) -> Response:
        seen.append(request.headers.get("authorization", ""))
        if len(seen) > 1:
            again.set()
        return Response(body=(TEXT % 1).encode(), content_type="text/plain")

    async def scrape() -> None:
        server = Server(answer, port, tls=server_tls(str(certificate), str(key)))
        await server.start()
        series = Series({})
        wanted = dataclasses.replace(target(), scheme="https", secret=("n", "reader", "token"))
        # The collector without the right comes first: its requests would be seen before those of the other one.
        for allowed in (False, True):
            client = cast("Client", Secrets(allowed=allowed))
            scraper = Scraper(client, Addresses(file_of(tmp_path)), series)
            scraper.update({wanted, dataclasses.replace(target("gone"), scheme="https")})
        await asyncio.wait_for(again.wait(), 10)
        scraper.update(set())
        await server.stop(0.1)
        assert series.known(f"{facts.PROMETHEUS_PREFIX}/{IN_FLIGHT}/gauge")

    asyncio.run(scrape())
    assert set(seen) == {"Bearer secret-token"}, "never without it"


def test_a_target_that_answers_nonsense_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The incident: one answer that was no HTTP, or one odd token, and a target was never read again, without a word."""
    monkeypatch.setenv(SPEED, "1000")
    (port,) = proc.free_ports(1)
    AddressBook(file_of(tmp_path)).write({"n/a": PodAddress(pod_ip="10.0.0.1", ports={8000: port})})
    answers = [b"no HTTP at all\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\ncut"]

    whole = 0
    again = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal whole
        await reader.readuntil(b"\r\n\r\n")
        if not answers:
            whole += 1
            if whole > 1:  # the first one has been taken in by now
                again.set()
        writer.write(answers.pop(0) if answers else b"HTTP/1.1 200 OK\r\n\r\n" + (TEXT % 1).encode())
        await writer.drain()
        writer.close()

    async def scrape() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", port)
        series, secrets = Series({}), Odd(allowed=True)
        scraper = Scraper(cast("Client", secrets), Addresses(file_of(tmp_path)), series)
        scraper.update({dataclasses.replace(target(), secret=("n", "reader", "token"))})
        try:
            await asyncio.wait_for(again.wait(), 20)
        finally:
            scraper.update(set())
            server.close()
        assert series.known(f"{facts.PROMETHEUS_PREFIX}/{IN_FLIGHT}/gauge")

    with caplog.at_level(logging.WARNING):
        asyncio.run(scrape())
    assert answers == []
    (said,) = [record.getMessage() for record in caplog.records if record.name == "sandbox.metrics.scraping"]
    assert said.startswith("n/a:8000: "), "what is no answer but a fault of ours or of the stack is told, once"


class Odd(Secrets):
    """A token that is no base64 at first: twice, so that it would be told twice."""

    _spoilt = 2

    def get(self, _version: str, _kind: str, name: str, namespace: str) -> Object | None:
        """It, spoilt or whole."""
        self._spoilt -= 1
        return {"data": {"token": "x"}} if self._spoilt >= 0 else super().get(_version, _kind, name, namespace)


def test_only_what_is_http_is_an_answer() -> None:
    """Callers expect one kind of error, whatever listens."""

    async def scrape() -> None:
        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"no HTTP at all\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            with pytest.raises(OSError, match="no HTTP"):
                await asyncio.to_thread(fetch, f"http://127.0.0.1:{port}/metrics")
        finally:
            server.close()

    asyncio.run(scrape())
