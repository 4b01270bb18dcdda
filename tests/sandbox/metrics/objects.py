"""Objects for the tests of metrics: a Deployment of the stand-in server, what reads it, what scales it, and the adapter."""

from __future__ import annotations

from typing import Any

import yaml

from sandbox.cluster.spec import NodePoolSpec
from sandbox.home import CHECKOUT
from sandbox.kube.client import Client
from tests.components.recording import KEY, build

Object = dict[str, Any]

NODES = NodePoolSpec(name="system", machine_type="e2-standard-4", zones=("us-east5-b",), nodes_per_zone=1)
IMAGE = "us-east5-docker.pkg.dev/p/serving/inference:1"
EXAMPLE = CHECKOUT / "examples" / "http-services" / "Pulumi.http-services.yaml"


def create(client: Client, version: str, kind: str, name: str, namespace: str | None, spec: Object) -> None:
    """Creates an object with a spec."""
    place = {"name": name} | ({"namespace": namespace} if namespace else {})
    client.create({"apiVersion": version, "kind": kind, "metadata": place, "spec": spec})


def deployment(client: Client, namespace: str, name: str = "web", image: str = IMAGE, replicas: int = 1) -> None:
    """Pods labelled `app: NAME` that serve on port 8000 and ask for a quarter of a core."""
    container = {
        "name": "server",
        "image": image,
        "ports": [{"name": "http", "containerPort": 8000}],
        "resources": {"requests": {"cpu": "250m"}},
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    create(client, "apps/v1", "Deployment", name, namespace, spec)


def autoscaler(client: Client, namespace: str, name: str, *metrics: Object) -> None:
    """A HorizontalPodAutoscaler of the Deployment of the same name, from 1 to 3."""
    spec: Object = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "minReplicas": 1,
        "maxReplicas": 3,
        "metrics": list(metrics),
    }
    create(client, "autoscaling/v2", "HorizontalPodAutoscaler", name, namespace, spec)


def pods_metric(name: str, average: str) -> Object:
    """A target for the mean of pods."""
    target = {"type": "AverageValue", "averageValue": average}
    return {"type": "Pods", "pods": {"metric": {"name": name}, "target": target}}


def external_metric(name: str, average: str, labels: dict[str, str]) -> Object:
    """A target for a value that pods share."""
    target = {"type": "AverageValue", "averageValue": average}
    return {
        "type": "External",
        "external": {"metric": {"name": name, "selector": {"matchLabels": labels}}, "target": target},
    }


def pod_monitoring(namespace: str, name: str = "web") -> Object:
    """Reads the pods labelled `app: NAME`."""
    return {
        "apiVersion": "monitoring.googleapis.com/v1",
        "kind": "PodMonitoring",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "endpoints": [{"port": "http", "path": "/metrics", "interval": "15s"}],
        },
    }


def autoscaling_metric(namespace: str, metric: str, name: str = "web") -> Object:
    """Has GKE read the gauge `metric` as `load` from the pods labelled `app: NAME`."""
    gauge = {"gauge": {"name": "load", "prometheusMetricName": metric}}
    return {
        "apiVersion": "autoscaling.gke.io/v1beta1",
        "kind": "AutoscalingMetric",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "metrics": [
                {
                    "pod": {
                        "selector": {"matchLabels": {"app": name}},
                        "containers": [{"endpoint": {"port": 8000, "path": "/metrics"}, "metrics": [gauge]}],
                    }
                }
            ]
        },
    }


def install_adapter(client: Client) -> None:
    """The objects of the program's own component: what is in a namespace after it, what needs a server last."""
    settings: Object = yaml.safe_load(EXAMPLE.read_text())["config"][KEY]
    graph = build(settings, stack="http-services")
    found = [resource.inputs for resource in graph.resources if "MetricsAdapter$kubernetes:" in resource.urn]
    for item in sorted(found, key=lambda item: (item["kind"] != "Namespace", item["kind"] == "APIService")):
        client.create({key: value for key, value in item.items() if value is not None})
