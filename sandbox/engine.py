"""Runs the real Pulumi engine on a stack of the sandbox.

Owns the command lines of every operation: which stack, which configuration, always with the policy pack. Also clears away
what a killed engine leaves behind: its lock, and creates that were begun and not finished (`operations.recover`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from operations import recover
from sandbox.home import CHECKOUT
from sandbox.workspace import PROJECT, Workspace

POLICIES = CHECKOUT / "policies"


class Engine:
    """The engine for one stack."""

    def __init__(self, workspace: Workspace, stack: str, config_file: Path, program: Path = CHECKOUT) -> None:
        self.workspace = workspace
        self.stack = stack
        self.config_file = config_file
        self.program = program

    def pulumi(self, *arguments: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
        """Runs `pulumi ARGUMENTS` in the sandbox; its output goes to the caller's unless it is captured."""
        return subprocess.run(
            [str(self.workspace.tools.pulumi), *arguments],
            cwd=self.program,
            env=self.workspace.environment(),
            capture_output=capture,
            text=True,
            check=False,
        )

    def ensure_stack(self) -> int:
        """Makes the stack where it does not exist yet."""
        if self._state().exists():
            return 0
        ran = self.pulumi("stack", "init", self.stack, "--cwd", str(self.workspace.configurations), capture=True)
        if ran.returncode != 0:
            sys.stderr.write(ran.stderr or ran.stdout)
        return ran.returncode

    def _state(self) -> Path:
        return self.workspace.backend / ".pulumi" / "stacks" / PROJECT / f"{self.stack}.json"

    def clear_lock(self) -> None:
        """Removes the stack's lock if the engine that took it is gone; a running engine keeps its lock."""
        locks = self.workspace.backend / ".pulumi" / "locks" / "organization" / PROJECT / self.stack
        for lock in locks.glob("*.json"):
            try:
                holder = int(json.loads(lock.read_text())["pid"])
            except (OSError, ValueError, KeyError):
                continue
            if not psutil.pid_exists(holder):
                sys.stderr.write(f"the engine that worked on stack {self.stack} is gone; removing its lock\n")
                lock.unlink(missing_ok=True)

    def recover(self) -> int:
        """Takes in what an update that was cut off has created."""
        self.clear_lock()
        if '"pending_operations"' not in self._state().read_text():
            return 0
        command = [str(self.workspace.tools.pulumi), *self._selection()]
        return recover.recover(command, self.workspace.environment(), folder=self.program)

    def _selection(self) -> list[str]:
        return ["--stack", self.stack, "--config-file", str(self.config_file)]

    def command(self, operation: str, *options: str, policies: Sequence[Path] = (POLICIES,)) -> list[str]:
        """The arguments of `pulumi` for an operation on the stack; the policy pack is always on where it applies."""
        command = [operation, *self._selection(), *options]
        if operation in ("up", "preview"):
            for pack in policies:
                command += ["--policy-pack", str(pack)]
        if operation != "preview":
            command.append("--yes")
        return command

    def operate(self, operation: str, *options: str) -> int:
        """Runs `up`, `preview`, `destroy` or `refresh` on the stack, before the user's eyes."""
        interaction = [] if sys.stdout.isatty() else ["--non-interactive"]
        return self.pulumi(*self.command(operation, *options, *interaction)).returncode
