"""Helpers of the sandbox's tests that are no fixtures; the fixtures are in `conftest.py`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import psutil
import pytest

from sandbox.cluster.runtime import ClusterRuntime
from sandbox.cluster.spec import ClusterSpec
from sandbox.kube.client import ApiError, Client, NoMatchError
from sandbox.toolchain import ToolchainError

SPEC = ClusterSpec(
    project="test-project",
    name="test",
    location="us-east5",
    kubernetes_version="1.34.3-gke.1245000",
    gateway_api=True,
)

StartCluster = Callable[..., ClusterRuntime]
"""The fixture `start_cluster`: takes `report` and any field of `ClusterSpec`."""


def without_tools(error: ToolchainError) -> NoReturn:
    """Ends a test that cannot run: in CI nobody reads what was skipped."""
    if os.environ.get("CI"):
        pytest.fail(str(error))
    pytest.skip(str(error))


def patient(seconds: float) -> float:
    """A deadline that was set for a machine of one's own, three times as far off where several test processes share it."""
    return seconds * 3 if "PYTEST_XDIST_WORKER" in os.environ else seconds


def eventually(condition: Callable[[], object], what: str, *, timeout: float = 30.0) -> None:
    """Waits until `condition()` holds; fails naming `what` after `timeout` seconds, if the machine is this test's alone."""
    timeout = patient(timeout)
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout:.0f} s: {what}"
        time.sleep(0.05)


def serves(client: Client, api_version: str, kind: str) -> bool:
    """Whether the API server serves the kind by now: it says of a CRD that it is established some time before."""
    try:
        client.list(api_version, kind)
    except (NoMatchError, ApiError):
        return False
    return True


def gone(processes: Iterable[psutil.Process]) -> bool:
    """Whether none of the processes runs any more; one that has ended and that nobody has waited for yet does not."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                return False
    return True


def processes_of(directory: Path) -> list[str]:
    """The command lines of processes that name something below `directory`."""
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(directory) in command:
                found.append(command)
    return found
