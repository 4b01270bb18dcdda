"""The metrics APIs behind a real API server, asked by the real autoscaler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rules import http_servers
from rules.autoscaling import ADAPTER_METRIC, ADAPTER_NAMESPACE_LABEL, NATIVE_METRIC
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
from tests.sandbox.support import StartCluster, eventually

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


@pytest.fixture
def client(start_cluster: StartCluster, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A cluster with one node, 50 times as fast as GKE's."""
    monkeypatch.setenv(SPEED, "50")
    runtime = start_cluster(gateway_api=False)
    runtime.apply_node_pool(NODES)
    return runtime.client


def test_metrics_come_from_where_gke_has_them(client: Client) -> None:
    """CPU on every cluster; a server's own metrics by AutoscalingMetric, or by PodMonitoring and an adapter, never without."""
    deployment(client, NAMESPACE)
    autoscaler(client, NAMESPACE, "cpu", CPU)
    autoscaler(client, NAMESPACE, "pods", pods_metric(IN_FLIGHT, "10"))
    autoscaler(client, NAMESPACE, "native", pods_metric(NATIVE_METRIC.format(object="web", name="load"), "10"))

    # CPU: an idle server of the report uses 0.12 of the 0.25 cores that it asks for.
    idle = round(http_servers.IDLE_CPU / 0.25 * 100)
    eventually(lambda: abs(current(client, "cpu", "resource").get("averageUtilization", 0) - idle) <= 2, "CPU is read")
    assert status(client, "cpu")["currentReplicas"] == 1
    (listed,) = client.request("GET", "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods")["items"]
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
    client.create(autoscaling_metric(NAMESPACE, http_servers.IN_FLIGHT))
    eventually(lambda: current(client, "native", "pods").get("averageValue") == "0", "GKE reads the pods itself")
    assert missing in failure(client, "pods")()[1]
    client.delete("autoscaling.gke.io/v1beta1", "AutoscalingMetric", "web", NAMESPACE)
    eventually(lambda: missing in failure(client, "native")()[1], "gone with the last of them")

    # The adapter: a metric that no PodMonitoring selects does not exist.
    install_adapter(client)
    unknown = f'the server could not find the descriptor for metric "{IN_FLIGHT.replace("|", "/")}"'
    eventually(lambda: unknown in failure(client, "pods")()[1], "the adapter has not seen it")
    client.create(pod_monitoring(NAMESPACE))
    eventually(lambda: current(client, "pods", "pods").get("averageValue") == "0", "scraped and handed out")
    here = {ADAPTER_NAMESPACE_LABEL: NAMESPACE}
    elsewhere = {ADAPTER_NAMESPACE_LABEL: "other"}
    autoscaler(client, NAMESPACE, "external", external_metric(REQUESTS, "5", here))
    autoscaler(client, NAMESPACE, "elsewhere", external_metric(REQUESTS, "5", elsewhere))
    eventually(lambda: current(client, "external", "external").get("averageValue") == "0", "a counter's rate")
    eventually(
        lambda: failure(client, "elsewhere")()[0] == "FailedGetExternalMetric", "another namespace's is not ours"
    )
    with pytest.raises(ApiError, match="for provided labels"):
        query = {"labelSelector": f"{ADAPTER_NAMESPACE_LABEL}=other"}
        client.request("GET", f"/apis/external.metrics.k8s.io/v1beta1/namespaces/default/{REQUESTS}", params=query)
