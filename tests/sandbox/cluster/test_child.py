"""A child process is watched, restarted, and never outlives the sandbox; with small programs instead of Kubernetes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.cluster import proc
from sandbox.cluster.child import Child, end_leftover, end_leftovers
from sandbox.cluster.errors import ClusterError
from tests.sandbox.support import eventually

REPOSITORY = Path(__file__).resolve().parents[3]
FOREVER = "import signal\nopen('up', 'w').close()\nsignal.pause()"


def child(directory: Path, program: str, name: str = "part") -> Child:
    """A child that runs `program`, with its files in `directory`."""
    command = [sys.executable, "-c", program]
    return Child(name, command, log=directory / f"{name}.log", pid_file=directory / "run" / f"{name}.pid")


def test_death_at_start_shows_the_log(tmp_path: Path) -> None:
    """The reason stands in the error, with the log's path: nobody should have to look for the log first."""
    part = child(tmp_path, "import sys; print('cannot read --flag'); sys.exit(3)")
    part.start()
    with pytest.raises(ClusterError) as caught:
        part.wait_ready(lambda: False, timeout=20)
    part.stop()
    text = str(caught.value)
    assert text.startswith("part ended at start (exit code 3).")
    assert "cannot read --flag" in text
    assert str(tmp_path / "part.log") in text


def test_missing_program_names_the_remedy(tmp_path: Path) -> None:
    """A tool that was not built is reported as that, not as a failed exec."""
    part = Child("etcd", [tmp_path / "etcd"], log=tmp_path / "log", pid_file=tmp_path / "pid")
    with pytest.raises(ClusterError, match="etcd does not exist; build the tools with `make tools`"):
        part.start()


def test_never_ready_is_an_error(tmp_path: Path) -> None:
    """A part that hangs ends the start after its deadline."""
    part = child(tmp_path, FOREVER)
    part.start()
    with pytest.raises(ClusterError, match="part was not ready within 0 s"):
        part.wait_ready(lambda: False, timeout=0.2)
    part.stop()
    assert part.pid is None


def test_later_death_is_restarted_and_reported(tmp_path: Path) -> None:
    """A part killed while the cluster runs comes back by itself, and the log says that it was away."""
    notes: list[str] = []
    command = [sys.executable, "-c", FOREVER]
    part = Child("part", command, log=tmp_path / "log", pid_file=tmp_path / "pid", on_restart=notes.append)
    part.start()
    part.wait_ready((tmp_path / "up").exists, timeout=20)
    first = part.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    eventually(lambda: part.pid not in {None, first}, "a new process")
    assert part.restarts == 1
    assert notes == ["part died (signal 9); restarting it in 0.5 s"]
    assert notes[0] in (tmp_path / "log").read_text()
    part.stop()
    assert part.pid is None
    assert not (tmp_path / "pid").exists()


def test_stop_ends_what_ignores_sigterm(tmp_path: Path) -> None:
    """`make down` leaves no process, however stubborn."""
    program = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FOREVER
    part = child(tmp_path, program)
    part.start()
    part.wait_ready((tmp_path / "up").exists, timeout=20)
    pid = part.pid
    part.stop(grace=0.2)
    assert pid is not None
    assert proc.start_time(pid) is None


def test_child_dies_with_a_killed_parent(tmp_path: Path) -> None:
    """`kill -9` of the daemon cannot leave an API server behind, though no handler of ours runs."""
    program = f"""
import sys, threading
sys.path.insert(0, {str(REPOSITORY)!r})
from pathlib import Path
from sandbox.cluster.child import Child
home = Path({str(tmp_path)!r})
part = Child("part", [sys.executable, "-c", {FOREVER!r}], log=home / "log", pid_file=home / "pid")
starter = threading.Thread(target=part.start)  # as an operation's thread does, which ends before the cluster
starter.start()
starter.join()
threading.Event().wait()
"""
    with subprocess.Popen([sys.executable, "-c", program]) as parent:
        eventually(lambda: (tmp_path / "up").exists() and (tmp_path / "pid").exists(), "the child")
        pid = json.loads((tmp_path / "pid").read_text())["pid"]
        assert proc.start_time(pid) is not None, "the thread that started it has ended, the child must not have"
        parent.kill()
    eventually(lambda: proc.start_time(pid) is None, "the end of the child")


def test_leftovers_are_ended_by_identity(tmp_path: Path) -> None:
    """A pid file whose pid now belongs to another process must not get that one killed."""
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True) as other:
        started = proc.start_time(other.pid)
        assert started is not None
        file = tmp_path / "run" / "etcd.pid"
        file.parent.mkdir()
        file.write_text(json.dumps({"pid": other.pid, "started": started - 1}))
        assert end_leftover(file) is False
        assert other.poll() is None
        assert not file.exists()
        file.write_text(json.dumps({"pid": other.pid, "started": started}))
        (tmp_path / "run" / "broken.pid").write_text("{")
        assert end_leftovers(tmp_path / "run") == ["etcd"]
        assert other.wait(10) == -signal.SIGTERM
