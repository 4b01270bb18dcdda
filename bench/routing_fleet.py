"""The processes of the routing bench: stand-in model servers, an endpoint picker, and the load balancer in front of them.

Owns their command lines, their start, their end and the reading of servers' counters. All listen on free ports of 127.0.0.1,
know nothing of a cluster, and end with the block that started them.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from bench.routing_balancer import HEALTHY_SECONDS
from bench.routing_objects import (
    NAMESPACE,
    ONE_SERVER,
    PICKER,
    PREFIX_AWARE,
    ROUND_ROBIN,
    WAYS,
    Place,
    Served,
    recorded,
)
from bench.scenarios import BenchError
from rules import endpoint_picker_flags, vllm, vllm_metrics
from sandbox.cluster.proc import free_ports
from sandbox.home import CHECKOUT
from sandbox.serving import prometheus

SERVERS: Final = 3
_START_SECONDS: Final = 60.0
_END_SECONDS: Final = 10.0
_OWN_VARIABLES: Final = ("SANDBOX_", "PULUMI_", "PYTHON")
"""Whoever measures may have set them for a sandbox; here the bench decides."""


@dataclass(frozen=True, kw_only=True)
class Counters:
    """Prompt tokens that servers looked for in their prefix caches and found there; seconds that all processes of the bench
    ran and, ready to run, waited for a processor.
    """

    queries: float = 0.0
    hits: float = 0.0
    ran: float = 0.0
    waited: float = 0.0

    def cached_since(self, earlier: Counters) -> float:
        """The part of the prompts' tokens that was found in a prefix cache."""
        queries = self.queries - earlier.queries
        return (self.hits - earlier.hits) / queries if queries > 0 else 0.0

    def waited_since(self, earlier: Counters) -> float:
        """Seconds waited for each second run."""
        ran = self.ran - earlier.ran
        return (self.waited - earlier.waited) / ran if ran > 0 else 0.0


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What runs: the load balancer's port, the servers' own by way, and the number of every process."""

    port: int
    servers: Mapping[str, Sequence[int]]
    pids: Sequence[int]

    def counters(self, way: str) -> Counters:
        """Since the start: of all servers of a way, and of all processes with this one."""
        queries = hits = 0.0
        for port in self.servers[way]:
            samples = prometheus.parse(_get(port, vllm.METRICS_PATH))
            queries += samples[vllm_metrics.PREFIX_QUERIES][0][1]
            hits += samples[vllm_metrics.PREFIX_HITS][0][1]
        times = [_scheduled(pid) for pid in (os.getpid(), *self.pids)]
        return Counters(queries=queries, hits=hits, ran=sum(ran for ran, _ in times), waited=sum(w for _, w in times))


def server_words(served: Served, blocks: int) -> list[str]:
    """The command line of one server. `blocks` of KV cache instead of what its memory holds."""
    return [
        *("vllm", "serve", served.model, "--served-model-name", served.name),
        *("--max-model-len", str(served.max_model_length), "--block-size", str(served.block_tokens)),
        *("--num-gpu-blocks-override", str(blocks), "--disable-uvicorn-access-log"),
    ]


def picker_words(served: Served) -> list[str]:
    """The command line of the endpoint picker."""
    return [
        *("--pool-name", PREFIX_AWARE, "--pool-namespace", NAMESPACE),
        *("--config-text", json.dumps(served.picker)),
    ]


@contextmanager
def running(served: Served, blocks: int, folder: Path) -> Generator[Fleet]:
    """Everything, once every endpoint is healthy at the load balancer; logs are in `folder`.

    Raises:
        BenchError: a process ends or does not come up.
    """
    counts = {PREFIX_AWARE: SERVERS, ROUND_ROBIN: SERVERS, ONE_SERVER: 1}
    ports = free_ports(sum(counts.values()) + 3)
    grpc, checked, metrics = (ports.pop() for _ in range(3))
    servers = {way: [ports.pop() for _ in range(counts[way])] for way in WAYS}
    processes: list[_Process] = []
    try:
        for way in WAYS:
            for number, port in enumerate(servers[way]):
                options = ["--listen", str(port), "--", *server_words(served, blocks)]
                processes.append(_Process("sandbox.serving.vllm", options, folder / f"{way}-{number}.log"))
        listen = ["--listen", str(grpc), "--listen-health", str(checked), "--listen-metrics", str(metrics)]
        options = [*listen, "--", *picker_words(served)]
        processes.append(_Process("sandbox.serving.picker", options, folder / "picker.log"))
        file = folder / "recorded.json"
        file.write_text(json.dumps(recorded(_places(servers, grpc, checked))))
        balancer = _Process("bench.routing_balancer", [str(file)], folder / "balancer.log", answers=True)
        processes.append(balancer)
        port = int(json.loads(_first_line(balancer, processes))["port"])
        yield Fleet(port=port, servers=servers, pids=[each.process.pid for each in processes])
    finally:
        _end(processes)


def _places(servers: Mapping[str, Sequence[int]], grpc: int, checked: int) -> list[Place]:
    found = [
        Place(name=f"{way}-{number}", role=way, ports={vllm.PORT: port})
        for way, ports in servers.items()
        for number, port in enumerate(ports)
    ]
    ports = {endpoint_picker_flags.GRPC_PORT: grpc, endpoint_picker_flags.HEALTH_PORT: checked}
    return [*found, Place(name=PICKER, role=PICKER, ports=ports)]


class _Process:
    def __init__(self, module: str, options: Sequence[str], log: Path, *, answers: bool = False) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_VARIABLES)}
        own = {"PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1", "SANDBOX_VLLM_STARTUP_SECONDS": "0.001"}
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *options],
                cwd=CHECKOUT,
                env={**kept, **own},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if answers else output,
                stderr=output,
            )

    def problem(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-5:]
        return "\n".join([f"{self.log.stem} ended with {self.process.returncode}:", *(f"  {line}" for line in lines)])


def _first_line(process: _Process, others: Sequence[_Process]) -> str:
    """What the process says when it is ready; every other one has to run on until then."""
    output: IO[bytes] | None = process.process.stdout
    assert output is not None  # noqa: S101 - it was started with a pipe
    deadline = time.monotonic() + _START_SECONDS + HEALTHY_SECONDS
    while time.monotonic() < deadline:
        readable, _, _ = select.select([output], [], [], 0.2)
        ended = [other for other in others if other.process.poll() is not None]
        if ended:
            raise BenchError(ended[0].problem())
        if readable and (line := output.readline()):
            return line.decode()
    raise BenchError("the load balancer did not come up")


def _end(processes: Sequence[_Process]) -> None:
    for each in processes:
        if each.process.stdout is not None:
            each.process.stdout.close()
        each.process.terminate()
    for each in processes:
        try:
            each.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            each.process.kill()
            with suppress(subprocess.TimeoutExpired):
                each.process.wait(_END_SECONDS)


def _scheduled(pid: int) -> tuple[float, float]:
    """Seconds that a process ran, and waited for a processor; 0 where Linux does not tell."""
    try:
        ran, waited, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    except (OSError, ValueError):
        return 0.0, 0.0
    return int(ran) / 1e9, int(waited) / 1e9


def _get(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except OSError as error:
        raise BenchError(f"a model server does not tell its metrics: {error}") from None
    finally:
        connection.close()
