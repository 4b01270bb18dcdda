"""Stacks of the sandbox for tests: the real engine on a home of its own, with what it printed kept for assertions."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox import daemon
from sandbox.engine import Engine
from sandbox.home import CHECKOUT
from sandbox.toolchain import Tools
from sandbox.workspace import PROJECT, Workspace

KEY = f"{PROJECT}:platform"


@dataclass(frozen=True, kw_only=True)
class Result:
    """How an operation ended, and everything it printed."""

    code: int
    output: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a preview that changes something."""

    op: str
    name: str
    diffs: Mapping[str, str]


def committed(stack: str) -> dict[str, Any]:
    """The configuration of a stack as it is in the repository."""
    content: dict[str, Any] = yaml.safe_load((CHECKOUT / f"Pulumi.{stack}.yaml").read_text())
    return content


class Stack:
    """One stack in a sandbox; its settings may be changed from operation to operation."""

    def __init__(self, home: Path, name: str = "dev", *, program: Path = CHECKOUT) -> None:
        self.workspace = Workspace(Tools.load(), home)
        self.workspace.prepare()
        self.name = name
        self.program = program
        self.content = committed(name) if program == CHECKOUT else {"config": {}}

    def start(self) -> None:
        """Starts the simulated cloud unless it runs."""
        daemon.start(self.workspace.home, self.workspace.environment())

    def engine(self, change: Callable[[dict[str, Any]], object] | None = None) -> Engine:
        """The engine for the stack, its committed settings changed by `change`."""
        content = copy.deepcopy(self.content)
        if change is not None:
            change(content["config"][KEY])
        return Engine(self.workspace, self.name, self.workspace.configure(self.name, content), self.program)

    def run(self, operation: str, *options: str, change: Callable[[dict[str, Any]], object] | None = None) -> Result:
        """Runs an operation to its end."""
        self.start()
        engine = self.engine(change)
        code = engine.ensure_stack() or engine.recover()
        assert code == 0, "the stack could not be prepared"
        ran = engine.pulumi(*engine.command(operation, *options, "--non-interactive"), capture=True)
        return Result(code=ran.returncode, output=ran.stdout + ran.stderr)

    def preview(self, change: Callable[[dict[str, Any]], object] | None = None) -> list[Step]:
        """The steps of a preview that change something, by the engine's own report."""
        self.start()
        engine = self.engine(change)
        assert engine.ensure_stack() == 0
        ran = engine.pulumi(*engine.command("preview", "--json"), capture=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        steps = json.loads(ran.stdout[ran.stdout.index("{") :])["steps"]
        return [
            Step(
                op=step["op"],
                name=step["urn"].rsplit("::", 1)[-1],
                diffs={path: entry["kind"] for path, entry in (step.get("detailedDiff") or {}).items()},
            )
            for step in steps
            if step["op"] not in ("same", "read")
        ]

    def resources(self) -> list[dict[str, Any]]:
        """What the simulated cloud holds."""
        found: list[dict[str, Any]] = daemon.ask(self.workspace.home, "/resources")["resources"]
        return found
