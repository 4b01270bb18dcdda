"""A sandbox with the dev stack applied, shared by the tests of a run."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import daemon
from tests.sandbox.stack.harness import Stack


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A sandbox of the test run; nothing of it is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="sandbox-"))
    try:
        yield folder
    finally:
        daemon.stop(folder)
        left = [" ".join(process.cmdline()) for process in daemon.leftovers(folder)]
        shutil.rmtree(folder, ignore_errors=True)
        assert not left, f"still running: {left}"


@pytest.fixture(scope="session")
def dev(home: Path) -> Stack:
    """The dev stack, applied."""
    stack = Stack(home)
    result = stack.run("up")
    assert result.code == 0, result.output
    return stack
