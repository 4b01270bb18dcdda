"""What tests of the sandbox share: the built tools and one running simulated cluster per test process.

`running_cluster` costs a few seconds once. A test that changes anything in it uses a `namespace` of its own; a test
that stops, kills or reconfigures a cluster makes one with `start_cluster`.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.cluster.proc import free_ports
from sandbox.cluster.runtime import ClusterRuntime
from sandbox.toolchain import ToolchainError, Tools
from tests.sandbox.support import SPEC, StartCluster, without_tools


@pytest.fixture(scope="session")
def tools() -> Tools:
    """The sandbox's programs; tests that need them are skipped where they have not been built, and fail there in CI."""
    try:
        return Tools.load()
    except ToolchainError as error:
        without_tools(error)


@pytest.fixture(scope="session")
def running_cluster(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterRuntime]:
    """A cluster with the Gateway API, shared by all tests of this process."""
    home = tmp_path_factory.mktemp("sandbox")
    runtime = ClusterRuntime(home, dataclasses.replace(SPEC, port=free_ports(1)[0]), tools)
    runtime.start(lambda _line: None)
    yield runtime
    runtime.delete()


@pytest.fixture
def namespace(running_cluster: ClusterRuntime) -> Iterator[str]:
    """The name of a namespace of this test alone, in `running_cluster`."""
    name = f"test-{secrets.token_hex(4)}"
    client = running_cluster.client
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    client.delete("v1", "Namespace", name)


@pytest.fixture
def start_cluster(tools: Tools, tmp_path: Path) -> Iterator[StartCluster]:
    """Starts clusters below `tmp_path`: `start_cluster(name="a", gateway_api=False)`; all are deleted afterwards."""
    started: list[ClusterRuntime] = []

    def start(report: Callable[[str], None] = lambda _line: None, **changes: object) -> ClusterRuntime:
        port = free_ports(1)[0]
        runtime = ClusterRuntime(tmp_path, dataclasses.replace(SPEC, **{"port": port, **changes}), tools)
        started.append(runtime)
        runtime.start(report)
        return runtime

    yield start
    for runtime in started:
        runtime.delete()
