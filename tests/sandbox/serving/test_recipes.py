"""From a container to a running stand-in: ports, files, environment, and what a wrong command line does."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from sandbox.kube.client import Client
from sandbox.node.images import recipe_for
from sandbox.node.launch import Launch
from sandbox.node.recipe import Context
from sandbox.serving import recipes
from sandbox.toolchain import Tools
from tests.sandbox.node.fakes import FakeClient
from tests.sandbox.serving.conftest import Running
from tests.sandbox.support import eventually

Object = dict[str, Any]


class Api(FakeClient):
    """Hands out tokens, too."""

    def request(self, _method: str, _path: str, **_more: object) -> Object:
        """The answer to a TokenRequest."""
        return {"status": {"token": "t"}}


def context(tmp_path: Path, container: Object, **spec: Any) -> Context:
    """A recipe's context for a pod with this container."""
    admin = tmp_path / "admin"
    admin.write_text(json.dumps({"clusters": [{"cluster": {"server": "https://127.0.0.1:1"}}]}))
    pod = {
        "metadata": {"name": "p", "namespace": "models", "uid": "u", "labels": {}},
        "spec": {"containers": [container], **spec},
    }
    return Context(
        client=cast("Client", Api()),
        tools=cast("Tools", None),
        kubeconfig=admin,
        pod=pod,
        container=container,
        pod_ip="10.64.0.5",
        host_ip="10.128.0.2",
        directory=tmp_path,
        log=tmp_path / "log",
        on_change=lambda: None,
    )


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Runs a launch; ends it afterwards."""
    monkeypatch.setenv("SANDBOX_SPEED", "1000")
    monkeypatch.setenv("SANDBOX_VLLM_STARTUP_SECONDS", "0.001")
    monkeypatch.setenv("SANDBOX_TOKEN", "not for pods")
    processes: list[subprocess.Popen[bytes]] = []

    def begin(launch: Launch, container_port: int) -> Running:
        log = tmp_path / "run.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                launch.command, env=dict(launch.environment), cwd=tmp_path, stdout=output, stderr=subprocess.STDOUT
            )
        processes.append(process)
        return Running(process, launch.ports.get(container_port, 0), log)

    yield begin
    for process in processes:
        process.terminate()
        process.wait(timeout=10)


def model_server(*extra: str, **more: Any) -> Object:
    """The container that the program's own component makes."""
    return {
        "name": "main",
        "image": "mirror/vllm/vllm-tpu:v0.27.0",
        "command": ["vllm", "serve", "/mnt/models"],
        "args": ["--served-model-name=qwen", "--port=8000", "--tensor-parallel-size=4", "--max-model-len=2048", *extra],
        "resources": {"limits": {"google.com/tpu": "4"}},
        **more,
    }


def test_the_components_container_becomes_a_server_on_a_local_port(tmp_path: Path, run: Any) -> None:
    """The probe's port 8000 of the pod is a free one of this machine."""
    launch = recipes.vllm_launch(context(tmp_path, model_server(env=[{"name": "PYTHONPATH", "value": "/nowhere"}])))
    server = run(launch, 8000)
    eventually(server.answers, "an answer")
    assert server.get("/v1/models").json()["data"][0]["id"] == "qwen"
    assert "SANDBOX_TOKEN" not in launch.environment


def test_a_model_server_is_probed_through_its_whole_start_up(
    tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A startup budget that is too short shows, however fast the sandbox is: the clock starts before the model loads."""
    monkeypatch.setenv("SANDBOX_VLLM_STARTUP_SECONDS", "1000000")
    launch = recipes.vllm_launch(context(tmp_path, model_server()))
    assert not launch.has_booted()
    server = run(launch, 8000)
    eventually(launch.has_booted, "start-up begins")
    assert not server.answers()


def test_a_port_of_its_own_is_where_it_listens(tmp_path: Path) -> None:
    """KServe sends requests to 8000; a server told otherwise is not there."""
    assert list(recipes.vllm_launch(context(tmp_path, model_server("--port=9000"))).ports) == [9000]


def test_a_refused_command_line_still_starts_and_ends_with_its_message(tmp_path: Path, run: Any) -> None:
    """The pod crash-loops with exit code 2, and its log tells why."""
    launch = recipes.vllm_launch(context(tmp_path, model_server("--prefix-cache-block-size=16")))
    assert not launch.ports
    server = run(launch, 8000)
    assert server.ended() == 2
    assert "unrecognized arguments: --prefix-cache-block-size=16" in server.lines()


@pytest.mark.parametrize(
    ("chips", "environment", "spec", "starts"),
    [
        ("4", [], {}, True),
        ("1", [], {}, False),
        ("2", [], {"nodeSelector": {"cloud.google.com/gke-tpu-accelerator": "tpu7x"}}, True),
        ("2", [{"name": "TPU_MULTIHOST_BACKEND", "value": "ray"}, {"name": "LWS_GROUP_SIZE", "value": "2"}], {}, True),
        ("2", [{"name": "LWS_GROUP_SIZE", "value": "2"}], {}, False),
    ],
)
def test_tensor_parallelism_needs_its_chips(
    tmp_path: Path, chips: str, environment: list[Object], spec: Object, starts: bool
) -> None:
    """Four ways parallel on one chip ends at start; chips of several hosts count where Ray joins them."""
    container = model_server(env=environment, resources={"limits": {"google.com/tpu": chips}})
    assert bool(recipes.vllm_launch(context(tmp_path, container, **spec)).ports) is starts


def test_the_pickers_three_ports_are_mapped_and_it_gets_its_own_kubeconfig(tmp_path: Path, run: Any) -> None:
    """As KServe's preset makes it: everything in `command`, the configuration in `args`, empty words without TLS."""
    command = ["/app/epp", "--pool-name", "pool", "--pool-namespace", "models", "--grpc-port", "9002", "", ""]
    container = {
        "name": "main",
        "image": "ghcr.io/llm-d/llm-d-router-endpoint-picker:v0.9.0",
        "command": [*command, "--grpc-health-port", "9003"],
    }
    launch = recipes.picker_launch(context(tmp_path, container))
    assert sorted(launch.ports) == [9002, 9003, 9090]
    assert json.loads((tmp_path / "kubeconfig").read_text())["users"][0]["user"]["token"] == "t"
    server = run(launch, 9002)
    assert not launch.has_booted()
    eventually(lambda: "InferencePool not synced yet" in server.lines(), "it asks for its pool")
    eventually(launch.has_booted, "from its first look on it is probed, whether the pool is there or not")


def test_an_http_service_takes_its_paths_from_its_image(tmp_path: Path, run: Any) -> None:
    """The report's image serves /api/health/ready on 8080, whatever probes ask for."""
    container = {
        "name": "main",
        "image": "gerdsenai/impetus-llm-server:1.0",
        "env": [{"name": "IMPETUS_PORT", "value": "8080"}],
    }
    launch = recipes.http_launch(context(tmp_path, container))
    assert not launch.has_booted()
    server = run(launch, 8080)
    eventually(launch.has_booted, "it runs")
    assert server.answers(), "probes that begin now are not too early"
    assert server.get("/api/health/live").status == 200
    assert server.get("/healthz").status == 404


@pytest.mark.parametrize(
    "image",
    [
        "ghcr.io/llm-d/llm-d-router-endpoint-picker:v0.9.0",
        "ghcr.io/llm-d/llm-d-inference-scheduler:v0.4.0",
        "docker.io/vllm/vllm-tpu:v0.27.0",
        "gerdsenai/impetus-llm-server:1.0",
    ],
)
def test_the_table_is_known_to_the_node_agent(image: str) -> None:
    """Else the pod is only simulated and nothing answers."""
    assert recipe_for(image) is not None
