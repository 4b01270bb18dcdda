"""Stacks of the sandbox for tests: the real engine on a home of its own, with what it printed kept for assertions."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode

import psutil
import yaml

from sandbox import daemon
from sandbox.engine import Engine
from sandbox.home import CHECKOUT
from sandbox.toolchain import Tools
from sandbox.workspace import PROJECT, Workspace
from tests.sandbox.support import eventually, patient

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


class Running:
    """A command that is under way, leader of a process group of its own as in a shell."""

    def __init__(self, command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> None:
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
        )

    def family(self) -> list[psutil.Process]:
        """The command's own process, and all that descend from it."""
        try:
            parent = psutil.Process(self._process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def part(self, module: str) -> psutil.Process:
        """The process of the family that runs the Python module `module`; of a provider's two, the one that works."""
        copies: list[psutil.Process] = []
        commands: list[psutil.Process] = []
        for process in self.family():
            with suppress(psutil.Error):  # it may have ended meanwhile
                copies += [process] if process.name() == module[:15] else []
                commands += [process] if module in process.cmdline() else []
        found = copies or commands
        assert len(found) == 1, f"{len(found)} processes run {module}"
        return found[0]

    def until(self, condition: Callable[[], object], what: str, *, timeout: float = 120.0) -> None:
        """Waits until `condition()` holds; fails with the output when the command ends before."""

        def met() -> bool:
            if condition():
                return True
            if self._process.poll() is not None:
                raise AssertionError(f"ended before {what}:\n{self.end().output}")
            return False

        eventually(met, what, timeout=timeout)

    def kill(self) -> None:
        """SIGKILL to the command alone; what it has started is not asked."""
        self._process.kill()
        self.end()

    def interrupt(self) -> None:
        """What Ctrl-C does: SIGINT to the whole process group."""
        os.killpg(self._process.pid, signal.SIGINT)

    def end(self, *, timeout: float = 180.0) -> Result:
        """Waits for the command's own end."""
        code = self._process.wait(patient(timeout))
        output = self.output()
        self._output.close()
        return Result(code=code, output=output)

    def output(self) -> str:
        """What the command has printed so far."""
        return os.pread(self._output.fileno(), 1 << 24, 0).decode(errors="replace")


def cli(home: Path, *arguments: str, **variables: str) -> Running:
    """`python -m sandbox ARGUMENTS`, as `make` runs it."""
    environment = {**os.environ, "SANDBOX_HOME": str(home), **variables}
    return Running([sys.executable, "-m", "sandbox", *arguments], folder=CHECKOUT, environment=environment)


class Stack:
    """One stack in a sandbox; its settings may be changed from operation to operation."""

    def __init__(
        self,
        home: Path,
        name: str = "dev",
        *,
        program: Path = CHECKOUT,
        content: Mapping[str, Any] | None = None,
    ) -> None:
        self.workspace = Workspace(Tools.load(), home)
        self.workspace.prepare()
        self.name = name
        self.program = program
        default = committed(name) if program == CHECKOUT else {"config": {}}
        self.content = default if content is None else dict(content)

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
        with tempfile.TemporaryFile() as output:
            code = engine.operate(operation, *options, output=output)
            output.seek(0)
            return Result(code=code, output=output.read().decode(errors="replace"))

    def begin(self, operation: str, *options: str, change: Callable[[dict[str, Any]], object] | None = None) -> Running:
        """Starts an operation and goes on while it is under way."""
        self.start()
        engine = self.engine(change)
        code = engine.ensure_stack() or engine.recover()
        assert code == 0, "the stack could not be prepared"
        command = engine.begin(operation, *options, "--non-interactive")
        return Running(command, folder=self.program, environment=self.workspace.environment())

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

    def operations(self, kind: str) -> list[dict[str, Any]]:
        """The simulated cloud's unfinished operations on resources of `kind`."""
        unfinished: list[dict[str, Any]] = daemon.ask(self.workspace.home, "/operations")["operations"]
        return [operation for operation in unfinished if operation["type"] == kind]

    def fault(self, **fault: Any) -> None:
        """Orders a fault of the simulated cloud in place of what was ordered before, see `sandbox.faults`."""
        daemon.ask(self.workspace.home, "/faults", method="PUT", body={"faults": [fault]})

    def strikes(self) -> int:
        """How often the fault has struck."""
        return sum(daemon.ask(self.workspace.home, "/faults")["struck"])

    def forget_faults(self) -> None:
        """Forgets all faults; operations they hold go on."""
        daemon.ask(self.workspace.home, "/faults", method="DELETE")

    def state(self) -> dict[str, Any]:
        """The stack's state as the engine has it on disk."""
        file = self.workspace.backend / ".pulumi" / "stacks" / PROJECT / f"{self.name}.json"
        latest: dict[str, Any] = json.loads(file.read_text())["checkpoint"]["latest"]
        return latest

    def cloud_ids(self) -> list[str]:
        """Ids of the Google Cloud resources in the stack's state."""
        return [resource["id"] for resource in self.state()["resources"] if resource["type"].startswith("gcp:")]

    def remove(self, kind: str, resource_id: str) -> None:
        """Deletes a resource behind the engine's back."""
        path = f"/resource?{urlencode({'type': kind, 'id': resource_id})}"
        operation = daemon.ask(self.workspace.home, path, method="DELETE")
        daemon.ask(self.workspace.home, f"/operations/{operation['name']}?wait=60", timeout=70)
