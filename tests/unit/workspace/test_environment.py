"""What people and programs get to work with: commands, the login, the passphrase, environment variables, the home."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from sandbox.home import CHECKOUT, sandbox_home
from sandbox.workspace import Workspace
from tests.unit.workspace.conftest import GOOGLE, KUBERNETES


def test_commands_are_executable(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine starts plugins and the login command by name: each must run, from any directory."""
    monkeypatch.setenv("PATH", "/nowhere")
    place.prepare()
    plugins = place.pulumi_home / "plugins"
    launch = f'-IS "{CHECKOUT}/sandbox/plugin/launch.py"'
    for path, words in (
        (place.home / "bin" / "gke-gcloud-auth-plugin", "-m sandbox.login"),
        (plugins / GOOGLE / "pulumi-resource-gcp", f"{launch} sandbox.gcp"),
        (plugins / KUBERNETES / "pulumi-resource-kubernetes", f"{launch} sandbox.kubernetes"),
        (plugins / f"language-python-v{metadata.version('pulumi')}" / "pulumi-language-python", "-m sandbox.host"),
    ):
        assert path.stat().st_mode & 0o111 == 0o111, path
        assert f' exec "{sys.executable}" {words} "$@"' in path.read_text()


def test_login_command_says_what_to_do(place: Workspace, tmp_path: Path) -> None:
    """Without a sandbox the stand-in for GKE's login says so; kubectl shows that."""
    place.prepare()
    command = [str(place.home / "bin" / "gke-gcloud-auth-plugin")]
    environment = {**os.environ, "SANDBOX_HOME": str(place.home)}
    ran = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr == f"no sandbox at {place.home}: run make up first\n"


def test_passphrase_is_the_users_alone(place: Workspace) -> None:
    """Made once, not empty, readable by nobody else, as the whole directory."""
    place.prepare()
    path = Path(place.environment()["PULUMI_CONFIG_PASSPHRASE_FILE"])
    first = path.read_text()
    assert len(first) >= 24
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.home.stat().st_mode) == 0o700
    place.prepare()
    assert path.read_text() == first


def test_passphrase_that_was_cut_off(place: Workspace) -> None:
    """A run that was killed between making and writing the file would leave an empty passphrase for ever."""
    place.prepare()
    path = Path(place.environment()["PULUMI_CONFIG_PASSPHRASE_FILE"])
    path.write_text("")
    place.prepare()
    assert path.read_text()


def test_environment_is_cut_off_from_the_users(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials and backends of the user never reach the sandbox's engine: it must not act on a real cloud."""
    for name in (
        "PULUMI_ACCESS_TOKEN",
        "PULUMI_STACK",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_PROJECT",
        "GOOGLE_OAUTH_ACCESS_TOKEN",
        "GOOGLE_MONITORING_CUSTOM_ENDPOINT",
        "KUBECONFIG",
    ):
        monkeypatch.setenv(name, "the user's")
    environment = place.environment()
    assert "the user's" not in environment.values()
    assert environment["PULUMI_BACKEND_URL"] == f"file://{place.home}/pulumi/backend?metadata=skip"
    assert environment["PULUMI_HOME"] == f"{place.home}/pulumi/home"
    assert environment["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true", "nothing is downloaded"
    assert environment["PATH"].split(os.pathsep)[0] == str(place.home / "bin"), (
        "the stand-in for GKE's login goes first"
    )
    assert environment["SANDBOX_HOME"] == str(place.home)


def test_home_of_the_sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """SANDBOX_HOME, made absolute, else .sandbox in the checkout; git ignores the latter."""
    monkeypatch.delenv("SANDBOX_HOME", raising=False)
    assert sandbox_home() == CHECKOUT / ".sandbox"
    assert ".sandbox/" in (CHECKOUT / ".gitignore").read_text().splitlines()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDBOX_HOME", "relative")
    assert sandbox_home() == tmp_path / "relative"
