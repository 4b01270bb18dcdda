"""What the metrics APIs answer, and how often an autoscaler asks them."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
from pathlib import Path

import pytest

from rules import workload_metrics as facts
from sandbox.clock import SPEED
from sandbox.cluster import components, proc
from sandbox.cluster.pki import Pki
from sandbox.metrics.apis import Apis
from sandbox.metrics.series import Series
from sandbox.metrics.usage import Meter
from sandbox.node.addresses import AddressBook, Addresses, PodAddress, file_of
from sandbox.serving.http import Request
from tests.sandbox.metrics.exposition import IN_FLIGHT, TEXT, Clock, Object, pod, target


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


def test_of_several_series_of_a_pod_it_is_always_the_same(world: World) -> None:
    """An autoscaler must not get one server's value now and another's in the next look, as they happen to be scraped."""
    metric = f"prometheus.googleapis.com|{IN_FLIGHT}|gauge".replace("|", "%7C")
    path = f"/apis/custom.metrics.k8s.io/v1beta2/namespaces/n/pods/*/{metric}"
    sidecar = dataclasses.replace(target(), port=9000)
    found: set[str] = set()
    for order in ((target(), sidecar), (sidecar, target())):
        world.series = Series({}, world.clock)
        world.apis = Apis(facts.CUSTOM_VERSIONS, world.meter, world.series, lambda: world.pods, prometheus=True)
        for one in order:
            world.series.ingest(one, (TEXT % 1).replace("12.0", str(one.port)))
            world.clock.now += 1
        (item,) = world.ask(path)[1]["items"]
        found.add(item["value"])
    assert found == {"8000000m"}


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
