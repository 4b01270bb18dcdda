"""One sandbox for all incidents: previews only, so its clusters are records and not processes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import daemon
from sandbox.toolchain import Tools
from sandbox.workspace import Workspace
from tests.incidents.harness import Somebody


@pytest.fixture(scope="package")
def incident_home() -> Iterator[Path]:
    """A sandbox whose cloud runs; nothing of it is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="incidents-"))
    try:
        workspace = Workspace(Tools.load(), folder)
        workspace.prepare()
        daemon.start(folder, {**workspace.environment(), "SANDBOX_FAKE_CLUSTERS": "1"})
        yield folder
    finally:
        daemon.stop(folder)
        left = [" ".join(process.cmdline()) for process in daemon.leftovers(folder)]
        shutil.rmtree(folder, ignore_errors=True)
        assert not left, f"still running: {left}"


@pytest.fixture(scope="package")
def somebody(incident_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Somebody:
    """Somebody else's project, right as it stands."""
    return Somebody(incident_home, tmp_path_factory.mktemp("somebody") / "project")
