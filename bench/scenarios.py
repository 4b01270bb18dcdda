"""What is previewed: the empty program, the dev stack, and the dev stack with more models.

Owns the stacks of the bench and how one preview of each is run, through the sandbox's own workspace and engine. Does not
own a clock: `measure.py` calls `Scenario.preview` and looks at the time.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox.engine import POLICIES, Engine
from sandbox.home import CHECKOUT
from sandbox.workspace import PROJECT, Workspace

HERE = Path(__file__).resolve().parent
PLATFORM = f"{PROJECT}:platform"
BASE_STACK = "dev"
"""The stack whose committed settings every scenario but the empty one starts from."""
LEVELS = POLICIES / "config" / f"{BASE_STACK}.json"
"""The pack's configuration for it."""

_RESOURCES = re.compile(r"^\s+(?:[+~-]\s)?(\d+) (?:to create|to update|unchanged)$", re.MULTILINE)


class BenchError(Exception):
    """The bench cannot go on; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One thing that is previewed again and again.

    Attributes:
        name: The key of its results.
        title: What it is, for people.
        engine: The engine for its stack.
        policies: The policy packs of its previews.
    """

    name: str
    title: str
    engine: Engine
    policies: Sequence[Path]

    def preview(self) -> str:
        """Runs one preview and returns its output.

        Raises:
            BenchError: It failed.
        """
        return self._operate("preview")

    def up(self) -> str:
        """Deploys the stack and returns the output.

        Raises:
            BenchError: It failed.
        """
        return self._operate("up", "--skip-preview")

    def command(self, operation: str, *options: str) -> list[str]:
        """The arguments of `pulumi`. A variant of the base stack is judged at the levels of the base stack."""
        levels = ["--policy-pack-config", str(LEVELS)] if tuple(self.policies) == (POLICIES,) else []
        return self.engine.command(operation, "--non-interactive", *levels, *options, policies=self.policies)

    def _operate(self, operation: str, *options: str) -> str:
        ran = self.engine.pulumi(*self.command(operation, *options), capture=True)
        if ran.returncode != 0:
            raise BenchError(f"pulumi {operation} of the {self.title} failed:\n{(ran.stdout + ran.stderr).rstrip()}")
        return ran.stdout


def count_resources(output: str) -> int:
    """The number of resources in the summary of a preview."""
    return sum(int(found) for found in _RESOURCES.findall(output))


def with_models(content: Mapping[str, Any], more: int) -> dict[str, Any]:
    """The configuration of a stack with `more` further models, each a copy of its first with a slice of its own.

    Their endpoint pickers run in the system pool, a whole processor each, and settings refuse one that has no room.
    """
    platform: dict[str, Any] = content["config"][PLATFORM]
    first: dict[str, Any] = platform["models"][0]
    copies = [{**first, "name": f"copy-{number}", "replicas": 1} for number in range(1, more + 1)]
    pools = [
        {**pool, "minSlices": pool["minSlices"] + more, "maxSlices": pool["maxSlices"] + more}
        if pool["name"] == first["pool"]
        else pool
        for pool in platform["tpuPools"]
    ]
    system = {**platform["systemPool"], "machineType": "e2-standard-8", "nodes": 1 + more // 4} if more else {}
    changed = {**platform, "models": [*platform["models"], *copies], "tpuPools": pools}
    changed["systemPool"] = system or platform["systemPool"]
    return {**content, "config": {**content["config"], PLATFORM: changed}}


def empty(workspace: Workspace, folder: Path) -> Scenario:
    """The empty program with the empty pack; the program is written to `folder`."""
    folder.mkdir(parents=True)
    shutil.copy(CHECKOUT / "Pulumi.yaml", folder)
    shutil.copy(HERE / "empty" / "__main__.py", folder)
    (folder / ".venv").symlink_to(CHECKOUT / ".venv", target_is_directory=True)
    engine = Engine(workspace, "empty", workspace.configure("empty", {}), program=folder)
    return _made(Scenario(name="empty", title="empty program", engine=engine, policies=(HERE / "empty" / "policies",)))


def platform(workspace: Workspace, name: str, title: str, *, more_models: int = 0, judged: bool = True) -> Scenario:
    """The platform with the settings of the base stack, as a stack called `name`; under the empty pack unless `judged`."""
    content = yaml.safe_load((CHECKOUT / f"Pulumi.{BASE_STACK}.yaml").read_text())
    engine = Engine(workspace, name, workspace.configure(name, with_models(content, more_models)))
    pack = POLICIES if judged else HERE / "empty" / "policies"
    return _made(Scenario(name=name, title=title, engine=engine, policies=(pack,)))


def _made(scenario: Scenario) -> Scenario:
    if scenario.engine.ensure_stack() != 0:
        raise BenchError(f"the stack of the {scenario.title} cannot be made")
    return scenario
