"""The dev stack in the sandbox, through the real engine: it comes up, stays as it is, and changes only what was changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.kube.client import Client
from tests.sandbox.stack.harness import Stack

NAMESPACE = "inference"
MODEL = "qwen2-5-3b"


@pytest.fixture(scope="package")
def client(dev: Stack) -> Client:
    """The dev cluster's API server."""
    (kubeconfig,) = (dev.workspace.home / "clusters").glob("*inference-dev/kubeconfig")
    return Client.from_kubeconfig(kubeconfig)


def test_a_second_up_changes_nothing(dev: Stack) -> None:
    """What was applied is what was declared: the next update has nothing to do."""
    result = dev.run("up", "--expect-no-changes")
    assert result.code == 0, result.output
    assert "unchanged" in result.output


def test_a_refresh_finds_nothing_changed(dev: Stack) -> None:
    """State and cloud agree: reading every resource again gives what the state has."""
    result = dev.run("refresh", "--expect-no-changes")
    assert result.code == 0, result.output


@pytest.mark.parametrize(
    ("version", "kind", "names"),
    [
        ("gateway.networking.k8s.io/v1", "Gateway", {"inference-gateway"}),
        ("gateway.networking.k8s.io/v1", "HTTPRoute", {MODEL}),
        ("serving.kserve.io/v1alpha2", "LLMInferenceService", {MODEL}),
        (
            "networking.gke.io/v1",
            "HealthCheckPolicy",
            {f"{MODEL}-inference-pool", f"{MODEL}-kserve-workload-svc"},
        ),
        (
            "networking.gke.io/v1",
            "GCPBackendPolicy",
            {f"{MODEL}-inference-pool", f"{MODEL}-kserve-workload-svc"},
        ),
    ],
)
def test_objects_exist_in_the_api_server(client: Client, version: str, kind: str, names: set[str]) -> None:
    """The program's objects passed the real API server's validation and are there, none twice."""
    found = [item["metadata"]["name"] for item in client.list(version, kind, NAMESPACE)]
    assert sorted(found) == sorted(names)


def test_controllers_are_deployed(client: Client) -> None:
    """The pinned charts of cert-manager, LeaderWorkerSet and KServe are installed and available."""
    wanted = {"cert-manager", "lws-controller-manager", "llmisvc-controller-manager"}
    available = {
        item["metadata"]["name"]
        for item in client.list("apps/v1", "Deployment")
        if item.get("status", {}).get("availableReplicas")
    }
    assert wanted <= available


def test_the_tpu_node_is_as_gke_makes_it(client: Client) -> None:
    """The pool's one VM is a Node with GKE's labels, taint and four chips."""
    (node,) = client.list(
        "v1",
        "Node",
        label_selector="cloud.google.com/gke-tpu-accelerator=tpu-v6e-slice,cloud.google.com/gke-tpu-topology=2x2",
    )
    assert node["status"]["allocatable"]["google.com/tpu"] == "4"
    taints = [(taint["key"], taint.get("value"), taint["effect"]) for taint in node["spec"]["taints"]]
    assert ("google.com/tpu", "present", "NoSchedule") in taints


def test_cloud_resources_exist_once(dev: Stack) -> None:
    """Each Google Cloud resource was made once, under the name that was declared."""
    ids = [resource["id"] for resource in dev.resources()]
    assert len(ids) == len(set(ids))
    assert "projects/tpu-inference-dev/locations/us-east5-b/clusters/inference-dev" in ids


def replicas(settings: dict[str, Any]) -> None:
    """Two servers, and a slice for each that is always there."""
    settings["models"][0]["replicas"] = 2
    settings["tpuPools"][0]["minSlices"] = 2


def test_more_replicas_are_two_updates(dev: Stack) -> None:
    """Replicas are a field of the service, slices the bounds of a single-host pool: both change in place."""
    steps = {step.name: step for step in dev.preview(replicas) if step.op == "update" and step.diffs}
    assert set(steps) >= {MODEL, "tpu-v6e-2x2"}
    assert {name for name in steps if "spec.replicas" in steps[name].diffs} == {MODEL}
    assert set(steps["tpu-v6e-2x2"].diffs) == {"autoscaling.minNodeCount"}


def test_another_machine_type_replaces_the_pool(dev: Stack) -> None:
    """A TPU pool cannot change its machine type in place: the preview says replace, for the pool and nothing else."""

    def change(settings: dict[str, Any]) -> None:
        settings["tpuPools"][0] |= {"machineType": "ct6e-standard-8t", "topology": "2x4"}

    replaced = {step.name for step in dev.preview(change) if "replace" in step.op}
    assert replaced == {"tpu-v6e-2x2"}


def test_another_gateway_class_updates_the_gateway(dev: Stack) -> None:
    """An internal Gateway needs an internal address: the address is replaced, the Gateway updated."""

    def change(settings: dict[str, Any]) -> None:
        settings["gateway"]["className"] = "gke-l7-rilb"

    steps = dev.preview(change)
    gateway = [step for step in steps if step.name == "gateway" and "spec.gatewayClassName" in step.diffs]
    assert [step.op for step in gateway] == ["update"]
    assert any("replace" in step.op and "addressType" in " ".join(step.diffs) for step in steps)


def test_the_stack_holds_no_credential(dev: Stack) -> None:
    """Nothing that logs in to a cluster is in the state: the kubeconfig names the login command only."""
    state = Path(dev.workspace.backend / ".pulumi" / "stacks" / "gke-tpu-inference" / "dev.json").read_text()
    token = (dev.workspace.home / "token").read_text().strip()
    assert "gke-gcloud-auth-plugin" in state
    assert token not in state
    assert "PRIVATE KEY" not in state
