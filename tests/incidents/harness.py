"""Somebody else's program under this project's policy pack, through the real engine, with what it printed kept.

Owns how such a program is run and how its findings are read. The program (`program/`) is right as it stands; each test
names what it changes in it. Nothing is ever created: these are previews, and the cloud behind them stays empty.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox import daemon
from sandbox.engine import POLICIES
from sandbox.toolchain import Tools
from sandbox.workspace import Workspace

PROGRAM = Path(__file__).resolve().parent / "program"
PROJECT = "somebody-elses-platform"
STACK = "incident"
UNKNOWN = "UNKNOWN"
"""Stands for the output of a resource that does not exist yet, as `program/__main__.py` reads it."""

Changes = Mapping[str, Any]
"""Parts of the program by path, such as `gateway/spec/gatewayClassName`, and what is there instead; None for nothing. Under
`added`, resources that are not part of it, each as type token, name and properties."""

_VIOLATION = re.compile(r"^\s+- \[(mandatory|advisory)\].*?  ([a-z][a-z-]+)  \(", re.MULTILINE)
_MESSAGE = re.compile(r"^\s+(\[[a-z-]+\] .+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Result:
    """How an operation ended, and what people read."""

    code: int
    output: str

    @property
    def blocked_by(self) -> set[str]:
        """The mandatory policies with a violation."""
        return {name for level, name in _VIOLATION.findall(self.output) if level == "mandatory"}

    @property
    def found_by(self) -> set[str]:
        """All policies with a violation, advice included."""
        return {name for _, name in _VIOLATION.findall(self.output)}

    @property
    def messages(self) -> list[str]:
        """The violations, in their words."""
        return _MESSAGE.findall(self.output)

    def passes(self) -> None:
        """Asserts that the pack ran, ran in full, and has nothing against it."""
        assert self.code == 0, self.output
        assert not self.blocked_by, self.output
        assert "gke-tpu-inference@v" in self.output
        assert "can't run policy" not in self.output

    def is_blocked_by(self, *policies: str) -> None:
        """Asserts that each of these policies blocks it, and that none was given up."""
        assert self.code != 0, self.output
        assert set(policies) <= self.blocked_by, self.output
        assert "can't run policy" not in self.output

    def says(self, *texts: str) -> None:
        """Asserts that one violation has all of `texts`."""
        assert any(all(text in message for text in texts) for message in self.messages), f"{texts}\n{self.output}"


class Somebody:
    """Somebody else's project in `folder`, in the sandbox at `home`."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.workspace = Workspace(Tools.load(), home)
        self.workspace.prepare()
        self.folder = folder
        shutil.copytree(PROGRAM, self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        (self.folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)
        made = self._pulumi("stack", "init", STACK)
        assert made.code == 0, made.output
        self._config = self.folder / f"Pulumi.{STACK}.yaml"
        self._content: dict[str, Any] = yaml.safe_load(self._config.read_text()) if self._config.exists() else {}

    def preview(self, changes: Changes | None = None, pack_config: Mapping[str, Any] | None = None) -> Result:
        """Previews the program with these changes, under the pack with that configuration."""
        return self._operate("preview", changes or {}, pack_config)

    def up(self, changes: Changes) -> Result:
        """Deploys the program with these changes: the engine previews it, and goes on if nothing objects."""
        return self._operate("up", changes, None)

    def analyze(self, *objects: Mapping[str, Any]) -> Result:
        """Analyzes a state in which these Kubernetes objects exist."""
        return self.analyze_resources(
            (f"kubernetes:{made['apiVersion']}:{made['kind']}", f"{made['kind']}-{made['metadata']['name']}", made, ())
            for made in objects
        )

    def analyze_resources(
        self, resources: Iterable[tuple[str, str, Mapping[str, Any], Sequence[str]]], pack_config: Path | None = None
    ) -> Result:
        """Analyzes a state of these resources, each as type token, name, properties and names of what it waits for."""
        path = self.folder / "state.json"
        state = [_state("pulumi:pulumi:Stack", f"{PROJECT}-{STACK}", {})]
        urns: dict[str, str] = {}
        for token, name, properties, after in resources:
            made = _state(token, name, properties)
            urns[name] = made["urn"]
            state.append({**made, "dependencies": [urns[other] for other in after]})
        path.write_text(json.dumps({"version": 3, "deployment": {"manifest": {}, "resources": state}}))
        command = ["policy", "analyze", "--file", str(path), "--policy-pack", str(POLICIES)]
        if pack_config is not None:
            command += ["--policy-pack-config", str(pack_config)]
        return self._pulumi(*command)

    def restore(self, resources: Iterable[Mapping[str, Any]]) -> None:
        """Writes a state in which these resources exist, without creating them; none are the empty stack."""
        stack = _state("pulumi:pulumi:Stack", f"{PROJECT}-{STACK}", {})
        token = "pulumi:providers:gcp"
        there = [{**resource, "parent": stack["urn"]} for resource in resources]
        if there:
            urn, _, name = str(there[0]["provider"]).rpartition("::")
            given = {"project": "somebody-else", "version": "10.2.0"}
            provider = {"urn": urn, "custom": True, "type": token, "id": name, "inputs": given, "outputs": given}
            there = [stack, provider, *there]
        path = self.folder / "restored.json"
        manifest = {"time": "2026-11-21T00:00:00Z", "magic": "", "version": ""}
        path.write_text(json.dumps({"version": 3, "deployment": {"manifest": manifest, "resources": there}}))
        written = self._pulumi("stack", "import", "--stack", STACK, "--file", str(path), "--force")
        assert written.code == 0, written.output

    def events(self) -> list[str]:
        """The engine's events of a preview of the program as it stands, with the pack; one JSON object a line."""
        self._config.write_text(yaml.safe_dump(self._content, sort_keys=False))
        command = ["preview", "--stack", STACK, "--json", "--non-interactive", "--policy-pack", str(POLICIES)]
        return self._pulumi(*command, PULUMI_ENABLE_STREAMING_JSON_PREVIEW="true").output.splitlines()

    def cloud(self) -> list[Any]:
        """What exists in the simulated cloud."""
        found: list[Any] = daemon.ask(self.workspace.home, "/resources")["resources"]
        return found

    def _operate(self, operation: str, changes: Changes, pack_config: Mapping[str, Any] | None) -> Result:
        self._config.write_text(
            yaml.safe_dump({**self._content, "config": {f"{PROJECT}:changes": dict(changes)}}, sort_keys=False)
        )
        command = [operation, "--stack", STACK, "--non-interactive", "--policy-pack", str(POLICIES)]
        if pack_config is not None:
            path = self.folder / "pack.json"
            path.write_text(json.dumps(pack_config))
            command += ["--policy-pack-config", str(path)]
        if operation != "preview":
            command.append("--yes")
        result = self._pulumi(*command)
        assert self.cloud() == [], "something was created"
        return result

    def _pulumi(self, *arguments: str, **environment: str) -> Result:
        ran = subprocess.run(
            [str(self.workspace.tools.pulumi), *arguments],
            cwd=self.folder,
            env={**self.workspace.environment(), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return Result(code=ran.returncode, output=ran.stdout + ran.stderr)


def _state(token: str, name: str, props: Mapping[str, Any]) -> dict[str, Any]:
    urn = f"urn:pulumi:{STACK}::{PROJECT}::{token}::{name}"
    if not props:
        return {"urn": urn, "custom": False, "type": token}
    return {"urn": urn, "custom": True, "type": token, "id": name, "inputs": props, "outputs": props}
