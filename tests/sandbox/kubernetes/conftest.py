"""An engine's view of the provider, over a real connection, against the tests' simulated cluster."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Generator
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sandbox.cluster.runtime import ClusterRuntime
from sandbox.kube.client import Client
from sandbox.kubernetes.provider import KubernetesProvider
from sandbox.plugin.values import Properties, to_struct
from tests.sandbox.kubernetes.engine import (
    Engine,
)
from tests.sandbox.kubernetes.objects import CRD, crd
from tests.sandbox.support import eventually, serves


@pytest.fixture
def client(running_cluster: ClusterRuntime) -> Client:
    """The API server behind the provider."""
    return running_cluster.client


@pytest.fixture
def kubeconfig(running_cluster: ClusterRuntime) -> str:
    """The text of a kubeconfig with every permission."""
    return running_cluster.kubeconfig.read_text()


@contextlib.contextmanager
def _engine(arguments: Properties) -> Generator[Engine]:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(KubernetesProvider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        stub.Configure(provider_pb2.ConfigureRequest(args=to_struct(arguments)))
        yield Engine(stub)
    server.stop(None).wait()


@pytest.fixture
def engine_for() -> Generator[Callable[[Properties], Engine]]:
    """Engines with a provider configured as the test wants it."""
    with contextlib.ExitStack() as stack:
        yield lambda arguments: stack.enter_context(_engine(arguments))


@pytest.fixture
def engine(
    kubeconfig: str, engine_for: Callable[[Properties], Engine], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Engine:
    """An engine whose provider is configured for the cluster; Helm keeps its files below `tmp_path`."""
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path / "home"))
    return engine_for({"kubeconfig": kubeconfig})


@pytest.fixture
def offline(engine_for: Callable[[Properties], Engine]) -> Engine:
    """An engine whose provider cannot reach its cluster: what works with it makes no connection."""
    kubeconfig = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x"}}],
        "clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1:1"}}],
    }
    return engine_for({"kubeconfig": json.dumps(kubeconfig)})


@pytest.fixture
def things(engine: Engine, client: Client, namespace: str) -> str:
    """The token of a custom resource whose CRD is this test's own."""
    group = f"{namespace}.example.com"
    engine.create(CRD, "crd", crd(group))
    eventually(lambda: serves(client, f"{group}/v1", "Thing"), "the new kind is served")
    return f"kubernetes:{group}/v1:Thing"
