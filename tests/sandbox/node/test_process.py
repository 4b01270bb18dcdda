"""Containers that are local processes."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.cluster.proc import free_ports, start_time
from sandbox.node.environment import MissingKeyError
from sandbox.node.process import Launch, ProcessWorkload
from sandbox.node.workload import backoff
from tests.sandbox.support import eventually

SERVER = "import http.server,sys;http.server.test(http.server.SimpleHTTPRequestHandler,port=int(sys.argv[1]),bind='127.0.0.1')"


class Program:
    """A workload whose launches the test controls."""

    def __init__(self, directory: Path) -> None:
        self.pid_file = directory / "main.pid"
        self.refused: Exception | None = None
        self.changes = 0
        self.workload = ProcessWorkload(
            "n/p",
            prepare=self._prepare,
            refresh=lambda: None,
            log=directory / "p.log",
            pid_file=self.pid_file,
            on_change=self._changed,
        )

    def _changed(self) -> None:
        self.changes += 1

    def _prepare(self) -> Launch:
        if self.refused is not None:
            raise self.refused
        (port,) = free_ports(1)
        command = [sys.executable, "-c", SERVER, str(port)]
        return Launch(command=command, environment={}, ports={9443: port}, ready_port=port, ready_path="/")

    def pid(self) -> int:
        """Of the running process."""
        return int(json.loads(self.pid_file.read_text())["pid"])


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """A small HTTP server as a container."""
    made = Program(tmp_path)
    yield made
    made.workload.signal_stop()
    eventually(lambda: made.workload.stopped, "the process ends")


def test_ready_only_when_it_answers_and_restarted_when_it_dies(program: Program) -> None:
    """A controller that crashed is unready with a restart count, then ready again on its new port."""
    workload = program.workload
    assert not workload.state().ready
    workload.start()
    eventually(lambda: workload.state().ready, "ready")
    assert workload.local_port(9443) is not None
    assert workload.local_port(80) is None
    os.kill(program.pid(), signal.SIGKILL)
    eventually(lambda: workload.state().waiting == "CrashLoopBackOff", "back-off is shown")
    assert workload.local_port(9443) is None
    assert "exit code 137" in workload.state().message
    eventually(lambda: workload.state().ready, "ready again")
    assert (workload.state().restarts, workload.state().last_exit_code) == (1, 137)


def test_stop_ends_the_process(program: Program) -> None:
    """Nothing of a deleted pod runs on."""
    program.workload.start()
    eventually(lambda: program.workload.state().ready, "ready")
    pid = program.pid()
    program.workload.signal_stop()
    eventually(lambda: program.workload.stopped, "stopped")
    assert start_time(pid) is None
    assert not program.pid_file.exists()


def test_missing_configuration_is_shown_and_tried_again(program: Program) -> None:
    """A Secret that comes late repairs the pod without anybody's help."""
    program.refused = MissingKeyError('secret "s" not found')
    program.workload.start()
    eventually(lambda: program.workload.state().waiting == "CreateContainerConfigError", "the reason is shown")
    assert program.workload.state().message == 'secret "s" not found'
    program.refused = None
    eventually(lambda: program.workload.state().ready, "ready")


def test_backoff_doubles_up_to_half_a_minute() -> None:
    """The kubelet's shape, at a pace for people."""
    assert [backoff(n) for n in (1, 2, 3, 4, 5, 6, 60)] == [1, 2, 4, 8, 16, 30, 30]
