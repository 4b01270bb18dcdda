"""Runs the real Pulumi engine on a stack of the sandbox.

Owns the command lines of every operation: which stack, which configuration, always with the policy pack. Also clears away
what a killed engine or provider and lost answers leave behind: a lock, creates that were begun and not finished, and what Cloud
Monitoring has made twice (`operations.recover`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import psutil

from operations import recover
from operations.attended import attend
from sandbox.home import CHECKOUT
from sandbox.workspace import PROJECT, Workspace

POLICIES = CHECKOUT / "policies"
_MONITORING = '"gcp:monitoring/'


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
        if ran.returncode != 0 and self._state().exists():
            return 0  # somebody else has made it meanwhile
        if ran.returncode != 0:
            sys.stderr.write(ran.stderr or ran.stdout)
        return ran.returncode

    def _state(self) -> Path:
        return self.workspace.backend / ".pulumi" / "stacks" / PROJECT / f"{self.stack}.json"

    def holds(self, resource_id: str) -> bool:
        """Whether the stack's state names the resource."""
        return self._state().exists() and json.dumps(resource_id) in self._state().read_text()

    def protected(self) -> list[str]:
        """Names of the stack's clusters that refuse to be deleted."""
        if not self._state().exists():
            return []
        state = json.loads(self._state().read_text())["checkpoint"]["latest"] or {}
        inputs = [resource.get("inputs") or {} for resource in state.get("resources") or []]
        return [str(given.get("name")) for given in inputs if given.get("deletionProtection") is True]

    def clear_lock(self) -> int | None:
        """Removes the stack's lock if the engine that took it is gone; the number of a running engine that has one."""
        working: int | None = None
        locks = self.workspace.backend / ".pulumi" / "locks" / "organization" / PROJECT / self.stack
        for lock in locks.glob("*.json"):
            try:
                content = json.loads(lock.read_text())
                pid = int(content["pid"])
                held = _holds(pid, content.get("timestamp"))
            except (OSError, ValueError, KeyError):
                continue
            if not held:
                sys.stderr.write(f"the engine that worked on stack {self.stack} is gone; removing its lock\n")
                lock.unlink(missing_ok=True)
            working = pid if held else working
        return working

    def recover(self) -> int:
        """Takes in what an update that was cut off, or whose provider ended, has created; also what it made twice."""
        if self.clear_lock() is not None:
            return 0  # what is pending is another engine's work; whether it has to be waited for, the engine knows
        state = self._state().read_text()
        failed = self._attempt.exists() and self._attempt.stat().st_mtime <= self._state().stat().st_mtime
        cut_off = '"pending_operations"' in state or recover.MARK in state
        environment = self.workspace.environment()
        # An answer that was lost leaves no other trace: the provider sent the request again, and the update ended well.
        twice = _MONITORING in state and recover.twice(_deployed(state), environment)
        if not failed and not cut_off and not twice:
            return 0
        command = [str(self.workspace.tools.pulumi), *self._selection()]
        return recover.recover(command, environment, folder=self.program, adopt=failed, once=twice)

    @property
    def _attempt(self) -> Path:
        """A file from the beginning of an update until one succeeds; a newer state says that one of them got to work."""
        return self.workspace.home / "pulumi" / f"unfinished-{self.stack}"

    def _selection(self) -> list[str]:
        return ["--stack", self.stack, "--config-file", str(self.config_file)]

    def command(self, operation: str, *options: str, policies: Sequence[Path] = (POLICIES,)) -> list[str]:
        """The arguments of `pulumi` for an operation on the stack: always with the policy pack where it applies, at the
        levels of the stack's environment unless the options name others.
        """
        command = [operation, *self._selection(), *options]
        if operation in ("up", "preview"):
            for pack in policies:
                command += ["--policy-pack", str(pack)]
            levels = POLICIES / "config" / f"{self.stack}.json"
            if tuple(policies) == (POLICIES,) and levels.exists() and "--policy-pack-config" not in options:
                command += ["--policy-pack-config", str(levels)]
        if operation != "preview":
            command.append("--yes")
        return command

    def begin(self, operation: str, *options: str) -> list[str]:
        """The whole command of an operation that is about to run; of an update it is written down that it was begun."""
        if operation == "up" and not self._attempt.exists():
            # One that is there is left as old as it is: an earlier attempt may have made something, whatever this one does.
            self._attempt.parent.mkdir(parents=True, exist_ok=True)
            self._attempt.touch()
        return [str(self.workspace.tools.pulumi), *self.command(operation, *options)]

    def operate(self, operation: str, *options: str, output: IO[bytes] | None = None) -> int:
        """Runs `up`, `preview`, `destroy` or `refresh` on the stack, before the user's eyes unless `output` is a file."""
        interaction = [] if output is None and sys.stdout.isatty() else ["--non-interactive"]
        command = self.begin(operation, *options, *interaction)
        code = attend(command, self.workspace.environment(), folder=self.program, output=output)
        if operation == "up" and code == 0:
            self._attempt.unlink(missing_ok=True)
        return code


def _deployed(state: str) -> dict[str, Any]:
    """The state in the file backend as `pulumi stack export` prints it."""
    return {"deployment": json.loads(state)["checkpoint"]["latest"]}


def _holds(pid: int, since: str | None) -> bool:
    """Whether the process that took a lock still runs: neither ended, nor another one under its number."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return since is None or process.create_time() <= datetime.fromisoformat(since).timestamp() + 1
    except psutil.NoSuchProcess:
        return False
