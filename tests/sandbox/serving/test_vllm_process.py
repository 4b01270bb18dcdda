"""The stand-in for vLLM on TPU as a process: what probes, load balancers and clients see of it."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from rules import vllm_metrics
from sandbox.serving import prometheus
from tests.sandbox.serving.commands import FAST, SERVE
from tests.sandbox.serving.conftest import Start
from tests.sandbox.support import eventually, patient


def value(text: str, name: str) -> float:
    """The first sample of a metric."""
    return prometheus.parse(text)[name][0][1]


def test_it_serves_what_vllm_serves_and_nothing_else(start: Start) -> None:
    """GKE's default health check asks for `/`: that is 404, while /health answers 200 with an empty body."""
    server = start("vllm", SERVE)
    assert (server.get("/health").status, server.get("/health").text) == (200, "")
    for path in ("/", "/healthz", "/ready", "/v1"):
        answer = server.get(path)
        assert (answer.status, answer.json()) == (404, {"detail": "Not Found"})
    assert server.ask("GET", "/v1/completions").status == 405
    cards = server.get("/v1/models").json()["data"]
    assert [(card["id"], card["root"], card["max_model_len"]) for card in cards] == [
        ("qwen", "/mnt/models", 2048),
        ("other", "/mnt/models", 2048),
    ]


def test_completions_have_usage_and_equal_prompts_equal_answers(start: Start) -> None:
    """Answers are made from the prompt, so a test can compare two ways to the same server."""
    server = start("vllm", SERVE, environment=FAST)
    body = {"model": "qwen", "prompt": "Hello from the sandbox!", "max_tokens": 20}
    first, second = server.post("/v1/completions", body).json(), server.post("/v1/completions", body).json()
    assert first["choices"] == second["choices"]
    assert first["choices"][0]["finish_reason"] == "length"
    assert first["usage"]["completion_tokens"] == 20
    assert first["usage"]["total_tokens"] == first["usage"]["prompt_tokens"] + 20
    other = server.post("/v1/completions", {**body, "prompt": "Something else"}).json()
    assert other["choices"][0]["text"] != first["choices"][0]["text"]


def test_chat_streams_events_that_end_with_done(start: Start) -> None:
    """The pieces of a stream are the text of the whole answer, and usage comes before the end."""
    server = start("vllm", SERVE, environment=FAST)
    body = {
        "model": "other",
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    events = server.post("/v1/chat/completions", body).text.strip().split("\n\n")
    assert events[-1] == "data: [DONE]"
    parts = [json.loads(event.removeprefix("data: ")) for event in events[:-1]]
    assert parts[0]["choices"][0]["delta"]["role"] == "assistant"
    assert len([part for part in parts if part["choices"] and part["choices"][0]["delta"].get("content")]) == 5
    assert parts[-2]["choices"][0]["finish_reason"] == "length"
    assert parts[-1]["usage"]["completion_tokens"] == 5
    whole = server.post("/v1/chat/completions", {**body, "stream": False}).json()
    streamed = "".join(part["choices"][0]["delta"]["content"] for part in parts[:-1])
    assert whole["choices"][0]["message"]["content"] == streamed


def test_wrong_requests_get_vllms_errors(start: Start) -> None:
    """A client that asks for another name than the served one gets 404, which looks like a routing fault."""
    server = start("vllm", SERVE)
    for body, status, says in (
        ({"model": "/mnt/models", "prompt": "x"}, 404, "The model `/mnt/models` does not exist."),
        ({"model": "qwen", "prompt": "x" * 9000}, 400, "maximum context length is 2048 tokens"),
        ({"model": "qwen", "prompt": "x", "max_tokens": 2048}, 400, "maximum context length is 2048 tokens"),
        ({"model": "qwen", "prompt": "x", "max_tokens": 0}, 400, "max_tokens must be at least 1"),
        ({"model": "qwen"}, 400, "prompt"),
        ("{", 400, "JSON decode error"),
        ("[]", 400, "valid dictionary"),
    ):
        answer = server.post("/v1/completions", body)
        assert answer.status == status, body
        assert says in answer.json()["error"]["message"]
        assert answer.json()["error"]["code"] == status


def test_nothing_listens_before_start_up_is_over(start: Start) -> None:
    """A readiness probe gets 'connection refused', not 503, for the minutes of XLA compilation."""
    server = start("vllm", SERVE, environment={"SANDBOX_VLLM_STARTUP_SECONDS": "1000000"}, wait=False)
    eventually(lambda: "Loading weights" in server.lines() or "Initializing" in server.lines(), "the first log line")
    with pytest.raises(ConnectionRefusedError):
        server.get("/health")
    with socket.socket() as other, pytest.raises(OSError, match="Address already in use"):
        other.bind(("127.0.0.1", server.port))  # it holds the port nevertheless: minutes are long enough to lose it
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.ended() == 128 + signal.SIGTERM
    assert time.monotonic() - began < patient(3)


def test_it_listens_after_the_scaled_start_up_time(start: Start) -> None:
    """300 s of GKE at speed 500 are 0.6 s."""
    began = time.monotonic()
    environment = {"SANDBOX_VLLM_STARTUP_SECONDS": "", "SANDBOX_SPEED": "500"}
    start("vllm", SERVE, environment=environment)
    assert time.monotonic() - began > 0.6


@pytest.mark.parametrize(
    ("words", "options", "code", "says"),
    [
        (
            ["python3", "-m", "vllm.entrypoints.openai.api_server", "--model=/m", "--prefix-cache-block-size=16"],
            [],
            2,
            "api_server.py: error: unrecognized arguments: --prefix-cache-block-size=16",
        ),
        (["vllm", "serve", "m", "--max-modell-len=1"], [], 2, "unrecognized arguments: --max-modell-len=1"),
        (["vllm", "serve", "m", "--port=http"], [], 2, "argument --port: invalid int value: 'http'"),
        (["vllm", "serve", "m", "--tensor-parallel-size=8"], ["--chips", "4"], 1, "not enough devices"),
        (["vllm", "serve", "m"], ["--chips", "0"], 1, "not enough devices"),
        (
            ["vllm", "serve", "m", "--kv-transfer-config", '{"kv_connector":"OffloadingConnector"}'],
            [],
            1,
            "Unsupported connector type: OffloadingConnector",
        ),
        (["vllm", "serve", "m", "--quantization=gptq"], [], 1, "gptq quantization is currently not supported in tpu"),
        (["vllm", "serve", "m", "--block-size=20"], [], 1, "block_size must be one of"),
        (["vllm", "serve", "m", "--num-gpu-blocks-override=4"], [], 1, "can be stored in KV cache"),
        (["sleep", "infinity"], [], 127, "executable file not found"),
        (["vllm", "serve", "m", "--ssl-certfile=/nowhere/tls.crt"], [], 1, "No such file"),
    ],
)
def test_what_ends_the_real_server_ends_this_one(
    start: Start, words: list[str], options: list[str], code: int, says: str
) -> None:
    """An operator's pods crash-looped on a flag from a guide for GPUs; the log said which."""
    server = start("vllm", words, options=options, wait=False)
    assert server.ended() == code
    assert says in server.lines()


def test_a_cached_prefix_shortens_time_to_first_token(start: Start) -> None:
    """2,000 uncached tokens are 250 ms of prefill; the second time only the last block is computed."""
    server = start("vllm", ["vllm", "serve", "m", "--max-model-len=8192"], environment={"SANDBOX_VLLM_SPEED": "1"})
    body = {"prompt": "shared context " * 540, "max_tokens": 1}

    def timed() -> float:
        began = time.monotonic()
        assert server.post("/v1/completions", body).status == 200
        return time.monotonic() - began

    cold = timed()
    warm = [timed() for _ in range(4)]
    assert cold > 0.25
    assert min(warm) < cold / 2, "a busy machine may hold up one of them"
    text = server.get("/metrics").text
    assert value(text, vllm_metrics.PREFIX_HITS) > 0.4 * value(text, vllm_metrics.PREFIX_QUERIES)
    assert value(text, f"{vllm_metrics.TIME_TO_FIRST_TOKEN}_count") == 1 + len(warm)


def test_metrics_say_what_the_endpoint_picker_and_dashboards_ask_for(start: Start) -> None:
    """The picker hashes prompts with block_size, and takes num_gpu_blocks for the size of each server's cache."""
    server = start("vllm", [*SERVE, "--block-size=32", "--num-gpu-blocks-override=640"], environment=FAST)
    server.post("/v1/completions", {"prompt": "x", "max_tokens": 3})
    samples = prometheus.parse(server.get("/metrics").text)
    labels = samples[vllm_metrics.CACHE_CONFIG][0][0]
    assert (labels["block_size"], labels["num_gpu_blocks"]) == ("32", "640")
    assert samples[vllm_metrics.RUNNING][0][0]["model_name"] == "qwen"
    for name in (vllm_metrics.RUNNING, vllm_metrics.WAITING, vllm_metrics.KV_CACHE_USAGE):
        assert samples[name][0][1] == 0
    assert samples[vllm_metrics.GENERATION_TOKENS][0][1] == 3
    finished = {entry["finished_reason"]: count for entry, count in samples[vllm_metrics.REQUEST_SUCCESS]}
    assert finished == {"stop": 0, "length": 1, "abort": 0}


def test_requests_beyond_max_num_seqs_wait_and_are_counted_as_waiting(start: Start) -> None:
    """The number of waiting requests is what load-aware routing and autoscaling look at."""
    server = start("vllm", [*SERVE, "--max-num-seqs=2"], environment={"SANDBOX_VLLM_SPEED": "1"})
    body = {"prompt": "x", "max_tokens": 100, "ignore_eos": True}
    clients = [threading.Thread(target=server.post, args=("/v1/completions", body)) for _ in range(5)]
    for client in clients:
        client.start()

    def numbers() -> tuple[float, float]:
        text = server.get("/metrics").text
        return value(text, vllm_metrics.RUNNING), value(text, vllm_metrics.WAITING)

    eventually(lambda: numbers() == (2, 3), "two running, three waiting")
    for client in clients:
        client.join()
    eventually(lambda: numbers() == (0, 0), "none is left")


def test_sigterm_refuses_new_connections_and_finishes_what_runs(start: Start) -> None:
    """A rolling update loses no request that was accepted."""
    server = start("vllm", SERVE, environment={"SANDBOX_VLLM_SPEED": "1"})
    body = {"prompt": "x", "max_tokens": 150, "ignore_eos": True}
    statuses: list[int] = []
    client = threading.Thread(target=lambda: statuses.append(server.post("/v1/completions", body).status))
    client.start()
    eventually(lambda: value(server.get("/metrics").text, vllm_metrics.RUNNING) == 1, "the request runs")
    server.process.terminate()
    eventually(lambda: not server.answers(), "no new connections", timeout=2)
    assert server.process.poll() is None
    client.join()
    assert statuses == [200]
    assert server.ended() == 0


def test_it_starts_quickly_and_stays_small(start: Start) -> None:
    """A node runs many of them; a stack of three models must not cost a gigabyte."""
    server = start("vllm", SERVE)
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    kibibytes = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
    assert kibibytes < 45 * 1024
