"""The parts of the metrics process by themselves: who is read, what is kept, what is answered."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import os
from pathlib import Path
from typing import Any, cast

import pytest

from rules import workload_metrics as facts
from sandbox.clock import SPEED
from sandbox.cluster import components, proc
from sandbox.cluster.pki import Pki
from sandbox.kube.client import Client
from sandbox.metrics.apis import Apis
from sandbox.metrics.scraping import Scraper
from sandbox.metrics.selectors import SelectorError, parse, selects
from sandbox.metrics.series import Series
from sandbox.metrics.targets import Target, seconds, targets
from sandbox.metrics.usage import Meter
from sandbox.node.addresses import AddressBook, Addresses, PodAddress, file_of
from sandbox.serving.http import Request, Response, Server, server_tls
from tests.sandbox.metrics.objects import IMAGE, autoscaling_metric, pod_monitoring

Object = dict[str, Any]
IN_FLIGHT = "inference_in_flight_requests"
TEXT = """# TYPE inference_in_flight_requests gauge
inference_in_flight_requests 12.0
# TYPE requests counter
requests_total{code="200"} %d
# TYPE took histogram
took_bucket{le="+Inf"} 1
took_count 1
took_sum 1
no_type 3
"""


def pod(name: str = "a", namespace: str = "n", phase: str = "Running", image: str = IMAGE, **labels: str) -> Object:
    """A pod of the Deployment `web`."""
    container = {"name": "server", "image": image, "ports": [{"name": "http", "containerPort": 8000}]}
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "labels": {"app": "web", **labels}},
        "spec": {"containers": [container], "nodeName": "node"},
        "status": {"phase": phase, "podIP": "10.0.0.1"},
    }


def target(name: str = "a", names: tuple[tuple[str, str], ...] | None = None) -> Target:
    """How `pod(name)` is read."""
    return Target(
        namespace="n",
        pod=name,
        uid=f"uid-{name}",
        source="managed-prometheus" if names is None else "autoscaling",
        monitor="web",
        port=8000,
        path="/metrics",
        scheme="http",
        interval=15,
        names=names,
    )


class Clock:
    """Time that passes when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        """Unix time."""
        return self.now


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", True),
        ("a=b", True),
        ("a==b,c", True),
        ("a!=b", False),
        ("d!=e", True),
        ("a in (x, b),!d", True),
        ("a notin (b)", False),
        ("!a", False),
    ],
)
def test_selectors(text: str, fits: bool) -> None:
    """As the API server writes them into its queries."""
    assert selects(parse(text), {"a": "b", "c": ""}) is fits


def test_a_selector_that_is_none() -> None:
    """It is refused, not taken for one that selects everything."""
    with pytest.raises(SelectorError, match="a b"):
        parse("a b")


def test_only_what_is_selected_is_read() -> None:
    """Pods of other namespaces, other labels, other phases or without the named port are not there for an autoscaler."""
    pods = [pod(), pod("b", namespace="other"), pod("c", app="x"), pod("d", phase="Pending")]
    assert {item.pod for item in targets(pods, [pod_monitoring("n")], [], [])} == {"a"}
    everywhere = {**pod_monitoring("n"), "metadata": {"name": "web"}}
    assert {item.pod for item in targets(pods, [], [everywhere], [])} == {"a", "b"}
    elsewhere = pod_monitoring("n")
    elsewhere["spec"]["endpoints"][0]["port"] = "other"
    assert targets(pods, [elsewhere], [], []) == set()
    (native,) = targets(pods, [], [], [autoscaling_metric("n", IN_FLIGHT)])
    assert native.names == ((IN_FLIGHT, "load"),)


@pytest.mark.parametrize(("text", "wanted"), [("15s", 15), ("1m30s", 90), ("500ms", 0.5), ("", 60), ("x", 60)])
def test_intervals(text: str, wanted: float) -> None:
    """Prometheus durations; a minute where none is given."""
    assert seconds(text) == wanted


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


class World:
    """Pods of this machine, with a meter and the APIs."""

    def __init__(self, directory: Path) -> None:
        self.clock = Clock()
        self.series = Series({}, self.clock)
        self.directory = directory
        self.pods = [pod(), pod("b")]
        self.cpu = 1.0
        addresses = Addresses(file_of(directory))
        self.meter = Meter(
            directory, addresses, fetch=lambda _url: json.dumps({"cpuSeconds": self.cpu}), clock=self.clock
        )
        versions = (*facts.RESOURCE_VERSIONS, *facts.CUSTOM_VERSIONS, *facts.EXTERNAL_VERSIONS)
        self.apis = Apis(versions, self.meter, self.series, lambda: self.pods, prometheus=True)

    def ask(self, path: str, query: str = "") -> tuple[int, Object]:
        """Status and JSON of an answer."""
        request = Request(method="GET", path=path, query=query, headers={}, body=b"", peer="")
        response = asyncio.run(self.apis.handle(request))
        return response.status, json.loads(response.body)

    def process(self, name: str) -> None:
        """Makes this process the pod's."""
        run = self.directory / "run" / "pods" / f"uid-{name}"
        run.mkdir(parents=True)
        record = {"pid": os.getpid(), "started": proc.start_time(os.getpid())}
        (run / "server.pid").write_text(json.dumps(record))
        AddressBook(file_of(self.directory)).write({f"n/{name}": PodAddress(pod_ip="10.0.0.1", ports={8000: 1})})


@pytest.fixture
def world(tmp_path: Path) -> World:
    """See `World`."""
    return World(tmp_path)


def test_cpu_is_a_rate_and_needs_two_looks(world: World) -> None:
    """A stand-in's simulated CPU counts; a pod that is only simulated uses nothing; a node is the sum of its pods."""
    world.process("a")
    world.meter.look(world.pods)
    root = "/apis/metrics.k8s.io/v1beta1"
    assert world.ask(f"{root}/namespaces/n/pods/a")[0] == 404, "one look is no rate"
    world.clock.now += 10
    world.cpu += 9.5
    world.meter.look(world.pods)
    status, body = world.ask(f"{root}/namespaces/n/pods")
    used = {item["metadata"]["name"]: item["containers"][0]["usage"] for item in body["items"]}
    assert status == 200
    assert used["a"]["cpu"] == "950000000n"
    assert used["b"] == {"cpu": "0n", "memory": "0Ki"}
    assert body["items"][0]["window"] == "10.000s"
    node = world.ask(f"{root}/nodes/node")[1]
    assert node["usage"]["cpu"] == "950000000n"
    assert world.ask(f"{root}/namespaces/other/pods")[1]["items"] == []
    assert [item["metadata"]["name"] for item in world.ask(f"{root}/pods", "labelSelector=app%3Dx")[1]["items"]] == []


def test_custom_metrics_in_both_versions(world: World) -> None:
    """v1beta2 and v1beta1 name a metric in different places; a pod without it is left out, none at all is 404."""
    metric = f"prometheus.googleapis.com|{IN_FLIGHT}|gauge"
    path = f"/apis/custom.metrics.k8s.io/{{}}/namespaces/n/pods/*/{metric.replace('|', '%7C')}"
    status, body = world.ask(path.format("v1beta2"))
    assert (status, body["message"]) == (404, facts.no_descriptor(metric.replace("|", "/")))
    world.series.ingest(target(), TEXT % 1)
    new, old = (world.ask(path.format(version))[1]["items"] for version in ("v1beta2", "v1beta1"))
    assert [(item["describedObject"]["name"], item["value"], item["metric"]["name"]) for item in new] == [
        ("a", "12000m", metric)
    ]
    assert old[0]["metricName"] == metric
    status, body = world.ask(path.format("v1beta2"), "labelSelector=app%3Dother")
    assert (status, body["message"]) == (404, facts.no_points(metric))
    assert world.ask(path.format("v1beta2"), "metricLabelSelector=a+b")[0] == 400


def test_discovery(world: World) -> None:
    """What the API server asks before it takes the APIs for available, and the newest version first."""
    for version in (*facts.RESOURCE_VERSIONS, *facts.CUSTOM_VERSIONS, *facts.EXTERNAL_VERSIONS):
        status, body = world.ask(f"/apis/{version.group}/{version.version}")
        assert (status, body["kind"]) == (200, "APIResourceList")
    preferred = world.ask("/apis/custom.metrics.k8s.io")[1]["preferredVersion"]["version"]
    assert preferred == "v1beta2"
    assert world.ask("/apis/custom.metrics.k8s.io/v1")[0] == 404
    assert world.ask("/openapi/v2")[0] == 404


def test_the_autoscalers_own_periods_pass_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At ten times GKE's speed it looks every 1.5 s, and never more often than twice a second."""
    ports = components.Ports(apiserver=1, etcd=2, etcd_peer=3, controller_manager=4, scheduler=5)

    def period() -> str:
        flags = components.controller_manager(tmp_path, Pki(tmp_path), ports, kubeconfig=tmp_path)
        (flag,) = [flag for flag in flags if "autoscaler-sync-period" in flag]
        return flag.partition("=")[2]

    monkeypatch.setenv(SPEED, "10")
    assert period() == "1.500s"
    monkeypatch.setenv(SPEED, "1000")
    assert period() == "0.500s"


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
