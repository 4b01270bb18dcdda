"""The life of a simulated cluster: what stays over a restart, what goes with a deletion, and what people read."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sandbox.cluster.files import sandbox_token
from sandbox.cluster.runtime import ClusterError, ClusterRuntime
from sandbox.cluster.spec import NodePoolSpec, version_key
from sandbox.kube.client import Client
from sandbox.toolchain import Tools
from tests.sandbox.support import SPEC, StartCluster, eventually, patient, processes_of

POOL = NodePoolSpec(
    name="tpu",
    machine_type="ct6e-standard-4t",
    zones=("us-east5-b",),
    nodes_per_zone=1,
    tpu_topology="2x2",
    labels={"team": "inference"},
    taints=(("google.com/tpu", "present", "NoSchedule"),),
)
POOL_CRD = "inferencepools.inference.networking.k8s.io"


def crds(runtime: ClusterRuntime) -> set[str]:
    """The names of the cluster's CRDs."""
    found = runtime.client.list("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    return {crd["metadata"]["name"] for crd in found}


def test_restart_keeps_address_data_and_nodes(start_cluster: StartCluster, tmp_path: Path, tools: Tools) -> None:
    """`make down && make up` must leave a stack's kubeconfig, its objects and its node pools valid."""
    first = start_cluster(gateway_api=False)
    endpoint, ca = first.endpoint, first.ca_pem
    first.start(lambda _line: pytest.fail("a running cluster was started again"))
    first.apply_node_pool(POOL)
    first.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine"}})
    first.stop()
    first.stop()
    assert not first.running
    assert processes_of(first.directory) == []
    with pytest.raises(ClusterError, match="cluster test is not running; start it with `make up`"):
        first.apply_node_pool(POOL)

    second = start_cluster(gateway_api=False, port=None)
    assert (second.endpoint, second.ca_pem) == (endpoint, ca)
    people = Client.from_kubeconfig(second.kubeconfig)
    assert people.get("v1", "Namespace", "mine") is not None
    assert [node["metadata"]["labels"]["team"] for node in people.list("v1", "Node")] == ["inference"]
    assert second.kubeconfig.stat().st_mode & 0o077 == 0

    second.delete_node_pool("tpu")
    assert people.list("v1", "Node") == []
    second.delete()
    second.delete()
    assert not second.directory.exists()
    assert processes_of(tmp_path) == []
    with pytest.raises(ClusterError, match="cluster test has no endpoint before its first start"):
        _ = ClusterRuntime(tmp_path, SPEC, tools).endpoint


def test_crds_follow_the_gateway_api_and_the_version(start_cluster: StartCluster) -> None:
    """GKE installs the Gateway API's CRDs when it is enabled, and InferencePool from 1.34.0-gke.1626000 on."""
    runtime = start_cluster(gateway_api=False, kubernetes_version="1.33.5-gke.1000000")
    assert "podmonitorings.monitoring.googleapis.com" in crds(runtime)
    assert not any("gateway" in name or "networking.gke.io" in name for name in crds(runtime))
    runtime.update(dataclasses.replace(runtime.spec, gateway_api=True))
    assert {"gateways.gateway.networking.k8s.io", "healthcheckpolicies.networking.gke.io"} <= crds(runtime)
    assert POOL_CRD not in crds(runtime)
    runtime.update(dataclasses.replace(runtime.spec, kubernetes_version="1.34.0-gke.1626000"))
    assert POOL_CRD in crds(runtime)
    with pytest.raises(ClusterError, match=r"port: 1025 differs from the cluster's 127\.0\.0\.1:"):
        runtime.update(dataclasses.replace(runtime.spec, port=1025))
    with pytest.raises(ClusterError, match="gke_test-project_us-east5_other is not this cluster"):
        runtime.update(dataclasses.replace(runtime.spec, name="other"))


def test_busy_port_names_its_holder_and_the_remedy(start_cluster: StartCluster) -> None:
    """The port is in the stack's state, so it cannot just be another one: people must learn who has it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ClusterError) as caught:
            start_cluster(port=port)
    text = str(caught.value)
    assert text.startswith(f"API server port: 127.0.0.1:{port} of cluster test is in use by process {os.getpid()} (")
    assert f"`kill {os.getpid()}`" in text
    assert "pulumi refresh" in text


def test_failed_start_leaves_nothing(start_cluster: StartCluster, tools: Tools, tmp_path: Path) -> None:
    """A tool that fails is shown with its last words, and what was started before it is ended."""
    broken = tmp_path / "kube-apiserver"
    broken.write_text("#!/bin/sh\necho unknown flag: --egress\nexit 1\n")
    broken.chmod(0o755)
    runtime = ClusterRuntime(tmp_path, SPEC, dataclasses.replace(tools, kube_apiserver=broken))
    with pytest.raises(ClusterError) as caught:
        runtime.start(lambda _line: None)
    assert "kube-apiserver ended at start (exit code 1)" in str(caught.value)
    assert "unknown flag: --egress" in str(caught.value)
    assert str(runtime.directory / "logs" / "kube-apiserver.log") in str(caught.value)
    assert processes_of(runtime.directory) == []
    assert start_cluster(port=None, gateway_api=False).running, "the lock and the port are free again"


def test_stop_during_start(tools: Tools, tmp_path: Path) -> None:
    """`make down` while a cluster is still coming up does not wait for it to be ready first."""
    runtime = ClusterRuntime(tmp_path, SPEC, tools)
    outcome: list[str] = []

    def start() -> None:
        try:
            runtime.start(outcome.append)
        except ClusterError as error:
            outcome.append(str(error))

    starting = threading.Thread(target=start)
    starting.start()
    eventually((runtime.directory / "run" / "kube-apiserver.pid").exists, "the API server's process")
    runtime.stop()
    starting.join(timeout=patient(10))
    assert outcome == ["kube-apiserver was stopped before it was ready"]
    assert processes_of(runtime.directory) == []


def test_killed_daemon(tools: Tools, start_cluster: StartCluster, tmp_path: Path) -> None:
    """After `kill -9` of the daemon no process is left, and the next start has the same address and data.

    While the daemon lives, no second one may run the cluster: it would take the first one's processes for leftovers.
    """
    program = f"""
import sys, threading
sys.path.insert(0, {str(Path(__file__).resolve().parents[3])!r})
from pathlib import Path
from sandbox.cluster.runtime import ClusterRuntime
from sandbox.toolchain import Tools
from tests.sandbox.support import SPEC
runtime = ClusterRuntime(Path({str(tmp_path)!r}), SPEC, Tools.load())
runtime.start(lambda line: None)
runtime.client.create({{"apiVersion": "v1", "kind": "Namespace", "metadata": {{"name": "mine"}}}})
print(runtime.endpoint, flush=True)
threading.Event().wait()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        endpoint = daemon.stdout.readline().strip()
        second = ClusterRuntime(tmp_path, SPEC, tools)
        with pytest.raises(ClusterError, match=f"cluster test is already run by process {daemon.pid}; end that first"):
            second.start(lambda _line: None)
        assert Client.from_kubeconfig(second.kubeconfig).get("v1", "Namespace", "mine") is not None
        os.kill(daemon.pid, signal.SIGKILL)
    eventually(lambda: processes_of(second.directory) == [], "the end of the killed daemon's processes")
    again = start_cluster(port=None)
    assert again.endpoint == endpoint
    assert again.client.get("v1", "Namespace", "mine") is not None


def test_token_is_made_once(tmp_path: Path) -> None:
    """Cloud and cluster may both be first to need it; the API server must accept what the cloud hands out."""
    token = sandbox_token(tmp_path)
    assert len(token) > 30
    assert sandbox_token(tmp_path) == token
    assert (tmp_path / "token").stat().st_mode & 0o077 == 0
    assert [file.name for file in tmp_path.iterdir()] == ["token"]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.34.0-gke.1626000", "1.34.3-gke.1245000"),
        ("1.34.0-gke.999999", "1.34.0-gke.1626000"),
        ("1.9", "1.34"),
        ("1.34.0", "1.34.0-gke.1"),
    ],
)
def test_versions_compare_as_numbers(older: str, newer: str) -> None:
    """Compared as text, 1.34.0-gke.999999 would be newer than 1.34.0-gke.1626000."""
    assert version_key(older) < version_key(newer)


def test_version_that_is_none() -> None:
    """A wrong version is named with the form to write."""
    with pytest.raises(ValueError, match="'latest' is not a GKE version; write it as"):
        version_key("latest")
