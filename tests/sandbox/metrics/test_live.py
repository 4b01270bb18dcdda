"""The metrics APIs behind a real API server, asked by the real autoscaler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rules import http_servers
from rules.autoscaling import ADAPTER_METRIC, ADAPTER_NAMESPACE_LABEL, NATIVE_METRIC
from rules.monitoring import COLLECTOR_ACCOUNT, COLLECTOR_NAMESPACE
from sandbox.clock import SPEED
from sandbox.kube.client import ApiError, Client
from tests.sandbox.metrics.objects import (
    NODES,
    autoscaler,
    autoscaling_metric,
    deployment,
    external_metric,
    install_adapter,
    pod_monitoring,
    pods_metric,
)
from tests.sandbox.support import StartCluster, eventually, processes_of

Object = dict[str, Any]

CPU: Object = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
}
IN_FLIGHT = ADAPTER_METRIC.format(name=http_servers.IN_FLIGHT, type="gauge")
REQUESTS = ADAPTER_METRIC.format(name="http_requests_total", type="counter")
NAMESPACE = "default"


def status(client: Client, name: str) -> Object:
    """The autoscaler's status."""
    found = client.get("autoscaling/v2", "HorizontalPodAutoscaler", name, NAMESPACE)
    return (found or {}).get("status", {})


def failure(client: Client, name: str) -> Callable[[], tuple[str, str]]:
    """Reason and message of why the autoscaler does not scale."""

    def read() -> tuple[str, str]:
        for condition in status(client, name).get("conditions", []):
            if condition["type"] == "ScalingActive" and condition["status"] == "False":
                return condition["reason"], condition["message"]
        return "", ""

    return read


def current(client: Client, name: str, kind: str) -> Object:
    """What the autoscaler has read."""
    for metric in status(client, name).get("currentMetrics") or []:
        if metric["type"].lower() == kind:
            return metric[kind]["current"]
    return {}


def scaled(client: Client, name: str, metric: Object) -> None:
    """A Deployment and its autoscaler; two autoscalers of the same pods would both be refused."""
    deployment(client, NAMESPACE, name)
    autoscaler(client, NAMESPACE, name, metric)


def place(name: str) -> Object:
    """Metadata of an object."""
    return {"name": name, "namespace": NAMESPACE}


def grant_collector(client: Client, secret: str) -> None:
    """Lets the collector of managed Prometheus read a Secret."""
    rbac = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": [secret], "verbs": ["get"]}]
    client.create({"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": place(secret), "rules": rules})
    collector = {"name": COLLECTOR_ACCOUNT, "namespace": COLLECTOR_NAMESPACE}
    binding = {
        "roleRef": {"apiGroup": rbac, "kind": "Role", "name": secret},
        "subjects": [{"kind": "ServiceAccount", **collector}],
    }
    client.create({"apiVersion": f"{rbac}/v1", "kind": "RoleBinding", "metadata": place(secret), **binding})


@pytest.fixture
def client(start_cluster: StartCluster, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A cluster with one node, 50 times as fast as GKE's."""
    monkeypatch.setenv(SPEED, "50")
    runtime = start_cluster(gateway_api=False)
    runtime.apply_node_pool(NODES)
    return runtime.client


def test_metrics_come_from_where_gke_has_them(client: Client) -> None:
    """CPU on every cluster; a server's own metrics by AutoscalingMetric, or by PodMonitoring and an adapter, never without."""
    scaled(client, "cpu", CPU)
    scaled(client, "pods", pods_metric(IN_FLIGHT, "10"))
    scaled(client, "native", pods_metric(NATIVE_METRIC.format(object="native", name="load"), "10"))

    # CPU: an idle server of the report uses 0.12 of the 0.25 cores that it asks for.
    idle = round(http_servers.IDLE_CPU / 0.25 * 100)
    eventually(lambda: abs(current(client, "cpu", "resource").get("averageUtilization", 0) - idle) <= 2, "CPU is read")
    assert status(client, "cpu")["currentReplicas"] == 1
    selected = {"labelSelector": "app=cpu"}
    pods = "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods"
    (listed,) = client.request("GET", pods, params=selected)["items"]
    (node,) = client.request("GET", "/apis/metrics.k8s.io/v1beta1/nodes")["items"]
    assert listed["containers"][0]["name"] == "server"
    assert int(listed["containers"][0]["usage"]["memory"].removesuffix("Ki")) > 1024, "a process is not that small"
    assert node["metadata"]["name"] == client.list("v1", "Pod", NAMESPACE)[0]["spec"]["nodeName"]

    # A server's own metrics: nobody serves them on a plain cluster.
    missing = "no custom metrics API (custom.metrics.k8s.io) registered"
    for name in ("pods", "native"):
        eventually(lambda name=name: missing in failure(client, name)()[1], f"{name} is told so")
        assert failure(client, name)()[0] == "FailedGetPodsMetric"

    # AutoscalingMetric: without adapter, and without opening the way to managed Prometheus.
    client.create(autoscaling_metric(NAMESPACE, http_servers.IN_FLIGHT, "native"))
    eventually(lambda: current(client, "native", "pods").get("averageValue") == "0", "GKE reads the pods itself")
    assert missing in failure(client, "pods")()[1]
    client.delete("autoscaling.gke.io/v1beta1", "AutoscalingMetric", "native", NAMESPACE)
    eventually(lambda: missing in failure(client, "native")()[1], "gone with the last of them")

    # The adapter: a metric that no PodMonitoring selects does not exist.
    install_adapter(client)
    unknown = f'the server could not find the descriptor for metric "{IN_FLIGHT.replace("|", "/")}"'
    eventually(lambda: unknown in failure(client, "pods")()[1], "the adapter has not seen it")
    monitoring = pod_monitoring(NAMESPACE, "pods")
    credentials = {"secret": {"name": "reader", "key": "token"}}
    monitoring["spec"]["endpoints"][0]["authorization"] = {"type": "Bearer", "credentials": credentials}
    client.create(monitoring)
    client.create({"apiVersion": "v1", "kind": "Secret", "metadata": place("reader"), "stringData": {"token": "t"}})
    grant_collector(client, "reader")
    eventually(lambda: current(client, "pods", "pods").get("averageValue") == "0", "scraped and handed out")
    here = {ADAPTER_NAMESPACE_LABEL: NAMESPACE}
    elsewhere = {ADAPTER_NAMESPACE_LABEL: "other"}
    scaled(client, "external", external_metric(REQUESTS, "5", here))
    scaled(client, "elsewhere", external_metric(REQUESTS, "5", elsewhere))
    eventually(lambda: current(client, "external", "external").get("averageValue") == "0", "a counter's rate")
    other = f'the server could not find the metric "{REQUESTS}" for provided labels'
    eventually(lambda: other in failure(client, "elsewhere")()[1], "another namespace's is not ours")
    assert failure(client, "elsewhere")()[0] == "FailedGetExternalMetric"


def test_a_cluster_that_was_stopped_has_its_metrics_again(
    start_cluster: StartCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API server must not go on taking the metrics for unavailable: that holds up deletions of namespaces."""
    monkeypatch.setenv(SPEED, "50")
    runtime = start_cluster(gateway_api=False)

    def served() -> bool:
        try:
            return runtime.client.request("GET", "/apis/metrics.k8s.io/v1beta1/nodes")["kind"] == "NodeMetricsList"
        except ApiError:
            return False

    def available() -> str:
        found = runtime.client.get("apiregistration.k8s.io/v1", "APIService", "v1beta1.metrics.k8s.io") or {}
        conditions = found.get("status", {}).get("conditions", [])
        return next((item["status"] for item in conditions if item["type"] == "Available"), "")

    eventually(served, "it serves")
    runtime.stop()
    assert processes_of(runtime.directory) == []
    runtime.start(lambda _line: None)
    eventually(lambda: available() == "True" and served(), "it serves again", timeout=15)
