"""Whose state file it is: that of a load balancer which runs, or what one has left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import traffic
from sandbox.balancer import report, state
from sandbox.cluster.proc import start_time
from sandbox.toolchain.progress import Progress

NAME = "p_r_c"


def written(home: Path, **process: int | None) -> Path:
    """The folder of a cluster whose load balancer, that process, says that all is well."""
    folder = home / "clusters" / NAME
    (folder / "run").mkdir(parents=True, exist_ok=True)
    listener = {"name": "http", "protocol": "HTTP", "port": 80, "url": "http://127.0.0.1:18000", "rules": []}
    gateway = {"namespace": "llm", "name": "gw", "address": "203.0.113.7", "state": state.PROGRAMMED, "message": ""}
    content = {**process, "gateways": [{**gateway, "listeners": [listener]}], "backends": {}}
    (folder / "run" / state.FILE).write_text(json.dumps(content))
    return folder


def ended() -> int:
    """The pid of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_process_that_runs_is_believed(tmp_path: Path) -> None:
    """Its pid and when it started are its own."""
    folder = written(tmp_path, pid=os.getpid(), started=start_time(os.getpid()))
    assert state.read(folder) is not None
    assert not state.is_left_over(folder)
    assert report.urls(tmp_path) == ["Gateway llm/gw: http://127.0.0.1:18000 stands for http://203.0.113.7"]
    assert traffic.wait(tmp_path, lambda _cluster: True, Progress(), patience=0.0) == []


@pytest.mark.parametrize("reused", [False, True], ids=["gone", "pid of another process"])
def test_what_an_ended_process_has_left_says_nothing(tmp_path: Path, *, reused: bool) -> None:
    """The incident: after the daemon was killed, its last account read as if requests got through."""
    process = {"pid": os.getpid(), "started": 1} if reused else {"pid": ended(), "started": 1}
    folder = written(tmp_path, **process)
    assert state.read(folder) is None
    assert state.is_left_over(folder)
    assert report.urls(tmp_path) == [f"{NAME}: the load balancer is not running"]
    missing = traffic.wait(tmp_path, lambda _cluster: True, Progress(), patience=0.0)
    assert missing == [f"{NAME}: the load balancer is not running"]


def test_a_cluster_without_a_load_balancer_is_not_waited_for(tmp_path: Path) -> None:
    """Its Gateway API is off: there is no state, and nothing left over."""
    folder = tmp_path / "clusters" / NAME
    folder.mkdir(parents=True)
    assert state.read(folder) is None
    assert not state.is_left_over(folder)
    assert traffic.wait(tmp_path, lambda _cluster: True, Progress(), patience=0.0) == []
