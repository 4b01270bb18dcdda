"""One cluster for every replay: real control plane, node agent, load balancer; a hundred times as fast as GKE.

`models` is a namespace with two vLLM servers and an endpoint picker that stay: replays of traffic put their own Gateways,
Services and policies in front of them. `place` is an empty namespace for replays that need pods of their own.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.clock import SPEED
from sandbox.cluster.proc import free_ports
from sandbox.cluster.runtime import ClusterRuntime
from sandbox.cluster.spec import NodePoolSpec
from sandbox.toolchain import ToolchainError, Tools
from tests.incidents.replay import servers
from tests.incidents.replay.place import Place
from tests.sandbox.support import SPEC, StartCluster, processes_of, without_tools

ZONE = "us-east5-b"
POOLS = (
    NodePoolSpec(name="system", machine_type="e2-standard-16", zones=(ZONE,), nodes_per_zone=1),
    NodePoolSpec(name="v6e", machine_type="ct6e-standard-4t", zones=(ZONE,), nodes_per_zone=6),
)
SERVERS, PICKER = "vllm", "picker"


@pytest.fixture(autouse=True)
def _speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SPEED, "100")


@pytest.fixture(scope="session")
def tools() -> Tools:
    """The sandbox's programs; replays are skipped where they have not been built, and fail there in CI."""
    try:
        return Tools.load()
    except ToolchainError as error:
        without_tools(error)


@pytest.fixture(scope="package")
def replay_cluster(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterRuntime]:
    """The cluster; nothing of it is left afterwards."""
    patch = pytest.MonkeyPatch()
    patch.setenv(SPEED, "100")
    home = tmp_path_factory.mktemp("replay")
    runtime = ClusterRuntime(home, dataclasses.replace(SPEC, name="replay", port=free_ports(1)[0]), tools)
    try:
        runtime.start(lambda _line: None)
        for pool in POOLS:
            runtime.apply_node_pool(pool)
        yield runtime
    finally:
        runtime.delete()
        patch.undo()
    assert processes_of(home) == []


def new_place(cluster: ClusterRuntime, name: str) -> Place:
    """An empty namespace."""
    cluster.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return Place(cluster, name)


@pytest.fixture(scope="package")
def models(replay_cluster: ClusterRuntime) -> Place:
    """Two servers that are Ready, and an endpoint picker."""
    made = new_place(replay_cluster, "models")
    made.pool("shared", SERVERS, PICKER)
    servers.picker(made, PICKER, "shared")
    servers.vllm(made, SERVERS, replicas=2)
    made.until_ready(SERVERS, 2)
    made.until_ready(PICKER)
    return made


@pytest.fixture
def place(replay_cluster: ClusterRuntime) -> Iterator[Place]:
    """An empty namespace; its pods end with the test."""
    made = new_place(replay_cluster, f"replay-{secrets.token_hex(3)}")
    yield made
    made.client.delete("v1", "Namespace", made.name)


@pytest.fixture
def start_cluster(tools: Tools, tmp_path: Path) -> Iterator[StartCluster]:
    """Starts a cluster of the test's own: `start_cluster(gateway_api=False)`."""
    started: list[ClusterRuntime] = []

    def start(**changes: object) -> ClusterRuntime:
        runtime = ClusterRuntime(tmp_path, dataclasses.replace(SPEC, port=free_ports(1)[0], **changes), tools)
        started.append(runtime)
        runtime.start(lambda _line: None)
        return runtime

    yield start
    for runtime in started:
        runtime.delete()
    assert processes_of(tmp_path) == []
