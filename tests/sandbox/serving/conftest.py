"""Stand-in servers as real processes on free ports, for tests that talk to them as their clients do."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.cluster.proc import free_ports
from sandbox.home import CHECKOUT
from tests.sandbox.support import eventually


@dataclass
class Answer:
    """One answer."""

    status: int
    text: str

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


@dataclass
class Running:
    """One process and the port it was told to listen on."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One request over plain HTTP; raises OSError where nothing listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            text = body if isinstance(body, str) or body is None else json.dumps(body)
            connection.request(method, path, text, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.read().decode())

    def get(self, path: str) -> Answer:
        """A GET."""
        return self.ask("GET", path)

    def post(self, path: str, body: object) -> Answer:
        """A POST with JSON."""
        return self.ask("POST", path, body)

    def answers(self) -> bool:
        """Whether anything listens."""
        try:
            self.get("/")
        except OSError:
            return False
        return True

    def ended(self) -> int:
        """Its exit code; waits for its end."""
        return self.process.wait(timeout=15)

    def lines(self) -> str:
        """What it has written."""
        return self.log.read_text()


Start = Callable[..., Running]
"""The fixture `start`: module, own options, the container's words; `wait=False` where it is to end by itself."""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts stand-ins at SANDBOX_SPEED 1000 without start-up time; ends all of them afterwards."""
    running: list[Running] = []

    def begin(
        module: str,
        words: list[str],
        *,
        options: list[str] | None = None,
        environment: Mapping[str, str] | None = None,
        wait: bool = True,
        listen: bool = True,
    ) -> Running:
        (port,) = free_ports(1)
        log = tmp_path / f"{module}-{len(running)}.log"
        own = ["--listen", str(port)] if listen else []
        command = [sys.executable, "-m", f"sandbox.serving.{module}", *own, *(options or []), "--", *words]
        values = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(CHECKOUT),
            "SANDBOX_SPEED": "1000",
            "SANDBOX_VLLM_STARTUP_SECONDS": "0.001",
            "SANDBOX_HTTP_STARTUP_SECONDS": "0.001",
            **(environment or {}),
        }
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=values, cwd=tmp_path)
        found = Running(process, port, log)
        running.append(found)
        if wait:
            eventually(lambda: process.poll() is not None or found.answers(), f"{module} answers")
            assert process.poll() is None, found.lines()
        return found

    yield begin
    for found in running:
        if found.process.poll() is None:
            found.process.terminate()
    for found in running:
        try:
            found.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            found.process.kill()
            found.process.wait()
            pytest.fail(f"{found.log.stem} did not end on SIGTERM")
