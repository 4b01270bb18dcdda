"""What models are made of, asked of a real API server with KServe's own schemas, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from rules import kserve
from sandbox.cluster.runtime import ClusterRuntime
from sandbox.kube.client import ApiError
from sandbox.toolchain import Tools
from tests.components.model_options import OPTIONS, with_option
from tests.components.recording import build
from tests.sandbox.support import eventually, serves

KINDS = ("llminferenceservices", "llminferenceserviceconfigs")
ASKED = {
    "LLMInferenceService",
    "LLMInferenceServiceConfig",
    "HTTPRoute",
    "HealthCheckPolicy",
    "GCPBackendPolicy",
    "HorizontalPodAutoscaler",
    "AutoscalingMetric",
    "PodDisruptionBudget",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "StorageClass",
}


@pytest.fixture(scope="module")
def cluster(running_cluster: ClusterRuntime, tools: Tools) -> Iterator[ClusterRuntime]:
    """The shared cluster with KServe's CRDs, whose conversion needs no webhook for one version, and the models' namespace."""
    client = running_cluster.client
    made: list[str] = []
    for plural in KINDS:
        path = tools.charts / "kserve-llmisvc-crd" / "templates" / f"serving.kserve.io_{plural}.yaml"
        text = "\n".join(line for line in path.read_text().splitlines() if "{{" not in line)
        crd: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
        crd["spec"]["conversion"] = {"strategy": "None"}
        made.append(crd["metadata"]["name"])
        if client.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", made[-1]) is None:
            client.create(crd, strict=False)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "inference"}}
    client.apply(namespace, field_manager="test")
    for kind in (kserve.LLM_INFERENCE_SERVICE, kserve.LLM_INFERENCE_SERVICE_CONFIG):
        eventually(lambda kind=kind: serves(client, kserve.API_VERSION, kind), f"{kind} is served")
    yield running_cluster
    for name in made:
        client.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", name)
    client.delete("v1", "Namespace", "inference")


@pytest.mark.parametrize("option", OPTIONS)
def test_the_api_server_takes_every_field(cluster: ClusterRuntime, option: str) -> None:
    """A field that KServe or Kubernetes does not know, or of another type, is refused before anything is created."""
    asked: list[str] = []
    for resource in build(with_option(option)).manifests:
        if resource.inputs["kind"] not in ASKED:
            continue
        known = {name: value for name, value in resource.inputs.items() if value is not None}
        asked.append(known["kind"])
        try:
            cluster.client.apply(known, field_manager="test", dry_run=True)
        except ApiError as error:
            pytest.fail(f"{known['kind']} {known['metadata']['name']}: {error.message}")
    assert "LLMInferenceService" in asked
