"""The endpoint picker as a process, with servers behind it."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest

from sandbox.cluster.proc import free_ports
from sandbox.serving.picker import health
from tests.sandbox.serving.conftest import Running, Start
from tests.sandbox.serving.picker_input import POOL, text
from tests.sandbox.support import eventually


@pytest.fixture
def picker(start: Start) -> tuple[Running, int]:
    """A running picker without a cluster, and its health port."""
    health_port, metrics_port = free_ports(2)
    options = ["--listen-health", str(health_port), "--listen-metrics", str(metrics_port)]
    return start("picker", [*POOL, "--config-text", text()], options=options), health_port


def status(port: int) -> int | None:
    """What the health service says, None while it says nothing."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            return channel.unary_unary(f"/{health.SERVICE}/Check")(health.request("readiness"), timeout=2)[1]
        except grpc.RpcError:
            return None


def test_the_health_service_answers_kubelets(picker: tuple[Running, int]) -> None:
    """Readiness and liveness are gRPC probes on port 9003, with a service name."""
    _, port = picker
    eventually(lambda: status(port) == health.SERVING, "SERVING")


def test_without_its_pool_it_is_not_ready(start: Start, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A pool that does not exist, or a role that is missing, keeps the real picker from being ready too."""
    kubeconfig = tmp_path_factory.mktemp("pod") / "kubeconfig"
    kubeconfig.write_text(json.dumps({"clusters": [{"cluster": {}}], "users": [{"user": {}}]}))
    port, metrics = free_ports(2)
    options = ["--listen-health", str(port), "--listen-metrics", str(metrics), "--kubeconfig", str(kubeconfig)]
    server = start("picker", [*POOL, "--config-text", text()], options=options)
    eventually(lambda: "InferencePool not synced yet" in server.lines(), "the complaint")
    eventually(lambda: status(port) == health.NOT_SERVING, "NOT_SERVING")


def test_a_request_follows_its_prefix_through_real_servers(start: Start, picker: tuple[Running, int]) -> None:
    """Picker and servers agree on blocks through the servers' own metrics; what was picked is really a hit there."""
    chooser, _ = picker
    servers = {
        name: start("vllm", ["vllm", "serve", "m", "--max-model-len=2048"], environment={"SANDBOX_VLLM_SPEED": "100"})
        for name in ("pod-a", "pod-b")
    }
    candidates = [{"pod": name, "address": f"127.0.0.1:{server.port}"} for name, server in servers.items()]
    request = {"model": "m", "prompt": "shared " * 500, "max_tokens": 1}
    picks: list[dict[str, Any]] = []
    for _ in range(3):
        answer = chooser.post("/pick", {"body": json.dumps(request), "candidates": candidates})
        picks.append(answer.json())
        cached = servers[picks[-1]["pod"]].post("/v1/completions", request).json()["usage"]["prompt_tokens_details"]
        assert chooser.post("/done", {"id": picks[-1]["id"]}).status == 200
        assert cached["cached_tokens"] == picks[-1]["matches"][picks[-1]["pod"]] * 128
    assert len({pick["pod"] for pick in picks}) == 1
    assert picks[0]["matches"][picks[0]["pod"]] == 0
    assert picks[1]["matches"][picks[0]["pod"]] == 6
    assert 'llm_d_epp_request_total{name="pool"' in chooser.get("/metrics").text


def test_a_server_that_came_back_has_an_empty_cache(start: Start, picker: tuple[Running, int]) -> None:
    """A restarted pod keeps its name and loses its cache; its new address tells."""
    chooser, _ = picker
    one, two = (start("vllm", ["vllm", "serve", "m"]) for _ in range(2))
    body = {"model": "m", "prompt": "x" * 4000}
    for server, expected in ((one, 0), (one, 62), (two, 0)):
        candidates = [{"pod": "pod", "address": f"127.0.0.1:{server.port}"}]
        assert chooser.post("/pick", {**body, "candidates": candidates}).json()["matches"] == {"pod": expected}


def test_wrong_requests_are_answered_and_no_server_is_503(picker: tuple[Running, int]) -> None:
    """The load balancer turns 503 into its own words."""
    chooser, _ = picker
    assert chooser.post("/pick", {"candidates": []}).status == 503
    assert chooser.post("/pick", {"candidates": [{"pod": "a", "address": "nowhere"}]}).status == 400
    assert chooser.post("/pick", {}).status == 400
    assert chooser.post("/pick", "{").status == 400
    assert chooser.post("/done", {"id": "never"}).status == 404
    assert chooser.get("/").status == 404


def test_a_wrong_configuration_ends_the_process(start: Start) -> None:
    """Exit code 1 and the reason in the log: the pod crash-loops as on GKE."""
    server = start("picker", [*POOL, "--config-text", text(plugins=[{"type": "nonsense"}])], wait=False)
    assert server.ended() == 1
    assert "plugin type 'nonsense' is not registered" in server.lines()
