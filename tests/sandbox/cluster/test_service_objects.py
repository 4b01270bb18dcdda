"""Every object of plain HTTP services and of monitoring is taken by a real API server with GKE's CRDs, and nothing is dropped."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from sandbox.cluster.runtime import ClusterRuntime
from sandbox.home import CHECKOUT
from tests.committed import committed
from tests.components.recording import KEY, Graph, build

ADDED = {"LLMInferenceService", "Certificate", "ClusterIssuer", "Issuer", "InferencePool"}
"""Kinds that controllers bring along, which this cluster has not."""


def example() -> Graph:
    """The example environment, with one metric read straight from pods."""
    settings = yaml.safe_load((CHECKOUT / "examples/http-services/Pulumi.http-services.yaml").read_text())["config"][
        KEY
    ]
    settings["cluster"] |= {"minimumVersion": "1.35.1-gke.1396000", "releaseChannel": "RAPID"}
    settings["services"][0]["autoscaling"]["metrics"][1]["source"] = "pods"
    settings["services"][0]["autoscaling"]["metrics"][2]["source"] = "external"
    return build(settings, stack="http-services")


def dev() -> Graph:
    """The dev stack, whose models are monitored."""
    return build({**committed("dev"), "monitoring": {"enabled": True}})


def missing(sent: Any, held: Any, path: str = "") -> list[str]:
    """Paths of what was sent and is not held: what a schema does not know is dropped without a word."""
    if isinstance(sent, dict) and isinstance(held, dict):
        return [gap for key in sent for gap in missing(sent[key], held.get(key), f"{path}.{key}")]
    if isinstance(sent, list) and isinstance(held, list) and len(sent) == len(held):
        return [gap for n, (a, b) in enumerate(zip(sent, held, strict=True)) for gap in missing(a, b, f"{path}[{n}]")]
    same = sent == held or str(sent) == str(held) or sent in (None, [], {})
    return [] if same else [f"{path}: {sent!r} became {held!r}"]


@pytest.mark.parametrize("stack", [example, dev])
def test_the_api_server_takes_every_object(running_cluster: ClusterRuntime, namespace: str, stack: Any) -> None:
    """A field that Kubernetes or GKE does not know is refused or dropped at deployment, long after the preview was read."""
    seen: set[str] = set()
    for resource in stack().manifests:
        sent = copy.deepcopy(dict(resource.inputs))
        kind = sent["kind"]
        if kind in ADDED or sent["apiVersion"].startswith("cert-manager.io"):
            continue
        seen.add(kind)
        metadata = sent["metadata"]
        if "namespace" in metadata:
            metadata["namespace"] = namespace
        elif kind != "APIService":  # its name says what it registers
            metadata["name"] = f"{namespace}-{metadata['name']}"
        held = running_cluster.client.apply(sent, field_manager="test", dry_run=True)
        assert missing({k: v for k, v in sent.items() if v is not None}, held) == [], f"{kind} {metadata['name']}"
    assert {"HTTPRoute", "HealthCheckPolicy", "GCPBackendPolicy", "PodMonitoring", "NetworkPolicy"} <= seen
    if stack is example:
        assert seen >= {
            "Deployment",
            "Service",
            "ServiceAccount",
            "PersistentVolumeClaim",
            "HorizontalPodAutoscaler",
            "AutoscalingMetric",
            "PodDisruptionBudget",
        }
    else:
        assert seen >= {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Secret"}
