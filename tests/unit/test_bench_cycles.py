"""The bench of cycles: that it sees what a sandbox leaves behind. A bench that cannot see it always passes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench import cycles
from bench.cycle_watch import Memory, exposed, holders, leftovers, listening, memory, processes
from bench.cycles import Cycle, Sandbox, as_json, growth
from bench.scenarios import BenchError

_LISTENS = (
    "import socket, sys, time\n"
    "host = '127.0.0.1'\n"
    "family = socket.AF_INET6 if ':' in host else socket.AF_INET\n"
    "s = socket.create_server((host, 0), family=family, dualstack_ipv6=':' in host)\n"
    "print(s.getsockname()[1], flush=True)\n"
    "time.sleep(60)\n"
)


@contextmanager
def program(home: Path | None, *, host: str = "127.0.0.1") -> Generator[tuple[int, int]]:
    """A program that listens on a port, started for the sandbox at `home` or for none: its pid and the port."""
    own = {} if home is None else {"SANDBOX_HOME": str(home)}
    environment = {**{name: value for name, value in os.environ.items() if name != "SANDBOX_HOME"}, **own}
    running = subprocess.Popen(
        [sys.executable, "-c", _LISTENS.replace("127.0.0.1", host)], stdout=subprocess.PIPE, env=environment
    )
    try:
        assert running.stdout is not None
        with running.stdout as output:
            yield running.pid, int(output.readline())
    finally:
        running.kill()
        running.wait()


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The directory of a sandbox that does not exist, and one for temporary files."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    return tmp_path / "sandbox", temporary


def test_nothing_is_left(folders: tuple[Path, Path]) -> None:
    """A sandbox that never was left nothing."""
    assert leftovers(*folders, frozenset({(1, 1)})) == []


def test_process_and_its_port_are_found(folders: tuple[Path, Path]) -> None:
    """By its environment, whatever its name: `make down` knows the names of the sandbox's programs only."""
    home, temporary = folders
    with program(home) as (pid, port):
        assert [process.pid for process in processes(home)] == [pid]
        assert listening(home) == {port}
        held = memory(home)
        assert (held.processes, held.rss >= held.pss > 0) == (1, True)
        held = holders([port])
        found = leftovers(home, temporary, held)
        assert [line.split(" (")[0] for line in found] == [
            f"process {pid}",
            f"port {port}, held by process {pid}",
        ]
    assert leftovers(home, temporary, held) == []


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),  # how gRPC listens on 127.0.0.1
        ("0.0.0.0", "0.0.0.0"),  # noqa: S104
        ("", "0.0.0.0"),  # noqa: S104
        ("::", "::"),
    ],
    ids=["loopback", "loopback-6", "loopback-mapped", "all", "all-by-default", "all-6"],
)
def test_port_that_other_machines_reach_is_found(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, host: str, shown: str | None
) -> None:
    """The sandbox has no authentication worth the name in many of its parts: what listens, listens on loopback."""
    with program(folders[0], host=host) as (pid, port):
        expected = [f"port {port} of {shown}, held by process {pid} "] if shown else []
        assert [line[: line.index("(")] for line in exposed(folders[0])] == expected
        known = frozenset({Path(f"/proc/{pid}/exe").resolve().name})
        monkeypatch.setattr("bench.cycle_watch.NOT_ON_LOOPBACK", known)
        assert exposed(folders[0]) == [], "the exception is by the program's name"


def test_port_that_somebody_else_kept_is_found(folders: tuple[Path, Path]) -> None:
    """A program that has the socket and lost its environment still holds the port; who came to listen since is innocent."""
    with program(None) as (pid, port):
        assert processes(folders[0]) == []
        assert holders([port]) == {(port, pid)}
        (found,) = leftovers(*folders, holders([port]))
        assert found.startswith(f"port {port}, held by process {pid} ")
        assert leftovers(*folders, frozenset({(port, os.getpid())})) == []


def test_another_sandbox_with_a_longer_name_is_not_ours(folders: tuple[Path, Path]) -> None:
    """`/x/sandbox-2` does not belong to `/x/sandbox`."""
    home, temporary = folders
    with program(home.with_name("sandbox-2")):
        assert leftovers(home, temporary, frozenset()) == []


def test_files_are_found(folders: tuple[Path, Path]) -> None:
    """In the sandbox's directory and among temporary files."""
    home, temporary = folders
    (home / "cloud").mkdir(parents=True)
    (temporary / "x.yaml").touch()
    assert leftovers(home, temporary, frozenset()) == [f"{home}, with cloud", "temporary file x.yaml"]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `make` whose script a test writes; it stands for the real one on PATH."""
    script = tmp_path / "bin" / "make"
    script.parent.mkdir()
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    return script


def _write(script: Path, up: str, down: str) -> None:
    script.write_text(f'#!/bin/sh\ncase "$2" in\nup) {up};;\ndown) {down};;\nesac\n')
    script.chmod(0o755)


def test_cycle_that_leaves_a_process_fails(make: Path, tmp_path: Path) -> None:
    """The whole way: started by one `make`, missed by the other, told with its number, and removed afterwards."""
    up = f'mkdir $SANDBOX_HOME; {sys.executable} -c "{_LISTENS}" > $SANDBOX_HOME/port & sleep 1'
    _write(make, up.replace("\n", "; ").replace('; "', '"'), "rm -r $SANDBOX_HOME")
    sandbox = Sandbox(tmp_path, "dev")
    try:
        with pytest.raises(
            BenchError, match=r"make down left something behind:\n  process \d+ .*\n  port \d+, held by"
        ):
            sandbox.cycle()
    finally:
        for process in processes(sandbox.home):
            process.kill()
            process.wait()


def test_command_that_fails_is_told(make: Path, tmp_path: Path) -> None:
    """With what it said last."""
    _write(make, "echo no room >&2; exit 3", "true")
    with pytest.raises(BenchError, match=r"make up STACK=dev failed with 3; it ends:\n  no room"):
        Sandbox(tmp_path, "dev").cycle()


def test_sandbox_that_is_not_seen_is_no_success(make: Path, tmp_path: Path) -> None:
    """If nothing listens after `make up`, the bench looks in the wrong place and would always find nothing left."""
    _write(make, "true", "true")
    with pytest.raises(BenchError, match="nothing of the sandbox listens"):
        Sandbox(tmp_path, "dev").cycle()


def _cycle(number: int) -> Cycle:
    peak = Memory(pss=1000 + 10 * number, rss=2000, processes=5)
    resting = Memory(pss=900, rss=1500, processes=4)
    return Cycle(up=70 + 0.5 * number, down=3.0, peak=peak, resting=resting, ports=9, load=1.0)


def test_growth_is_per_cycle() -> None:
    """Half a second and ten bytes more with each; one cycle says nothing."""
    found = growth([_cycle(number) for number in range(4)])
    assert found == pytest.approx(
        {"up_seconds": 0.5, "down_seconds": 0.0, "peak_pss_bytes": 10.0, "resting_pss_bytes": 0.0}
    )
    assert growth([_cycle(0)]) == {}
    assert json.loads(as_json([_cycle(0), _cycle(1)], "dev"))["cycles"][1]["peak"]["pss"] == 1010


@pytest.mark.parametrize("count", ["0", "-1", "1.5", "many", "1001"])
def test_wrong_count(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and what to write; nothing is started."""
    with pytest.raises(SystemExit) as ended:
        cycles.main(["--", count])
    assert ended.value.code == 2
    assert f"'{count}' is no number of cycles. Write one from 1 to 1000." in capsys.readouterr().err


def test_unknown_stack(capsys: pytest.CaptureFixture[str]) -> None:
    """Told before anything is made."""
    assert cycles.main(["1", "--stack", "nope"]) == 2
    assert "--stack nope: there is no Pulumi.nope.yaml" in capsys.readouterr().err
