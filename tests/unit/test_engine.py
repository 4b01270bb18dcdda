"""The command lines of every operation on a sandbox's stack, and what is cleared away before them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.engine import POLICIES, Engine
from sandbox.workspace import Workspace
from tests.unit import made_up


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """The engine of a stack `dev`, with a stand-in that notes how and where it was called."""
    tools = made_up.tools(tmp_path)
    tools.pulumi.parent.mkdir()
    tools.pulumi.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        f"with open({str(tmp_path / 'calls')!r}, 'a') as calls:\n"
        "    home = os.environ['PULUMI_HOME']\n"
        "    calls.write(json.dumps({'arguments': sys.argv[1:], 'folder': os.getcwd(), 'home': home}) + chr(10))\n"
        "if sys.argv[1:3] == ['stack', 'export']:\n"
        "    sys.stdout.write('{}')\n"
        "if sys.argv[1:3] == ['stack', 'init']:\n"
        "    sys.stderr.write('error: no passphrase')\n"
        "    sys.exit(9)\n"
    )
    tools.pulumi.chmod(0o755)
    (tmp_path / "program").mkdir()
    return Engine(Workspace(tools, tmp_path / "home"), "dev", tmp_path / "dev.yaml", tmp_path / "program")


def calls(engine: Engine) -> list[list[str]]:
    """The command lines so far."""
    path = engine.program.parent / "calls"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    assert all(line["home"] == str(engine.workspace.pulumi_home) for line in lines)
    return [line["arguments"] for line in lines]


def state(engine: Engine, text: str) -> None:
    """Gives the stack a state in the file backend."""
    path = engine.workspace.backend / ".pulumi" / "stacks" / "gke-tpu-inference" / "dev.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)


@pytest.mark.parametrize("operation", ["up", "preview"])
def test_policies_are_always_on(engine: Engine, operation: str) -> None:
    """No update and no preview without the policy pack."""
    assert engine.operate(operation) == 0
    (arguments,) = calls(engine)
    assert arguments[:5] == [operation, "--stack", "dev", "--config-file", str(engine.config_file)]
    assert arguments[arguments.index("--policy-pack") + 1] == str(POLICIES)
    assert (POLICIES / "PulumiPolicy.yaml").is_file()


@pytest.mark.parametrize("operation", ["destroy", "refresh"])
def test_operations_that_take_no_policies(engine: Engine, operation: str) -> None:
    """The engine refuses the option where it has no use for it."""
    engine.operate(operation)
    assert "--policy-pack" not in calls(engine)[0]


def test_only_what_changes_something_is_confirmed(engine: Engine) -> None:
    """`--yes` in place of the question; a preview has no such option."""
    engine.operate("up", "--refresh")
    engine.operate("preview", "--diff")
    up, preview = calls(engine)
    assert {"--yes", "--refresh"} <= set(up)
    assert "--diff" in preview
    assert "--yes" not in preview


def test_stack_that_cannot_be_made(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """The engine's words and its exit code; nothing else is tried."""
    assert engine.ensure_stack() == 9
    assert capsys.readouterr().err == "error: no passphrase"


def test_stack_that_another_command_has_made_meanwhile(engine: Engine) -> None:
    """Two updates from nothing: the second one's 'already exists' is no error."""
    path = engine.workspace.backend / ".pulumi" / "stacks" / "gke-tpu-inference" / "dev.json"
    text = engine.workspace.tools.pulumi.read_text()
    made = f"os.makedirs({str(path.parent)!r}); open({str(path)!r}, 'w').close()\n"
    engine.workspace.tools.pulumi.write_text(text.replace("    sys.exit(9)\n", f"    {made}    sys.exit(9)\n"))
    assert engine.ensure_stack() == 0


def test_stack_that_exists(engine: Engine) -> None:
    """It is not made again: asking the engine would cost every run half a second."""
    state(engine, "{}")
    assert engine.ensure_stack() == 0
    assert calls(engine) == []


def test_recovery_only_after_a_cut(engine: Engine) -> None:
    """A state without pending operations is not even exported."""
    state(engine, '{"checkpoint": {}}')
    assert engine.recover() == 0
    assert calls(engine) == []


def test_recovery_after_a_cut(engine: Engine) -> None:
    """With pending operations the state is looked at, of this very stack."""
    state(engine, '{"checkpoint": {"latest": {"pending_operations": []}}}')
    assert engine.recover() == 0
    assert calls(engine) == [["stack", "export", "--stack", "dev"]]


def test_lock_of_a_dead_engine(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """A killed engine leaves its lock, and every later run then fails; the lock of a running one is kept."""
    locks = engine.workspace.backend / ".pulumi" / "locks" / "organization" / "gke-tpu-inference" / "dev"
    locks.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    dead, alive, strange = locks / "dead.json", locks / "alive.json", locks / "strange.json"
    dead.write_text(json.dumps({"pid": ended.pid}))
    alive.write_text(json.dumps({"pid": os.getpid()}))
    strange.write_text("{")
    assert engine.clear_lock() == os.getpid()
    assert sorted(path.name for path in locks.iterdir()) == ["alive.json", "strange.json"]
    assert capsys.readouterr().err == "the engine that worked on stack dev is gone; removing its lock\n"
