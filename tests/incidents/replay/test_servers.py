"""Model servers that never start, or nowhere (deployment report 2, 8 and 12, and what its Helm installation ran into)."""

from __future__ import annotations

from typing import Any

import pytest

from rules import tpu, vllm
from sandbox.node.nodes import POOL_LABEL
from tests.incidents.replay import servers
from tests.incidents.replay.place import Object, Place
from tests.sandbox.support import eventually

START = "SANDBOX_VLLM_STARTUP_SECONDS"
REAL_START = {"name": START, "value": "300"}


def waiting(status: Object) -> str:
    """Why a container waits, as `kubectl get pods` shows it."""
    return str((status.get("state") or {}).get("waiting", {}).get("reason", ""))


def test_a_flag_that_vllm_on_tpu_does_not_have(place: Place) -> None:
    """Crash loop with the argument parser's words in the log; the same server without the flag is Ready."""
    servers.vllm(place, "app", script=f"{servers.COMMAND} --prefix-cache-block-size=16")
    place.until_pods("app", lambda status: waiting(status) == "CrashLoopBackOff", "in a crash loop")
    assert "api_server.py: error: unrecognized arguments: --prefix-cache-block-size=16" in place.log("app")
    (status,) = place.containers("app")
    assert status["lastState"]["terminated"]["exitCode"] == 2
    servers.vllm(place, "right", script=f"{servers.COMMAND} --block-size=64")
    place.until_ready("right")


@pytest.mark.parametrize(
    ("nodes", "chips", "reason"),
    [
        ({tpu.TPU_ACCELERATOR_LABEL: "tpu-v6e"}, "4", "node(s) didn't match Pod's node affinity/selector"),
        (
            {**servers.TPU_NODES, tpu.TPU_TOPOLOGY_LABEL: "4x4"},
            "4",
            "node(s) didn't match Pod's node affinity/selector",
        ),
        (servers.TPU_NODES, "8", "Insufficient google.com/tpu"),
    ],
    ids=["the-name-the-script-compared", "topology", "chips"],
)
def test_pods_that_no_tpu_node_takes(place: Place, nodes: dict[str, str], chips: str, reason: str) -> None:
    """Pending for ever, with the scheduler's reason: labels of another name or slice, or more chips than a VM has."""
    servers.vllm(place, "app", nodes=nodes, chips=chips)

    def scheduled() -> str:
        for pod in place.pods("app"):
            for condition in pod["status"].get("conditions") or []:
                if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
                    return str(condition["message"])
        return ""

    eventually(lambda: reason in scheduled(), "the scheduler says why")
    assert scheduled().startswith("0/")
    assert place.pods("app")[0]["status"]["phase"] == "Pending"


def test_fewer_chips_than_the_server_wants(place: Place) -> None:
    """Scheduled, and ended by its own engine: tensor parallelism over more chips than the pod asked for."""
    servers.vllm(place, "app", script=servers.COMMAND.replace("parallel-size=4", "parallel-size=8"))
    place.until_pods("app", lambda status: waiting(status) == "CrashLoopBackOff", "in a crash loop")
    assert "not enough devices: tensor_parallel_size is 8, found 4 chips" in place.log("app")


def test_a_start_of_minutes_and_a_budget_of_one(place: Place) -> None:
    """Five minutes of weights and compilation: killed by a probe that waits one; Running and merely not ready under one
    that waits for an hour, until it is Ready without a restart.
    """
    budget = {"periodSeconds": 10, "failureThreshold": 6}
    servers.vllm(place, "short", env=[REAL_START], startupProbe=servers.probe("/health", **budget))
    budget["failureThreshold"] = vllm.STARTUP_BUDGET_SECONDS // 10
    servers.vllm(place, "long", env=[REAL_START], startupProbe=servers.probe("/health", **budget))
    place.until_event("Killing", "Container main failed startup probe, will be restarted")
    place.until_event("Unhealthy", "Startup probe failed", "connect: connection refused")
    place.until_pods("short", lambda status: status.get("restartCount", 0) >= 2, "restarted again and again")
    place.until_ready("long")
    (status,) = place.containers("long")
    assert status["restartCount"] == 0
    assert not any(status["ready"] for status in place.containers("short"))


def test_probes_over_https_of_a_plain_server(place: Place) -> None:
    """The Helm installation's templates probed by HTTPS: Running, never Ready; with the scheme right, Ready."""
    servers.vllm(place, "https", readinessProbe=servers.probe("/health", scheme="HTTPS"))
    place.until_event("Unhealthy", "Readiness probe failed", "http: server gave HTTP response to HTTPS client")
    place.until_pods("https", lambda status: "running" in status.get("state", {}), "running")
    (status,) = place.containers("https")
    assert not status["ready"]
    servers.vllm(place, "http", readinessProbe=servers.probe("/health", scheme="HTTP"))
    place.until_ready("http")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--model-server-port=8000"], "unknown flag: --model-server-port"),
        (["--total-queued-requests-metric=x"], "is deprecated and cannot be used"),
    ],
    ids=["unknown", "deprecated"],
)
def test_an_endpoint_picker_of_another_release(place: Place, flags: list[str], says: str) -> None:
    """An image that does not know its command line, as `:latest` of the scheduler did not: crash loop."""
    servers.picker(place, "app", "pool", *flags)
    place.until_pods("app", lambda status: waiting(status) == "CrashLoopBackOff", "in a crash loop")
    assert says in place.log("app")


def test_servers_elsewhere_get_no_chips(place: Place) -> None:
    """Without the taint's toleration and labels a pod lands on an ordinary node, where vLLM finds no TPU."""
    container: dict[str, Any] = {
        "image": servers.VLLM_IMAGE,
        "command": ["bash", "-c", servers.COMMAND],
        "env": [servers.QUICK],
    }
    servers.deployment(place, "app", container)
    place.until_pods("app", lambda status: waiting(status) == "CrashLoopBackOff", "in a crash loop")
    (pod,) = place.pods("app")
    node = place.client.get("v1", "Node", pod["spec"]["nodeName"]) or {}
    assert node["metadata"]["labels"][POOL_LABEL] == "system"
    assert "found 0 chips" in place.log("app")
