"""Providers start as copies of a process that stands by, and are what they would be by themselves."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc

from sandbox.home import CHECKOUT
from sandbox.plugin import launch, standby
from tests.sandbox.support import eventually, gone

Command = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def engine() -> str:
    """An engine's address that no other test has; nothing listens there."""
    return f"127.0.0.1:{secrets.token_hex(4)}"


@pytest.fixture
def stands_by(engine: str) -> Generator[psutil.Process]:
    """The process that stands by for the engine."""
    process = standby.start(engine)
    assert process is not None
    with process:
        yield psutil.Process(process.pid)
        process.kill()


@pytest.fixture
def command(engine: str, tmp_path: Path) -> Generator[Command]:
    """Starts a plugin's command as the engine does, and ends it after the test."""
    with contextlib.ExitStack() as stack:

        def run(module: str) -> subprocess.Popen[str]:
            words = [sys.executable, "-IS", launch.__file__, module, engine]
            environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "SANDBOX_HOME": str(tmp_path)}
            process = stack.enter_context(
                subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path)
            )
            stack.callback(process.kill)
            return process

        yield run


def version(process: subprocess.Popen[str]) -> str:
    """What the provider says of itself on the port that the command prints."""
    assert process.stdout is not None
    port = int(process.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        return str(provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(empty_pb2.Empty()).version)


@pytest.mark.parametrize(("module", "said"), [("sandbox.gcp", "10.2.0"), ("sandbox.kubernetes", "4.34.2")])
def test_a_provider_is_a_copy(stands_by: psutil.Process, command: Command, module: str, said: str) -> None:
    """Invariant: each command gets a process of its own, with its folder, and its port on its own output."""
    first, second = command(module), command(module)
    assert (version(first), version(second)) == (said, said)
    copies = stands_by.children()
    assert len(copies) == 2
    for copy in copies:
        assert copy.name() == module[:15]
        assert copy.cwd() == psutil.Process(first.pid).cwd()
        assert copy.children() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_copy_ends_with_its_command(stands_by: psutil.Process, command: Command, number: signal.Signals) -> None:
    """Invariant: however the engine ends a plugin, the provider ends with it, and the other one goes on."""
    ended = command("sandbox.gcp")
    assert version(ended)
    (copy,) = stands_by.children()
    other = command("sandbox.gcp")
    assert version(other)
    (others_copy,) = {*stands_by.children()} - {copy}
    ended.send_signal(number)
    eventually(lambda: gone([copy]), "the copy is gone", timeout=10)
    assert not gone([others_copy])
    assert other.poll() is None


def test_a_command_ends_with_its_copy(stands_by: psutil.Process, command: Command) -> None:
    """Invariant: a provider that is killed is seen to be gone by the engine, which watches the command."""
    process = command("sandbox.gcp")
    assert version(process)
    stands_by.children()[0].kill()
    process.wait(10)


def test_copies_end_with_the_process_that_stood_by(stands_by: psutil.Process, command: Command) -> None:
    """Invariant: a language host that is killed, and all it has started with it, leaves no provider behind."""
    process = command("sandbox.gcp")
    assert version(process)
    (copy,) = stands_by.children()
    stands_by.kill()
    eventually(lambda: gone([copy]), "the copy is gone", timeout=10)
    process.wait(10)


def test_an_interrupt_ends_it_without_a_word(
    stands_by: psutil.Process, command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    """Incident: the engine interrupts what a language host has started, and every preview ended in a traceback."""
    assert version(command("sandbox.gcp"))
    assert os.getpgid(stands_by.pid) != os.getpgid(0)
    stands_by.send_signal(signal.SIGINT)
    stands_by.wait(10)
    assert capfd.readouterr().err == ""


def test_nobody_stands_by(command: Command) -> None:
    """Near-miss: under the official language host the command is the provider itself."""
    process = command("sandbox.gcp")
    assert version(process) == "10.2.0"
    assert "sandbox.gcp" in psutil.Process(process.pid).cmdline()
    assert launch.__file__ not in psutil.Process(process.pid).cmdline()


def test_who_stands_by_fails(engine: str, command: Command) -> None:
    """Near-miss: a process that hangs up before it is a copy costs its time and nothing else."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(launch.address(engine))
        listener.listen()
        process = command("sandbox.gcp")
        listener.accept()[0].close()
    assert version(process) == "10.2.0"


def test_one_stands_by_for_an_engine(stands_by: psutil.Process, engine: str) -> None:
    """Invariant: a host that is asked twice starts one process."""
    assert standby.start(engine) is None
    assert stands_by.is_running()


def test_the_process_ends_with_its_host(engine: str) -> None:
    """Invariant: a killed language host leaves nobody standing by."""
    program = f"from sandbox.plugin import standby; print(standby.start({engine!r}).pid, flush=True); input()"
    words = [sys.executable, "-c", program]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        left = psutil.Process(int(host.stdout.readline()))
        host.kill()
    eventually(lambda: gone([left]), "it is gone", timeout=10)
