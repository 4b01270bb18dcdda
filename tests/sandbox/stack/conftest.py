"""Sandboxes of the test run: one with the dev stack applied, which tests share, and ones of a test's own."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox import daemon
from sandbox.home import CHECKOUT
from tests.sandbox.stack.harness import Stack, committed

PROGRAMS = CHECKOUT / "tests" / "sandbox" / "stack" / "programs"


@contextmanager
def sandbox() -> Generator[Path]:
    """The home of a sandbox; nothing of it is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="sandbox-"))
    try:
        yield folder
    finally:
        daemon.stop(folder)
        left = [" ".join(process.cmdline()) for process in daemon.leftovers(folder)]
        daemon.remove(folder)
        assert not left, f"still running: {left}"
        assert not folder.exists()


@pytest.fixture(scope="package")
def home() -> Iterator[Path]:
    """The sandbox that the tests of this folder share."""
    with sandbox() as folder:
        yield folder


@pytest.fixture(scope="package")
def dev(home: Path) -> Stack:
    """The dev stack, applied."""
    stack = Stack(home)
    result = stack.run("up")
    assert result.code == 0, result.output
    return stack


@pytest.fixture
def foundation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The platform up to its node pools, not applied, in a sandbox of the test's own where clusters are mere records."""
    monkeypatch.setenv("SANDBOX_FAKE_CLUSTERS", "1")
    with sandbox() as folder:
        yield Stack(folder, program=PROGRAMS / "foundation", content=committed("dev"))


@pytest.fixture
def watched() -> Iterator[Stack]:
    """The platform's monitoring, not applied, in a sandbox of the test's own."""
    with sandbox() as folder:
        stack = Stack(folder, program=PROGRAMS / "monitoring", content=committed("dev"))
        stack.start()
        yield stack


@pytest.fixture(scope="module")
def own_home() -> Iterator[Path]:
    """A sandbox of the module's own, for tests that break things in it."""
    with sandbox() as folder:
        yield folder
