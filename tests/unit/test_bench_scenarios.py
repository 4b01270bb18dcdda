"""What is timed is what would be run: the variants of a stack are judged as the stack itself is."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.scenarios import BASE_STACK, HERE, LEVELS, Scenario
from sandbox.engine import POLICIES, Engine
from sandbox.workspace import Workspace
from tests.unit import made_up


def scenario(tmp_path: Path, stack: str, pack: Path) -> Scenario:
    """A scenario of that stack under one pack."""
    tools = made_up.tools(tmp_path)
    engine = Engine(Workspace(tools, tmp_path), stack, tmp_path / f"Pulumi.{stack}.yaml")
    return Scenario(name=stack, title=stack, engine=engine, policies=(pack,))


@pytest.mark.parametrize("stack", [BASE_STACK, f"{BASE_STACK}-4"])
def test_a_variant_is_judged_as_its_base_is(tmp_path: Path, stack: str) -> None:
    """Incident: a choice that dev states in the pack's configuration blocked dev with four more models."""
    assert LEVELS.is_file()
    command = scenario(tmp_path, stack, POLICIES).command("preview")
    assert command.count("--policy-pack-config") == 1
    assert command[command.index("--policy-pack-config") + 1] == str(LEVELS)


def test_another_pack_has_no_levels(tmp_path: Path) -> None:
    """Near-miss: the empty pack knows none of these policies."""
    assert "--policy-pack-config" not in scenario(tmp_path, BASE_STACK, HERE / "empty" / "policies").command("preview")
