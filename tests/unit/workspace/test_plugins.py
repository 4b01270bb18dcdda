"""Which language host and provider plugins the sandbox's engine finds: the official ones where they are installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.workspace import Workspace
from tests.unit.workspace.conftest import GOOGLE, KUBERNETES


def official(user_plugins: Path) -> Path:
    """Puts the official Kubernetes plugin into the user's Pulumi home."""
    folder = user_plugins / KUBERNETES
    folder.mkdir()
    (folder / "pulumi-resource-kubernetes").write_text("official")
    return folder


def test_official_language_host_is_used(place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Pulumi itself is installed its own language host runs the program."""
    host = tmp_path / "bin" / "pulumi-language-python"
    host.parent.mkdir()
    host.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(host.parent))
    place.prepare()
    assert not list((place.pulumi_home / "plugins").glob("language-*"))


def test_official_kubernetes_plugin_is_linked(place: Workspace, user_plugins: Path) -> None:
    """The real Kubernetes provider is used where it is installed in the very version; Google Cloud's never is."""
    folder = official(user_plugins)
    (user_plugins / GOOGLE).mkdir()
    place.prepare()
    assert (place.pulumi_home / "plugins" / KUBERNETES).readlink() == folder
    assert not (place.pulumi_home / "plugins" / GOOGLE).is_symlink()


def test_official_plugin_takes_over(place: Workspace, user_plugins: Path) -> None:
    """A plugin that is installed later replaces our own; a second run changes nothing."""
    place.prepare()
    official(user_plugins)
    place.prepare()
    place.prepare()
    assert (place.pulumi_home / "plugins" / KUBERNETES / "pulumi-resource-kubernetes").read_text() == "official"


def test_official_plugin_is_never_written_to(
    place: Workspace, user_plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another PULUMI_HOME in the next run, a script written through the link would replace the user's own plugin."""
    folder = official(user_plugins)
    place.prepare()
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "other"))
    place.prepare()
    assert (folder / "pulumi-resource-kubernetes").read_text() == "official"
    ours = place.pulumi_home / "plugins" / KUBERNETES
    assert not ours.is_symlink()
    assert "sandbox.kubernetes" in (ours / "pulumi-resource-kubernetes").read_text()


def test_official_plugin_that_is_gone(place: Workspace, user_plugins: Path) -> None:
    """A plugin that was removed leaves a link to nowhere, which must not stop the next run."""
    folder = official(user_plugins)
    place.prepare()
    (folder / "pulumi-resource-kubernetes").unlink()
    folder.rmdir()
    place.prepare()
    assert (
        "sandbox.kubernetes" in (place.pulumi_home / "plugins" / KUBERNETES / "pulumi-resource-kubernetes").read_text()
    )


def test_link_stays_inside_of_the_sandboxs_environment(
    place: Workspace, user_plugins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After `python -m sandbox env` the sandbox's own Pulumi home is the user's: the link is not one to itself."""
    official(user_plugins)
    place.prepare()
    monkeypatch.setenv("PULUMI_HOME", str(place.pulumi_home))
    place.prepare()
    assert (place.pulumi_home / "plugins" / KUBERNETES / "pulumi-resource-kubernetes").read_text() == "official"
