"""Prepares what the engine needs: its home, its plugins, its state, and the stack's configuration.

Owns everything under SANDBOX_HOME/pulumi and SANDBOX_HOME/bin. The program and Pulumi.<stack>.yaml stay as they are: what
is different in the sandbox (charts come from a folder) is put into a copy of the stack's configuration, and the login
command for GKE is a stand-in on PATH. An official language host or Kubernetes plugin is used where it is installed; the
Google Cloud provider is always the simulated one.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import yaml

from operations.numbered import ENDPOINT, TOKEN
from policies.check.located import UnreadableError, documents
from rules.nearest import nearest
from sandbox import daemon, trust
from sandbox.home import CHECKOUT, sandbox_home, strangers
from sandbox.toolchain import Tools

PROJECT = "gke-tpu-inference"
_PASSPHRASE = "passphrase"  # noqa: S105 - the name of a file
_SECRETS_PROVIDER = frozenset({"secretsprovider", "encryptionsalt", "encryptedkey"})

_NOWHERE: Mapping[str, Any] = {"url": "http://127.0.0.1:0", "token": "none"}
"""The cloud while it does not run: whoever asks it is refused, and must not ask the real one instead."""

_NO_SIDECARS = "metadata=skip"
"""The engine replaces a stack's state in one step, but not the file of attributes that it keeps beside it: killed in between,
it leaves half of one and can load the state no more. Nothing needs these files (gocloud.dev's fileblob, 0.46)."""


class WorkspaceError(Exception):
    """The stack cannot be run here; the message says why and what to do."""


class Workspace:
    """The engine's surroundings in the sandbox at `home`."""

    def __init__(self, tools: Tools, home: Path | None = None) -> None:
        self.home = home or sandbox_home()
        self.tools = tools

    @property
    def pulumi_home(self) -> Path:
        """The engine's own directory, with the plugins."""
        return self.home / "pulumi" / "home"

    @property
    def backend(self) -> Path:
        """Where stacks keep their state."""
        return self.home / "pulumi" / "backend"

    @property
    def configurations(self) -> Path:
        """Where the stacks' configurations for the sandbox are; a project folder, so that the engine can add to them."""
        return self.home / "pulumi" / "config"

    def environment(self) -> dict[str, str]:
        """The environment in which `pulumi` acts on the sandbox and on nothing else."""
        path = [str(self.home / "bin"), str(self.tools.pulumi.parent), os.environ.get("PATH", "")]
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "GOOGLE_", "KUBE"))
        }
        cloud = daemon.address(self.home) or _NOWHERE
        return {
            **kept,
            ENDPOINT: str(cloud["url"]),
            TOKEN: str(cloud["token"]),
            "PATH": os.pathsep.join(path),
            "PYTHONPATH": str(CHECKOUT),
            "PULUMI_HOME": str(self.pulumi_home),
            "PULUMI_BACKEND_URL": f"file://{self.backend}?{_NO_SIDECARS}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.home / "pulumi" / _PASSPHRASE),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_ERROR_OUTPUT_STRING": "true",
            "SANDBOX_HOME": str(self.home),
            "SSL_CERT_FILE": str(trust.bundle(self.home)),
            "SANDBOX_LANGUAGE_EXECUTOR": str(self.tools.language_executor),
        }

    def prepare(self) -> None:
        """Makes the directories, commands and plugins; what is there already is brought up to date.

        Raises:
            WorkspaceError: The directory holds what is none of the sandbox's, or cannot be written.
        """
        if found := strangers(self.home):
            raise WorkspaceError(
                f"SANDBOX_HOME: {self.home} holds {', '.join(found[:5])}: the sandbox needs a directory of its own, which "
                f"make down removes. Choose one that is empty or not there yet."
            )
        for folder in (self.backend, self.pulumi_home / "plugins", self.home / "bin"):
            folder.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        trust.prepare(self.home)
        passphrase = self.home / "pulumi" / _PASSPHRASE
        if not passphrase.exists() or not passphrase.stat().st_size:
            passphrase.touch(mode=0o600)
            passphrase.write_text(secrets.token_urlsafe(24))
        if shutil.which("pulumi-language-python") is None:
            folder = self.pulumi_home / "plugins" / f"language-python-v{metadata.version('pulumi')}"
            folder.mkdir(parents=True, exist_ok=True)
            self._script(folder / "pulumi-language-python", "sandbox.host")
        self._script(self.home / "bin" / "gke-gcloud-auth-plugin", "sandbox.login")
        self._plugin("gcp", "sandbox.gcp", official=False)
        self._plugin("kubernetes", "sandbox.kubernetes", official=True)

    def _plugin(self, name: str, module: str, *, official: bool) -> None:
        folder = f"resource-{name}-v{metadata.version(f'pulumi-{name}')}"
        target = self.pulumi_home / "plugins" / folder
        installed = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / "plugins" / folder
        if official and installed == target and target.is_symlink() and target.is_dir():
            return
        if target.is_symlink():
            # Never write through the link: what is behind it is the user's own plugin.
            target.unlink()
        if official and installed.is_dir() and installed != target:
            if target.is_dir():
                shutil.rmtree(target)
            target.symlink_to(installed, target_is_directory=True)
            return
        target.mkdir(parents=True, exist_ok=True)
        self._script(target / f"pulumi-resource-{name}", module, launcher=True)

    def _script(self, path: Path, module: str, *, launcher: bool = False) -> None:
        # PYTHONPATH: the module is found wherever the engine starts the command.
        how = f'-IS "{CHECKOUT}/sandbox/plugin/launch.py" {module}' if launcher else f"-m {module}"
        text = f'#!/bin/sh\nPYTHONPATH="{CHECKOUT}" exec "{sys.executable}" {how} "$@"\n'
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            path.chmod(0o755)

    def configuration(self, stack: str) -> Path:
        """The stack's configuration for the sandbox: the committed one, with charts from the tool cache.

        Raises:
            WorkspaceError: There is no such stack, or its file is not valid YAML.
        """
        return self.configure(stack, committed(stack))

    def configure(self, stack: str, content: Mapping[str, Any]) -> Path:
        """Writes `content`, the parsed configuration of a stack, with charts from the tool cache.

        Settings of a wrong shape are left for the program to refuse, which says more about them.

        Raises:
            WorkspaceError: `content` is none of a stack's.
        """
        target = self.configurations / f"Pulumi.{stack}.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / "Pulumi.yaml", target.parent / "Pulumi.yaml")
        config = content.get("config") or {}
        if not isinstance(config, dict):
            raise WorkspaceError(
                f"config in Pulumi.{stack}.yaml is {config!r}; it must be a block. {_as_in(f'Pulumi.{stack}.yaml')}"
            )
        key = f"{PROJECT}:platform"
        platform = config.get(key)
        charts = platform.get("charts") or {} if isinstance(platform, dict) else None
        if isinstance(platform, dict) and isinstance(charts, dict):
            config = {**config, key: {**platform, "charts": {"mirror": str(self.tools.charts), **charts}}}
        # Its secrets provider needs a passphrase or a key that the sandbox has not; settings hold no secrets anyway.
        written = {key: value for key, value in content.items() if key not in _SECRETS_PROVIDER} | {"config": config}
        if target.exists():
            salt = _read(target).get("encryptionsalt")
            written |= {"encryptionsalt": salt} if salt else {}
        target.write_text(yaml.safe_dump(written, sort_keys=False))
        return target


def committed(stack: str) -> dict[str, Any]:
    """The configuration of a stack as it is in the checkout: at its top, or under examples/.

    SANDBOX_CONFIG_DIR, a folder with Pulumi.<stack>.yaml files, takes the checkout's place where it is set: settings can be
    tried without touching the committed ones.

    Raises:
        WorkspaceError: There is no such stack or folder, or the stack's file is not valid YAML.
    """
    folder = Path(os.environ.get("SANDBOX_CONFIG_DIR") or CHECKOUT)
    if not folder.is_dir():
        raise WorkspaceError(f"SANDBOX_CONFIG_DIR is '{folder}', which is no folder. Correct it or unset it.")
    # At the top last, so that no example hides a stack of one's own.
    files = [*folder.glob("examples/*/Pulumi.*.yaml"), *folder.glob("Pulumi.*.yaml")]
    known = {path.name.removeprefix("Pulumi.").removesuffix(".yaml"): path for path in files}
    if stack not in known:
        raise WorkspaceError(f"there is no Pulumi.{stack}.yaml. Stacks here: {', '.join(sorted(known)) or 'none'}.")
    return _read(known[stack])


def _read(path: Path) -> dict[str, Any]:
    """A stack's file as the engine reads it: a key twice is refused, and 12:00 is text, unlike with PyYAML's loaders."""
    try:
        found = [document.value for document in documents(path.read_text(encoding="utf-8-sig"))]
    except UnreadableError as error:
        where = f"{' '.join(str(error).split())} (line {error.line})"
        raise WorkspaceError(f"{path.name} is not valid YAML: {where}. Correct it and run again.") from None
    except UnicodeDecodeError as error:
        raise WorkspaceError(
            f"{path.name} is not valid YAML: it is no UTF-8 text: {error}. Save it as UTF-8."
        ) from None
    if len(found) > 1:
        raise WorkspaceError(
            f"{path.name} holds {len(found)} YAML documents, and the engine reads one. Delete a line ---."
        )
    content: Any = found[0] if found else None
    if not isinstance(content, dict):
        raise WorkspaceError(f"{path.name} holds no settings. {_as_in(path.name)}")
    keys = cast("dict[str, Any]", content)
    if "config" not in keys and (near := nearest("config", keys)) is not None:
        raise WorkspaceError(
            f"{path.name} has no config, but {near}. Did you mean config? Correct the key and run again."
        )
    return keys


def _as_in(file: str) -> str:
    """What to write into a stack's file that holds nothing."""
    other = "Pulumi.prod.yaml" if file == "Pulumi.dev.yaml" else "Pulumi.dev.yaml"
    return f"Write config: and below it {PROJECT}:platform: with the settings, as in {other}."
