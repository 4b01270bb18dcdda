"""The plugin as a process: how fast it is there, and that it leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sandbox.kube.client import Client
from sandbox.plugin.values import to_struct
from tests.sandbox.kubernetes.charts import POD_THAT_NEVER_RUNS, RELEASE, helm_processes, make_chart
from tests.sandbox.kubernetes.engine import Engine, in_background
from tests.sandbox.support import eventually

Start = Callable[[], tuple["subprocess.Popen[str]", provider_pb2_grpc.ResourceProviderStub]]


@pytest.fixture
def start(tmp_path: Path) -> Generator[Start]:
    """Starts the plugin as the engine does; ends it after the test."""
    with contextlib.ExitStack() as stack:

        def run() -> tuple[subprocess.Popen[str], provider_pb2_grpc.ResourceProviderStub]:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "sandbox.kubernetes", "127.0.0.1:1"],
                    stdout=subprocess.PIPE,
                    text=True,
                    env={**os.environ, "SANDBOX_HOME": str(tmp_path)},
                )
            )
            stack.callback(process.kill)
            assert process.stdout is not None
            port = int(process.stdout.readline())
            channel = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}"))
            return process, provider_pb2_grpc.ResourceProviderStub(channel)

        yield run


def test_the_plugin_stands_in_for_the_official_version(start: Start) -> None:
    """The engine asks for a version; the port is the first line on standard output."""
    _, stub = start()
    assert stub.GetPluginInfo(empty_pb2.Empty()).version == "4.34.2"


def test_the_plugin_starts_without_the_sdk_and_without_a_connection() -> None:
    """Start-up is paid per provider and operation: no SDK, no HTTP library, no YAML before they are needed."""
    program = (
        "import runpy, sys\n"
        "from sandbox.plugin.stubs import load_stubs_alone\n"
        "load_stubs_alone()\n"
        "import sandbox.kubernetes.provider, sandbox.plugin.server\n"
        "heavy = {'urllib3', 'yaml', 'pulumi_kubernetes', 'requests', 'pulumi.automation', 'sandbox.toolchain'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_plugin_ends_at_once(start: Start, number: signal.Signals) -> None:
    """Incident: a plugin that ignores signals costs every operation five seconds."""
    process, _ = start()
    began = time.monotonic()
    process.send_signal(number)
    process.wait(10)
    assert time.monotonic() - began < 4, "of the five seconds, most are left on any machine"


def test_helm_ends_with_the_plugin(
    start: Start, client: Client, kubeconfig: str, namespace: str, tmp_path: Path
) -> None:
    """Invariant: however the plugin ends, no Helm goes on changing the cluster behind the engine's back."""
    folder = make_chart(tmp_path / "chart")
    (folder / "templates" / "never.yaml").write_text(POD_THAT_NEVER_RUNS)
    process, stub = start()
    stub.Configure(provider_pb2.ConfigureRequest(args=to_struct({"kubeconfig": kubeconfig})))
    news = {"chart": str(folder), "name": "demo", "namespace": namespace}
    finish = in_background(lambda: Engine(stub).create(RELEASE, "demo", news))
    eventually(lambda: client.get("v1", "Pod", "never", namespace), "Helm waits")
    assert helm_processes(namespace)
    process.kill()
    eventually(lambda: not helm_processes(namespace), "Helm is gone", timeout=10)
    with pytest.raises(Exception, match=r"Socket closed|Connection|recvmsg|GOAWAY"):
        finish()
