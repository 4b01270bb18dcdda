"""Nodes and pods at a real API server, scheduled by the real scheduler."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.cluster.runtime import ClusterRuntime
from sandbox.cluster.spec import NodePoolSpec
from sandbox.kube.client import Client
from tests.sandbox.support import StartCluster, eventually

Object = dict[str, Any]

SYSTEM = NodePoolSpec(name="system", machine_type="e2-standard-4", zones=("us-east5-b",), nodes_per_zone=1)
TPU = NodePoolSpec(name="tpu", machine_type="ct6e-standard-4t", zones=("us-east5-b",), nodes_per_zone=1)
TOLERATION = {"key": "google.com/tpu", "operator": "Exists"}


@pytest.fixture(scope="module")
def client(running_cluster: ClusterRuntime) -> Client:
    """The shared cluster with a node for ordinary pods."""
    running_cluster.apply_node_pool(SYSTEM)
    return running_cluster.client


def make_pod(client: Client, namespace: str, name: str, **spec: Any) -> None:
    """Creates a pod with one container of an image nobody knows."""
    container = {"name": "main", "image": "example.com/app:1", **spec.pop("container", {})}
    metadata = {"name": name, "namespace": namespace}
    client.create(
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container], **spec}}
    )


def status_of(client: Client, namespace: str) -> Callable[[str], Object]:
    """How to read a pod's status."""
    return lambda name: (client.get("v1", "Pod", name, namespace) or {}).get("status", {})


def is_ready(status: Object) -> bool:
    """Whether the pod is Ready."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))


def test_pods_run_with_addresses_of_their_own_and_leave(client: Client, namespace: str) -> None:
    """A pod becomes Ready, its address is nobody else's, and deletion completes without a kubelet elsewhere."""
    status = status_of(client, namespace)
    for name in ("a", "b"):
        make_pod(client, namespace, name)
    eventually(lambda: is_ready(status("a")) and is_ready(status("b")), "both are Ready")
    assert status("a")["podIP"] != status("b")["podIP"]
    client.delete("v1", "Pod", "a", namespace)
    eventually(lambda: client.get("v1", "Pod", "a", namespace) is None, "a is gone")


def test_settled_pods_are_not_written_again(client: Client, namespace: str) -> None:
    """An agent that rewrites equal statuses keeps every controller awake for nothing."""
    make_pod(client, namespace, "a")
    eventually(lambda: is_ready(status_of(client, namespace)("a")), "Ready")
    before = client.get("v1", "Pod", "a", namespace)
    make_pod(client, namespace, "other")
    eventually(lambda: is_ready(status_of(client, namespace)("other")), "a round of the agent has passed")
    assert client.get("v1", "Pod", "a", namespace) == before


def test_missing_secret_holds_the_pod_until_it_comes(client: Client, namespace: str) -> None:
    """FailedMount is an event, not a failure: the Secret repairs the pod."""
    status = status_of(client, namespace)
    make_pod(client, namespace, "a", volumes=[{"name": "v", "secret": {"secretName": "late"}}])

    def told() -> bool:
        events = client.list("v1", "Event", namespace)
        return any(event["reason"] == "FailedMount" and '"late" not found' in event["message"] for event in events)

    eventually(told, "the event names the Secret")
    assert status("a")["phase"] == "Pending"
    client.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "late", "namespace": namespace}})
    eventually(lambda: is_ready(status("a")), "Ready")


def test_job_completes(client: Client, namespace: str) -> None:
    """Hooks of charts are Jobs; Helm waits for them."""
    template = {"spec": {"restartPolicy": "OnFailure", "containers": [{"name": "c", "image": "example.com/hook:1"}]}}
    metadata = {"name": "hook", "namespace": namespace}
    client.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}})

    def complete() -> bool:
        job = client.get("batch/v1", "Job", "hook", namespace) or {}
        return any(
            c["type"] == "Complete" and c["status"] == "True" for c in job.get("status", {}).get("conditions", [])
        )

    eventually(complete, "the Job is complete")


def test_tpu_pool_takes_tolerating_pods_only_and_its_deletion_takes_them_along(start_cluster: StartCluster) -> None:
    """The scheduler places by google.com/tpu and the taint; with the pool go its nodes and pods."""
    runtime = start_cluster()
    client, status = runtime.client, status_of(runtime.client, "default")
    runtime.apply_node_pool(TPU)
    chips = {"resources": {"limits": {"google.com/tpu": "4"}}}
    make_pod(client, "default", "tpu", container=chips, tolerations=[TOLERATION])
    make_pod(client, "default", "cpu")
    make_pod(client, "default", "second", container=chips, tolerations=[TOLERATION])
    eventually(lambda: is_ready(status("tpu")) or is_ready(status("second")), "one of two fits on four chips")

    def unschedulable(name: str) -> bool:
        return any(c.get("reason") == "Unschedulable" for c in status(name).get("conditions", []))

    eventually(lambda: unschedulable("cpu"), "the taint keeps the ordinary pod off")
    eventually(lambda: unschedulable("tpu") or unschedulable("second"), "the other one waits")
    runtime.apply_node_pool(dataclasses.replace(TPU, nodes_per_zone=2))
    eventually(lambda: is_ready(status("tpu")) and is_ready(status("second")), "a second node takes it")
    runtime.delete_node_pool("tpu")
    assert client.list("v1", "Node") == []
    eventually(lambda: {p["metadata"]["name"] for p in client.list("v1", "Pod", "default")} == {"cpu"}, "pods are gone")
