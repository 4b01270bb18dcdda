"""Nodes and pods at a real API server, scheduled by the real scheduler."""

from __future__ import annotations

import dataclasses
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.clock import SPEED
from sandbox.cluster.runtime import ClusterRuntime
from sandbox.cluster.spec import NodePoolSpec
from sandbox.kube.client import Client
from sandbox.node import running
from sandbox.node.addresses import Addresses, PodAddress, file_of
from sandbox.node.logs import log_file
from sandbox.node.process import process_recipe
from sandbox.node.recipe import Recipe
from tests.sandbox.node.servers import PORT, http, server
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


@pytest.fixture
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Image example.com/server is the small server of these tests, answering for the files of this folder."""
    monkeypatch.setenv(SPEED, "20")
    recipe = process_recipe(lambda _context: server(tmp_path))

    def recipe_for(image: str) -> Recipe | None:
        return recipe if "server" in image else None

    monkeypatch.setattr(running, "recipe_for", recipe_for)
    return tmp_path


def server_pod(client: Client, namespace: str, name: str, *, spec: Object | None = None, **container: Any) -> None:
    """Creates a pod that runs the small server."""
    ports = [{"name": "http", "containerPort": PORT}]
    make_pod(
        client,
        namespace,
        name,
        container={"image": "example.com/server:1", "ports": ports, **container},
        **(spec or {}),
    )


def events_of(client: Client, namespace: str, reason: str) -> list[str]:
    """The messages of Events, as `kubectl describe` shows them."""
    return [event["message"] for event in client.list("v1", "Event", namespace) if event["reason"] == reason]


def test_wrong_readiness_path_keeps_a_pod_running_and_unready(
    running_cluster: ClusterRuntime, client: Client, namespace: str, serving: Path
) -> None:
    """Probe on /readyz, server on /health: seen in status, Event, addresses and log; it serves once the path is right."""
    status, addresses = status_of(client, namespace), Addresses(file_of(running_cluster.directory))
    server_pod(client, namespace, "a", readinessProbe=http("/readyz", periodSeconds=10))
    failed = "Readiness probe failed: HTTP probe failed with statuscode: 404"
    eventually(lambda: failed in events_of(client, namespace, "Unhealthy"), "the Event names the status code")
    eventually(lambda: status("a").get("phase") == "Running", "its status follows")
    assert not is_ready(status("a"))
    assert status("a")["containerStatuses"][0]["restartCount"] == 0
    eventually(lambda: addresses.pod(namespace, "a") is not None, "others learn its address")
    address = addresses.pod(namespace, "a")
    assert address is not None
    assert (address.pod_ip, address.ready) == (status("a")["podIP"], False)
    assert log_file(running_cluster.directory, namespace, "a", "main").read_text() == "begins\n"
    (serving / "readyz").touch()
    eventually(lambda: is_ready(status("a")), "Ready")
    eventually(lambda: (found := addresses.pod(namespace, "a")) is not None and found.ready, "others learn it")
    (local,) = (addresses.pod(namespace, "a") or address).ports.values()
    with urllib.request.urlopen(f"http://127.0.0.1:{local}/readyz") as answer:
        assert answer.status == 200


def test_wrong_liveness_path_is_a_crash_loop(client: Client, namespace: str, serving: Path) -> None:
    """Restarts, CrashLoopBackOff and the kubelet's Events for a server that does nothing wrong."""
    status = status_of(client, namespace)
    probe = http("/livez", initialDelaySeconds=20, periodSeconds=10, failureThreshold=2)
    server_pod(client, namespace, "a", livenessProbe=probe)

    def waiting() -> str | None:
        (container,) = status("a").get("containerStatuses", [{"state": {}}])
        return container["state"].get("waiting", {}).get("reason")

    eventually(lambda: waiting() == "CrashLoopBackOff", "it crash-loops")
    (container,) = status("a")["containerStatuses"]
    assert container["restartCount"] >= 1
    assert container["lastState"]["terminated"]["reason"] in {"Completed", "Error"}
    killed = "Container main failed liveness probe, will be restarted"
    eventually(lambda: killed in events_of(client, namespace, "Killing"), "the Event is there")
    (serving / "livez").touch()
    eventually(lambda: is_ready(status("a")), "a repaired server comes back")


def test_readiness_gate_waits_for_its_owner(client: Client, namespace: str, serving: Path) -> None:
    """Who owns the gate sets its condition, as the load balancer does for its own; a kubelet only reads it."""
    gate = "example.com/checked"
    (serving / "health").touch()
    spec = {"readinessGates": [{"conditionType": gate}]}
    server_pod(client, namespace, "a", spec=spec, readinessProbe=http("/health", periodSeconds=10))
    status = status_of(client, namespace)

    def conditions() -> dict[str, str]:
        return {item["type"]: item["status"] for item in status("a").get("conditions", [])}

    eventually(lambda: conditions().get("ContainersReady") == "True", "its container is ready")
    assert conditions()["Ready"] == "False"
    assert gate not in conditions()
    mark = [{"op": "add", "path": "/status/conditions/-", "value": {"type": gate, "status": "True"}}]
    path = f"/api/v1/namespaces/{namespace}/pods/a/status"
    client.request("PATCH", path, body=mark, content_type="application/json-patch+json")
    eventually(lambda: conditions()["Ready"] == "True", "Ready")
    assert conditions()[gate] == "True"


def test_deleted_pod_drains_before_it_goes(
    running_cluster: ClusterRuntime, client: Client, namespace: str, serving: Path
) -> None:
    """It stays, marked as terminating and still serving, for as long as its preStop takes."""
    addresses = Addresses(file_of(running_cluster.directory))
    (serving / "health").touch()
    spec, hook = {"terminationGracePeriodSeconds": 60}, {"preStop": {"sleep": {"seconds": 40}}}
    server_pod(client, namespace, "a", spec=spec, readinessProbe=http("/health", periodSeconds=10), lifecycle=hook)
    eventually(lambda: is_ready(status_of(client, namespace)("a")), "Ready")
    began = time.monotonic()
    client.delete("v1", "Pod", "a", namespace)
    seen: list[PodAddress] = []

    def drains() -> bool:
        found = addresses.pod(namespace, "a")
        seen.extend([found] if found is not None and found.terminating else [])
        return bool(seen)

    eventually(drains, "others learn it")
    assert (list(seen[0].ports), seen[0].ready) == ([PORT], False)
    eventually(lambda: client.get("v1", "Pod", "a", namespace) is None, "it is gone")
    assert time.monotonic() - began > 1.9, "40 s at a twentieth"
    eventually(lambda: addresses.pod(namespace, "a") is None, "others learn that too")


def test_failed_one_shot_pod_keeps_its_exit_code(client: Client, namespace: str, serving: Path) -> None:
    """A Job counts failures by phase, people read the exit code."""
    (serving / "crash").write_text("3")
    server_pod(client, namespace, "a", spec={"restartPolicy": "Never"})
    status = status_of(client, namespace)
    eventually(lambda: status("a").get("phase") == "Failed", "it has failed")
    assert status("a")["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3


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
    (waiting,) = (name for name in ("tpu", "second") if unschedulable(name))
    scheduled = next(c for c in status(waiting)["conditions"] if c["type"] == "PodScheduled")
    assert scheduled["message"].startswith("0/1 nodes are available: 1 Insufficient google.com/tpu.")
    runtime.apply_node_pool(dataclasses.replace(TPU, nodes_per_zone=2))
    eventually(lambda: is_ready(status("tpu")) and is_ready(status("second")), "a second node takes it")
    runtime.delete_node_pool("tpu")
    assert client.list("v1", "Node") == []
    eventually(lambda: {p["metadata"]["name"] for p in client.list("v1", "Pod", "default")} == {"cpu"}, "pods are gone")


def test_a_ready_pod_says_nothing_of_the_time_before(client: Client, namespace: str, serving: Path) -> None:
    """Once Ready, no condition has the reason for which it was not; a rest of it would be rewritten in every round."""
    status = status_of(client, namespace)
    server_pod(client, namespace, "a", readinessProbe=http("/health", periodSeconds=10))
    eventually(
        lambda: any(c.get("reason") == "ContainersNotReady" for c in status("a").get("conditions", [])), "unready"
    )
    (serving / "health").touch()
    eventually(lambda: is_ready(status("a")), "Ready")
    assert not any(c.get("reason") or c.get("message") for c in status("a")["conditions"] if c["status"] == "True")
