"""A real API server for the provider's integration tests, and an engine's view of the provider.

One etcd and one kube-apiserver for all tests of a worker, started on first use. No controller runs: tests that wait for
a status write it themselves, which makes the moment of readiness theirs.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Callable, Generator
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.kube.client import ApiError, Client, Object
from sandbox.kubernetes.provider import KubernetesProvider
from sandbox.plugin.values import Properties, from_struct, to_struct
from sandbox.toolchain import ToolchainError, Tools

TOKEN = "made-up-token"
DEADLINE = 60.0


def until(condition: Callable[[], Any], *, what: str, seconds: float = DEADLINE) -> Any:
    """The first true value of `condition`, polled; fails the test at the deadline."""
    end = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            pytest.fail(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class ApiServer:
    """Where the API server is and how to get in."""

    url: str
    ca_pem: str
    kubeconfig: str


@pytest.fixture(scope="session")
def tools() -> Tools:
    try:
        return Tools.load()
    except ToolchainError as error:
        pytest.skip(f"the sandbox's tools are needed: {error}")


def _start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)


@pytest.fixture(scope="session")
def api_server(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Generator[ApiServer]:
    home = tmp_path_factory.mktemp("api-server")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key_file = home / "service-account.key"
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    (home / "tokens.csv").write_text(f"{TOKEN},tester,tester,system:masters\n")
    etcd, peer, port = free_port(), free_port(), free_port()
    processes = [
        _start(
            [
                str(tools.etcd),
                f"--data-dir={home / 'etcd'}",
                "--unsafe-no-fsync",
                f"--listen-client-urls=http://127.0.0.1:{etcd}",
                f"--advertise-client-urls=http://127.0.0.1:{etcd}",
                f"--listen-peer-urls=http://127.0.0.1:{peer}",
            ],
            home / "etcd.log",
        ),
        _start(
            [
                str(tools.kube_apiserver),
                f"--etcd-servers=http://127.0.0.1:{etcd}",
                "--bind-address=127.0.0.1",
                f"--secure-port={port}",
                f"--cert-dir={home}",
                f"--service-account-key-file={key_file}",
                f"--service-account-signing-key-file={key_file}",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-cluster-ip-range=10.96.0.0/16",
                f"--token-auth-file={home / 'tokens.csv'}",
                "--authorization-mode=RBAC",
                "--disable-admission-plugins=ServiceAccount",
                "--endpoint-reconciler-type=none",
            ],
            home / "kube-apiserver.log",
        ),
    ]
    url, certificate = f"https://127.0.0.1:{port}", home / "apiserver.crt"

    def ready() -> bool:
        for process in processes:
            assert process.poll() is None, (home / "kube-apiserver.log").read_text()[-2000:]
        if not certificate.exists():
            return False
        client = Client(url, ca_pem=certificate.read_text(), token=TOKEN)
        with contextlib.suppress(ApiError), contextlib.closing(client):
            return client.request("GET", "/readyz")["text"] == "ok" and client.get("v1", "Namespace", "default") is not None
        return False

    try:
        until(ready, what="the API server is ready")
        kubeconfig = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": {"server": url, "certificate-authority": str(certificate)}}],
            "users": [{"name": "test", "user": {"token": TOKEN}}],
        }
        yield ApiServer(url=url, ca_pem=certificate.read_text(), kubeconfig=json.dumps(kubeconfig))
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in reversed(processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture(scope="session")
def client(api_server: ApiServer) -> Generator[Client]:
    connection = Client(api_server.url, ca_pem=api_server.ca_pem, token=TOKEN)
    yield connection
    connection.close()


@pytest.fixture
def namespace(client: Client, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own."""
    name = f"t-{abs(hash((request.node.nodeid, time.time_ns()))) % 10**10}"
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


class InitFailed(Exception):
    """What the engine takes from an error with the resource's state."""

    def __init__(self, detail: provider_pb2.ErrorResourceInitFailed) -> None:
        super().__init__("\n".join(detail.reasons))
        self.id = detail.id
        self.state = from_struct(detail.properties)


class Refused(Exception):
    """An error that leaves no resource behind."""


@dataclass(frozen=True)
class Resource:
    """A resource as the engine remembers it."""

    urn: str
    token: str
    name: str
    id: str
    inputs: Properties
    state: Properties


@dataclass
class Engine:
    """The engine's side of the protocol, over a real connection."""

    stub: provider_pb2_grpc.ResourceProviderStub
    failures: list[str] = field(default_factory=list[str])

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=DEADLINE)
        except grpc.RpcError as error:
            for key, value in error.trailing_metadata() or ():  # type: ignore[attr-defined]
                if key == "grpc-status-details-bin":
                    detail = provider_pb2.ErrorResourceInitFailed()
                    status_pb2.Status.FromString(value).details[0].Unpack(detail)
                    raise InitFailed(detail) from error
            raise Refused(error.details()) from error  # type: ignore[attr-defined]

    @staticmethod
    def urn(token: str, name: str) -> str:
        return f"urn:pulumi:test::test::{token}::{name}"

    def check(self, token: str, name: str, news: Properties, olds: Properties | None = None) -> Properties:
        response = self._call(
            self.stub.Check,
            provider_pb2.CheckRequest(
                urn=self.urn(token, name), news=to_struct(news), olds=to_struct(olds or {}), randomSeed=name.encode()
            ),
        )
        if response.failures:
            raise Refused("; ".join(f"{failure.property}: {failure.reason}" for failure in response.failures))
        return from_struct(response.inputs)

    def create(
        self, token: str, name: str, news: Properties, *, timeout: float = 0, preview: bool = False
    ) -> Resource:
        inputs, urn = self.check(token, name, news), self.urn(token, name)
        response = self._call(
            self.stub.Create,
            provider_pb2.CreateRequest(urn=urn, properties=to_struct(inputs), timeout=timeout, preview=preview),
        )
        return Resource(urn, token, name, response.id, inputs, from_struct(response.properties))

    def diff(self, resource: Resource, news: Properties) -> provider_pb2.DiffResponse:
        inputs = self.check(resource.token, resource.name, news, resource.inputs)
        return self._call(
            self.stub.Diff,
            provider_pb2.DiffRequest(
                id=resource.id,
                urn=resource.urn,
                olds=to_struct(resource.state),
                old_inputs=to_struct(resource.inputs),
                news=to_struct(inputs),
            ),
        )

    def update(self, resource: Resource, news: Properties, *, timeout: float = 0, preview: bool = False) -> Resource:
        inputs = self.check(resource.token, resource.name, news, resource.inputs)
        response = self._call(
            self.stub.Update,
            provider_pb2.UpdateRequest(
                id=resource.id,
                urn=resource.urn,
                olds=to_struct(resource.state),
                old_inputs=to_struct(resource.inputs),
                news=to_struct(inputs),
                timeout=timeout,
                preview=preview,
            ),
        )
        return Resource(resource.urn, resource.token, resource.name, resource.id, inputs, from_struct(response.properties))

    def delete(self, resource: Resource, *, timeout: float = 0) -> None:
        self._call(
            self.stub.Delete,
            provider_pb2.DeleteRequest(
                id=resource.id, urn=resource.urn, properties=to_struct(resource.state), timeout=timeout
            ),
        )

    def refresh(self, resource: Resource) -> Resource | None:
        return self._read(resource.token, resource.name, resource.id, resource.state, resource.inputs)

    def imported(self, token: str, name: str, resource_id: str) -> Resource | None:
        return self._read(token, name, resource_id, {}, {})

    def _read(
        self, token: str, name: str, resource_id: str, state: Properties, inputs: Properties
    ) -> Resource | None:
        urn = self.urn(token, name)
        response = self._call(
            self.stub.Read,
            provider_pb2.ReadRequest(id=resource_id, urn=urn, properties=to_struct(state), inputs=to_struct(inputs)),
        )
        if not response.id:
            return None
        return Resource(urn, token, name, response.id, from_struct(response.inputs), from_struct(response.properties))

    def cancel(self) -> None:
        self.stub.Cancel(empty_pb2.Empty())


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
    api_server: ApiServer, engine_for: Callable[[Properties], Engine], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Engine:
    """An engine whose provider is configured for the API server."""
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path))
    return engine_for({"kubeconfig": api_server.kubeconfig})


@pytest.fixture
def offline(engine_for: Callable[[Properties], Engine]) -> Engine:
    """An engine whose provider cannot reach its cluster: what works with it makes no connection."""
    kubeconfig = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x"}}],
        "clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1:1"}}],
    }
    return engine_for({"kubeconfig": json.dumps(kubeconfig)})


def config_map(namespace: str, name: str = "settings", **data: str) -> Object:
    return {"metadata": {"name": name, "namespace": namespace}, "data": data}
