"""The kinds GKE serves beside the Gateway's, at a real API server: what its documentation shows is taken, slips are not."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.cluster.runtime import ClusterRuntime
from sandbox.kube.client import ApiError

Object = dict[str, Any]

RULE = {"alert": "NoHealthyBackend", "expr": "up == 0", "for": "5m", "labels": {"severity": "page"}}
GROUPS = {"groups": [{"name": "serving", "interval": "30s", "rules": [RULE]}]}
SYNC = {
    "serviceAccountName": "reader",
    "secretProviderClassName": "tokens",
    "secretObject": {"type": "Opaque", "data": [{"sourcePath": "hf", "targetKey": "token"}]},
}
TPU = {"machineType": "ct6e-standard-4t", "tpu": {"type": "tpu-v6e-slice", "count": 4, "topology": "2x2"}, "spot": True}
CLASS = {"priorities": [{"nodepools": ["spot", "on-demand"]}, TPU], "whenUnsatisfiable": "DoNotScaleUp"}
GAUGE = {"gauge": {"name": "queue", "prometheusMetricName": "vllm:num_requests_waiting"}}
METRIC = {
    "metrics": [
        {
            "pod": {
                "selector": {"matchLabels": {"app": "model"}},
                "containers": [{"endpoint": {"port": 8000, "path": "/metrics"}, "metrics": [GAUGE]}],
            }
        }
    ]
}
SCRAPE = {"selector": {"matchLabels": {"app": "model"}}, "endpoints": [{"port": "metrics", "interval": "15s"}]}
PROVIDER = {
    "provider": "gke",
    "parameters": {"secrets": "- resourceName: projects/p/secrets/s/versions/1\n  path: hf\n"},
}


def made(version: str, kind: str, spec: Object, namespace: str | None) -> Object:
    """An object named after the test's namespace, or of the cluster."""
    metadata = {"name": "crd-test"} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


@pytest.mark.parametrize(
    ("version", "kind", "spec", "namespaced"),
    [
        ("monitoring.googleapis.com/v1", "PodMonitoring", SCRAPE, True),
        ("monitoring.googleapis.com/v1", "ClusterPodMonitoring", SCRAPE, False),
        ("monitoring.googleapis.com/v1", "Rules", GROUPS, True),
        ("monitoring.googleapis.com/v1", "ClusterRules", GROUPS, False),
        ("cloud.google.com/v1", "ComputeClass", CLASS, False),
        ("autoscaling.gke.io/v1beta1", "AutoscalingMetric", METRIC, True),
        ("secrets-store.csi.x-k8s.io/v1", "SecretProviderClass", PROVIDER, True),
        ("secret-sync.gke.io/v1", "SecretSync", SYNC, True),
    ],
)
def test_what_the_documentation_shows_is_taken(
    running_cluster: ClusterRuntime, namespace: str, version: str, kind: str, spec: Object, *, namespaced: bool
) -> None:
    """A program that uses one of these kinds can be applied; nothing of what it wrote is dropped."""
    obj = made(version, kind, spec, namespace if namespaced else None)
    kept = running_cluster.client.apply(obj, field_manager="test")["spec"]
    assert spec.items() <= kept.items() or kind == "ClusterPodMonitoring"
    running_cluster.client.delete(version, kind, "crd-test", namespace if namespaced else None)


@pytest.mark.parametrize(
    ("version", "kind", "spec", "namespaced", "words"),
    [
        ("monitoring.googleapis.com/v1", "Rules", {"groups": [{"name": "a", "rules": []}]}, True, "interval"),
        (
            "monitoring.googleapis.com/v1",
            "ClusterPodMonitoring",
            {**SCRAPE, "endpoints": [{"interval": "1x"}]},
            False,
            "",
        ),
        ("cloud.google.com/v1", "ComputeClass", {**CLASS, "whenUnsatisfiable": "Wait"}, False, "whenUnsatisfiable"),
        (
            "cloud.google.com/v1",
            "ComputeClass",
            {**CLASS, "autopilot": {"enabled": True}},
            False,
            "nodepools do not go with Autopilot",
        ),
        ("autoscaling.gke.io/v1beta1", "AutoscalingMetric", {"metrics": []}, True, "metrics"),
        ("secret-sync.gke.io/v1", "SecretSync", {**SYNC, "secretObject": {"type": "Opaque"}}, True, "data"),
    ],
)
def test_slips_are_refused(
    running_cluster: ClusterRuntime,
    namespace: str,
    version: str,
    kind: str,
    spec: Object,
    *,
    namespaced: bool,
    words: str,
) -> None:
    """A missing or wrong field is refused at apply, as on GKE, and the message names it."""
    obj = made(version, kind, spec, namespace if namespaced else None)
    with pytest.raises(ApiError) as caught:
        running_cluster.client.apply(obj, field_manager="test")
    assert caught.value.status == 422
    assert words in caught.value.message
