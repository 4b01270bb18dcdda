"""What is read of a pod, and the series it becomes."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
from pathlib import Path
from typing import cast

import pytest

from rules import workload_metrics as facts
from sandbox.clock import SPEED
from sandbox.cluster import proc
from sandbox.cluster.pki import Pki
from sandbox.kube.client import Client
from sandbox.metrics.scraping import Scraper
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
