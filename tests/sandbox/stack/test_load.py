"""The load test of an operator's report: an autoscaled service under load, with the right probe paths and with wrong ones.

The objects are those that the program makes for examples/http-services, on a real API server with its real autoscaler; the
servers are the stand-ins, requests go through the load balancer.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from operations.http_connections import HttpTarget
from operations.load_test import Plan, Result, run
from sandbox.balancer import state
from sandbox.clock import SPEED
from sandbox.cluster.runtime import ClusterRuntime
from sandbox.cluster.spec import NodePoolSpec
from sandbox.home import CHECKOUT
from sandbox.node.logs import log_file
from tests.components.recording import KEY, build
from tests.sandbox.support import StartCluster, eventually

Object = dict[str, Any]

EXAMPLE = CHECKOUT / "examples" / "http-services" / "Pulumi.http-services.yaml"
NODES = NodePoolSpec(name="system", machine_type="e2-standard-8", zones=("us-east5-b",), nodes_per_zone=2)
GATEWAY_API = "gateway.networking.k8s.io/v1"
NAME = "inference"
AUTOSCALER = "HorizontalPodAutoscaler"
KINDS = (
    *("Namespace", "ServiceAccount", "Service", "AutoscalingMetric", "Deployment", "HTTPRoute", "HealthCheckPolicy"),
    *("GCPBackendPolicy", "PodDisruptionBudget", "PodMonitoring", AUTOSCALER),
)
RATE = 70
"""Requests a second: more than two pods can take (53), less than four (106)."""


def manifests(**changes: Any) -> list[Object]:
    """What the program makes for the example's first service, scaled at once and by what GKE reads from its pods."""
    settings: Object = yaml.safe_load(EXAMPLE.read_text())["config"][KEY]
    service: Object = {**settings["services"][0], **changes}
    scaling: Object = service["autoscaling"]
    metrics = [{**metric, "source": "pods"} for metric in scaling["metrics"]]
    service["autoscaling"] = {**scaling, "metrics": metrics, "scaleUpWindowSeconds": 0}
    settings["services"] = [service]
    settings["cluster"]["releaseChannel"] = "RAPID"  # where GKE reads metrics from pods
    graph = build(settings, stack="http-services")
    found = [resource.inputs for kind in KINDS for resource in graph.manifests_of(kind)]
    return [{key: value for key, value in item.items() if value is not None} for item in found]


class Service:
    """The service in a cluster, reached through its Gateway."""

    def __init__(self, cluster: ClusterRuntime, objects: list[Object]) -> None:
        self.client = cluster.client
        self.directory: Path = cluster.directory
        self.namespace = next(item["metadata"]["name"] for item in objects if item["kind"] == "Namespace")
        self.apply(objects[:1])
        (gateway,) = {item["spec"]["parentRefs"][0]["name"] for item in objects if item["kind"] == "HTTPRoute"}
        listener = {"name": "http", "port": 80, "protocol": "HTTP"}
        spec = {"gatewayClassName": "gke-l7-regional-external-managed", "listeners": [listener]}
        place = {"name": gateway, "namespace": self.namespace}
        self.client.create({"apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": place, "spec": spec})
        self.apply([item for item in objects[1:] if item["kind"] != AUTOSCALER])
        # As on GKE, an autoscaler that has just raised 1 to its minimum may not double again within its period of 60 s.
        self.client.merge_patch("apps/v1", "Deployment", NAME, self.namespace, {"spec": {"replicas": 2}})

    def apply(self, objects: list[Object]) -> None:
        """Makes the objects of the cluster what they are here."""
        for item in objects:
            self.client.apply(item, field_manager="test")

    def pods(self) -> dict[str, Object]:
        """The service's pods by name."""
        return {pod["metadata"]["name"]: pod for pod in self.client.list("v1", "Pod", self.namespace)}

    def ready(self) -> set[str]:
        """Names of the pods that are Ready."""
        return {name for name, pod in self.pods().items() if condition(pod, "Ready") == "True"}

    def healthy(self) -> set[str]:
        """Names of the pods that the load balancer takes for healthy."""
        backends = (state.read(self.directory) or {"backends": {}})["backends"].values()
        endpoints = [endpoint for backend in backends for endpoint in backend["endpoints"]]
        return {item["pod"].partition("/")[2] for item in endpoints if item["state"] == state.HEALTHY}

    def endpoints(self) -> set[str]:
        """What `kubectl get endpoints` shows: names of the pods behind the Service that get traffic."""
        slices = self.client.list("discovery.k8s.io/v1", "EndpointSlice", self.namespace)
        found: list[Object] = [item for part in slices for item in part.get("endpoints") or []]
        return {item["targetRef"]["name"] for item in found if item["conditions"].get("ready")}

    def autoscaler(self) -> Object:
        """The autoscaler's status."""
        found = self.client.get("autoscaling/v2", AUTOSCALER, NAME, self.namespace)
        return (found or {}).get("status", {})

    def desired(self) -> int:
        """How many pods the autoscaler wants."""
        return int(self.autoscaler().get("desiredReplicas", 0))

    def target(self) -> HttpTarget:
        """Where clients send their requests."""
        (listener,) = [
            item for gateway in (state.read(self.directory) or {})["gateways"] for item in gateway["listeners"]
        ]
        return HttpTarget.of(f"{listener['url']}/{self.namespace}/{NAME}/predict", headers={})

    def log(self, pod: str) -> str:
        """What a pod has written."""
        return log_file(self.directory, self.namespace, pod, NAME).read_text()


def condition(pod: Object, kind: str) -> str:
    """Status of a pod's condition."""
    return next((c["status"] for c in pod.get("status", {}).get("conditions", []) if c["type"] == kind), "")


def statuses(pod: Object) -> list[Object]:
    """The statuses of a pod's containers; none before its node has reported it."""
    return pod["status"].get("containerStatuses") or []


def runs(pod: Object) -> bool:
    """Whether the pod runs, as its node reports it."""
    return pod["status"]["phase"] == "Running" and bool(statuses(pod))


def under_load(service: Service, duration: float, watch: Callable[[], None]) -> Result:
    """What comes of a load that rises to RATE and stays there; `watch` is called all the time."""
    plan = Plan(rate=RATE, duration=duration, ramp=5)
    with ThreadPoolExecutor(max_workers=1) as pool:
        running = pool.submit(lambda: asyncio.run(run(service.target(), plan)))

        def watched() -> bool:
            watch()
            return running.done()

        eventually(watched, "the load test ends", timeout=duration + 60)
        return running.result()


@pytest.fixture
def start(start_cluster: StartCluster, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Object]], Service]:
    """Brings the service up with its two pods, 20 times as fast as on GKE."""
    monkeypatch.setenv(SPEED, "20")

    def begin(objects: list[Object]) -> Service:
        cluster = start_cluster()
        cluster.apply_node_pool(NODES)
        service = Service(cluster, objects)
        eventually(lambda: len(service.ready()) == 2, "two pods are Ready", timeout=60)
        eventually(lambda: service.healthy() == service.ready(), "the load balancer sends them requests", timeout=60)
        service.apply([item for item in objects if item["kind"] == AUTOSCALER])
        eventually(lambda: len(service.autoscaler().get("currentMetrics") or []) == 4, "all metrics are read")
        return service

    return begin


def test_pods_that_are_added_under_load_share_it(start: Callable[[list[Object]], Service]) -> None:
    """2 → 4+: no request before a pod is ready, none that fails, and an even share for each once they are there."""
    service = start(manifests())
    first = service.ready()
    most, shared = [2], list[float]()

    def watch() -> None:
        most.append(service.desired())
        if len(service.healthy()) >= 4:
            shared.append(time.monotonic())

    began = time.monotonic()
    result = under_load(service, 40, watch)
    whole = result.summary()
    assert max(most) >= 4, (service.autoscaler(), whole)
    assert whole.error_ratio == 0, (whole.statuses, whole.failures)
    # From four healthy pods on, and until the first two have worked off what had piled up in them.
    after = result.summary(since=shared[0] - began + 10)
    assert after.requests > 5 * RATE, "four pods were healthy well before the end"
    added = set(after.backends) - first
    assert len(added) >= 2, after.backends
    for pod in added:
        ready, served = (re.search(rf'"GET {path} HTTP/1.1" 200', service.log(pod)) for path in ("/ready", "/predict"))
        assert ready is not None
        assert served is not None
        assert ready.start() < served.start(), f"{pod} got a request before it was ready"
    assert after.evenness >= 0.7, after.backends
    assert after.latency["p95"] < 1.0, "four pods carry what two cannot"


def test_wrong_probe_paths_keep_new_pods_idle(start: Callable[[list[Object]], Service]) -> None:
    """The incident: a release whose server moved its endpoints, its probes did not; the autoscaler adds pods for nothing.

    Of what it adds, the Deployment gives the new template its share, and those pods run and never serve: old pods carry it all.
    """
    wrong = {"startup": "/healthz", "readiness": "/readyz", "liveness": "/health", "metrics": "/metrics"}
    endpoints = {**wrong, "serving": ["/predict"]}
    old = {"startup": "startup", "ready": "readiness", "live": "liveness", "metrics": "metrics"}
    words = [f"--endpoint={role}:{wrong[name]}" for role, name in old.items()]
    service = start(manifests(endpoints=endpoints, args=[*words, "--endpoint=serve:/predict"]))
    first = service.pods()
    template = next(iter(first.values()))["metadata"]["labels"]["pod-template-hash"]
    service.apply([item for item in manifests(endpoints=endpoints) if item["kind"] == "Deployment"])

    def added() -> dict[str, Object]:
        pods = service.pods()
        return {name: pod for name, pod in pods.items() if pod["metadata"]["labels"]["pod-template-hash"] != template}

    eventually(lambda: added() and condition(next(iter(added().values())), "PodScheduled") == "True", "a new pod runs")
    surge = set(added())
    most, served = [2], set[str]()

    def watch() -> None:
        most.append(service.desired())
        served.update((service.healthy() | service.endpoints()) & set(added()))

    whole = under_load(service, 20, watch).summary()
    assert max(most) >= 4, "the autoscaler did its part"
    pods, idle = service.pods(), added()
    assert len(pods) >= 4
    assert set(idle) - surge, "of the pods that the load brought, some are of the new template"
    for name in idle:
        eventually(lambda name=name: runs(service.pods()[name]), f"{name} runs")
        assert condition(service.pods()[name], "Ready") == "False", name
    assert not served, "neither an endpoint of the Service nor healthy to the load balancer at any time"
    assert service.endpoints() == service.ready() == set(pods) - set(idle)
    busy = set(whole.backends)
    assert set(first) <= busy <= set(pods) - set(idle), "old pods answer everything"
    assert len(busy) < max(most), "fewer pods work than the autoscaler asked for"
    assert max(whole.backends.values()) > 1.2 * whole.requests / max(most), "so each carries more than its part"
    for name in idle:
        asked = lambda name=name: re.search(r'"GET /readyz HTTP/1.1" 404', service.log(name))  # noqa: E731
        eventually(asked, "the probe asks for what is not there")
        assert "/predict" not in service.log(name)

    def restarts() -> int:
        return sum(status["restartCount"] for pod in added().values() for status in statuses(pod))

    eventually(restarts, "and its liveness probe restarts a server that does nothing wrong")
