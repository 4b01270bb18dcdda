"""The dev stack on a real cluster, and somebody who dies in the middle: Helm, an engine, the cloud itself.

One sandbox for the module, as each cluster takes a gigabyte. Every test leaves the stack applied.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from sandbox import daemon
from sandbox.kube.client import Client
from tests.sandbox.stack.harness import Running, Stack, cli
from tests.sandbox.support import eventually, gone

CLUSTER_ID = "projects/tpu-inference-dev/locations/us-east5-b/clusters/inference-dev"
CHARTS = ("cert-manager", "kserve-llmisvc-crd", "kserve-llmisvc-resources", "kserve-runtime-configs", "lws")


def client_of(stack: Stack) -> Client | None:
    """A client of the dev cluster, None before there is one."""
    found = list((stack.workspace.home / "clusters").glob("*inference-dev/kubeconfig"))
    return Client.from_kubeconfig(found[0]) if found else None


def releases(client: Client, status: str) -> list[str]:
    """The Helm releases whose latest attempt has `status`, from Helm's own records."""
    found = client.list("v1", "Secret", label_selector=f"owner=helm,status={status}")
    return sorted(item["metadata"]["labels"]["name"] for item in found)


def kill_helm(stack: Stack, running: Running) -> list[str]:
    """Kills the Kubernetes provider and its Helm while a release is being installed; the releases left pending."""
    left: list[str] = []

    def caught() -> bool:
        client = client_of(stack)
        if client is None or not releases(client, "pending-install"):
            return False
        provider = running.part("sandbox.kubernetes")
        provider.suspend()
        processes = [provider, *provider.children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        left[:] = releases(client, "pending-install")
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill() if left else process.resume()
        return bool(left)

    running.until(caught, "a Helm release is being installed", timeout=300)
    return left


def creating(stack: Stack) -> list[str]:
    """Types of the Kubernetes objects whose creation the engine has begun, and not seen the end of."""
    pending = stack.state().get("pending_operations") or []
    types = [operation["resource"]["type"] for operation in pending if operation["type"] == "creating"]
    return [kind for kind in types if kind.startswith("kubernetes:") and not kind.endswith(":Release")]


@pytest.fixture(scope="module")
def stack(own_home: Path) -> Stack:
    """The dev stack, applied by three updates: the first lost its provider, the second was killed itself."""
    stack = Stack(own_home)
    first = stack.begin("up", "--skip-preview")
    left = kill_helm(stack, first)
    assert first.end(timeout=300).code != 0
    client = client_of(stack)
    assert client is not None
    assert set(left) <= set(releases(client, "pending-install")), "Helm was killed, it did not finish"
    second = stack.begin("up", "--skip-preview")
    second.until(lambda: any("serving.kserve.io" in kind for kind in creating(stack)), "a model is made", timeout=300)
    second.kill()
    third = cli(own_home, "up", "--", "--skip-preview").end(timeout=300)
    assert third.code == 0, third.output
    assert "an earlier update was cut off while creating qwen2-5-3b" in third.output
    return stack


def unchanged(stack: Stack) -> None:
    """An update has nothing to do."""
    result = stack.run("up", "--skip-preview", "--expect-no-changes")
    assert result.code == 0, result.output


def test_releases_are_repaired(stack: Stack) -> None:
    """A release that was left pending blocks Helm for ever; the next update installed it anew, each exactly once."""
    client = client_of(stack)
    assert client is not None
    assert releases(client, "pending-install") == []
    assert releases(client, "deployed") == sorted(CHARTS)


def test_nothing_was_made_twice(stack: Stack) -> None:
    """Cloud resources and objects exist once, the state holds nothing half-made, and nothing is left to do."""
    client = client_of(stack)
    assert client is not None
    for version, kind in (
        ("gateway.networking.k8s.io/v1", "HTTPRoute"),
        ("serving.kserve.io/v1alpha2", "LLMInferenceService"),
    ):
        assert len(client.list(version, kind, "inference")) == 1
    ids = [resource["id"] for resource in stack.resources()]
    assert len(ids) == len(set(ids))
    assert not stack.state().get("pending_operations")
    assert not [resource["urn"] for resource in stack.state()["resources"] if resource.get("initErrors")]
    unchanged(stack)


def test_cloud_that_was_killed(stack: Stack) -> None:
    """Clusters end with their cloud and come back with it, at the same address and with what was in them."""
    client = client_of(stack)
    assert client is not None
    note = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note", "namespace": "default"}}
    client.create({**note, "data": {"text": "kept"}})
    cloud = psutil.Process(int((daemon.address(stack.workspace.home) or {})["pid"]))
    parts = cloud.children(recursive=True)
    cloud.kill()
    eventually(lambda: gone(parts), "the clusters' processes end with the cloud")
    result = cli(stack.workspace.home, "up", "--", "--skip-preview", "--expect-no-changes").end()
    assert result.code == 0, result.output
    found = client.get("v1", "ConfigMap", "note", "default")
    assert found is not None
    assert found["data"] == {"text": "kept"}


def test_port_that_is_taken(stack: Stack) -> None:
    """The cluster's address is in the stack's state: with the port taken there is one clear error, and nothing moves."""
    home = stack.workspace.home
    (file,) = (home / "clusters").glob("*inference-dev/cluster.json")
    port = int(json.loads(file.read_text())["port"])
    daemon.stop(home)
    with socket.create_server(("127.0.0.1", port)):
        for _ in range(2):  # by a new cloud, and by one that runs already
            refused = cli(home, "up").end()
            assert refused.code == 1
            expected = f"error: {CLUSTER_ID} could not be started again: API server port: 127.0.0.1:{port} of cluster"
            assert refused.output.startswith(expected)
            assert f"is in use by process {os.getpid()} (" in refused.output
            assert f"Free it (`kill {os.getpid()}`) and start again" in refused.output
            assert "Traceback" not in refused.output
            assert len(refused.output.splitlines()) == 1
    result = cli(home, "up", "--", "--skip-preview", "--expect-no-changes").end()
    assert result.code == 0, result.output


def test_prod_beside_dev(stack: Stack) -> None:
    """Two stacks in one sandbox share nothing: both are whole, and taking one away leaves the other as it is."""
    home = stack.workspace.home
    made = cli(home, "up", "--stack", "prod", "--", "--skip-preview").end(timeout=400)
    assert made.code == 0, made.output
    assert len(list((home / "clusters").glob("*/kubeconfig"))) == 2
    unchanged(stack)
    before = {resource["id"]: resource["status"] for resource in of_project(stack, "tpu-inference-prod")}
    assert set(before.values()) == {"RUNNING"}

    parts = cluster_processes(home, "inference-dev")
    assert parts
    result = cli(home, "destroy").end(timeout=300)
    assert result.code == 0, result.output
    assert of_project(stack, "tpu-inference-dev") == [], "as on the real cloud, everything of the stack goes"
    eventually(lambda: gone(parts), "the cluster's processes have ended")
    assert not list((home / "clusters").glob("*inference-dev*"))
    assert {resource["id"]: resource["status"] for resource in of_project(stack, "tpu-inference-prod")} == before
    assert all(part.is_running() for part in cluster_processes(home, "inference-prod"))


def of_project(stack: Stack, project: str) -> list[dict[str, Any]]:
    """What the cloud holds in a project."""
    return [resource for resource in stack.resources() if resource["project"] == project]


def cluster_processes(home: Path, name: str) -> list[psutil.Process]:
    """The processes of a cluster, by the pid files of its parts."""
    files = (home / "clusters").glob(f"*_{name}/run/**/*.pid")
    return [psutil.Process(int(json.loads(file.read_text())["pid"])) for file in files]


def test_down(stack: Stack) -> None:
    """Nothing is left: no process, no directory. Once more does no harm, and a new sandbox can begin."""
    home = stack.workspace.home
    cloud = psutil.Process(int((daemon.address(home) or {})["pid"]))
    parts: list[Any] = [cloud, *cloud.children(recursive=True)]
    for _ in range(2):
        ended = cli(home, "down").end()
        assert ended.code == 0
        assert f"no process of it runs, and {home} is removed" in ended.output
        assert not home.exists()
        assert daemon.leftovers(home) == []
        assert gone(parts), parts
