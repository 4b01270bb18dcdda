"""A workspace on tools, plugins and a checkout of the test's own."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from sandbox import workspace
from sandbox.toolchain import Tools
from sandbox.workspace import Workspace
from tests.unit import made_up

KEY = "gke-tpu-inference:platform"


KUBERNETES = f"resource-kubernetes-v{metadata.version('pulumi-kubernetes')}"


GOOGLE = f"resource-gcp-v{metadata.version('pulumi-gcp')}"


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    """Tools at made-up places; nothing here runs them."""
    return made_up.tools(tmp_path)


@pytest.fixture
def user_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The plugins in the user's own Pulumi home, which the tests may not change."""
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "user"))
    folder = tmp_path / "user" / "plugins"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def place(tools: Tools, tmp_path: Path, user_plugins: Path) -> Workspace:
    """A workspace of a sandbox that does not exist yet, for a user without plugins."""
    assert not list(user_plugins.iterdir())
    return Workspace(tools, tmp_path / "home")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one stack."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: gke-tpu-inference\n")
    (folder / "Pulumi.dev.yaml").write_text(f"config:\n  {KEY}:\n    project: acme\n")
    monkeypatch.setattr(workspace, "CHECKOUT", folder)
    return folder
