"""After which failed updates it is looked up what they made: each, until one succeeds."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from operations import recover
from sandbox.engine import Engine
from sandbox.workspace import Workspace
from tests.unit import made_up


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """The engine of a stack `dev` whose updates fail, with a state."""
    tools = made_up.tools(tmp_path)
    tools.pulumi.parent.mkdir()
    tools.pulumi.write_text(f"#!{sys.executable}\nimport sys\nsys.exit(sys.argv[1] == 'up')\n")
    tools.pulumi.chmod(0o755)
    engine = Engine(Workspace(tools, tmp_path / "home"), "dev", tmp_path / "dev.yaml", tmp_path)
    written(engine, at=100.0)
    return engine


def written(engine: Engine, *, at: float) -> None:
    """The engine has written the stack's state at this time: an update got to work."""
    path = engine.workspace.backend / ".pulumi" / "stacks" / "gke-tpu-inference" / "dev.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    os.utime(path, (at, at))


def attempted(engine: Engine, *, at: float) -> None:
    """An update has failed that began at this time, unless one before it did."""
    (marker,) = (engine.workspace.home / "pulumi").glob("unfinished-*")
    if marker.stat().st_mtime > 1e6:  # written by this test, not dated yet
        os.utime(marker, (at, at))


def with_monitoring(engine: Engine) -> None:
    """The state holds something that Cloud Monitoring has numbered."""
    path = engine.workspace.backend / ".pulumi" / "stacks" / "gke-tpu-inference" / "dev.json"
    policy = {"urn": "u", "type": "gcp:monitoring/alertPolicy:AlertPolicy", "id": "1", "inputs": {}}
    path.write_text(json.dumps({"checkpoint": {"latest": {"resources": [policy]}}}))


@pytest.fixture
def adopted(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each recovery looked up what may exist."""
    seen: list[bool] = []

    def recovery(*_arguments: Any, adopt: bool, **_options: Any) -> int:
        seen.append(adopt)
        return 0

    monkeypatch.setattr(recover, "recover", recovery)
    return seen


def test_an_update_that_got_to_work(engine: Engine, adopted: list[bool]) -> None:
    """It may have made what it forgot."""
    assert engine.operate("up") == 1
    attempted(engine, at=200.0)
    written(engine, at=300.0)
    engine.recover()
    assert adopted == [True]


def test_an_update_that_did_not(engine: Engine, adopted: list[bool]) -> None:
    """A mistake in the program costs no preview at the next start."""
    assert engine.operate("up") == 1
    attempted(engine, at=200.0)
    engine.recover()
    assert adopted == []


def test_a_further_failure_does_not_hide_the_first(engine: Engine, adopted: list[bool]) -> None:
    """The first made something and forgot it; the second failed in its preview, before it wrote anything."""
    assert engine.operate("up") == 1
    attempted(engine, at=200.0)
    written(engine, at=300.0)
    assert engine.operate("up") == 1
    attempted(engine, at=400.0)
    engine.recover()
    assert adopted == [True]


@pytest.mark.parametrize("there", [True, False])
def test_an_update_that_ended_well(
    engine: Engine, adopted: list[bool], monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """What it made twice is looked for at every start, as nothing else tells of it; what it forgot is not."""
    asked: list[Any] = []

    def twice(export: Any, environment: Any) -> bool:
        asked.append((export["deployment"]["resources"][0]["id"], environment["GOOGLE_MONITORING_CUSTOM_ENDPOINT"]))
        return there

    monkeypatch.setattr(recover, "twice", twice)
    with_monitoring(engine)
    engine.recover()
    assert asked == [("1", "http://127.0.0.1:0")], "the sandbox's cloud is not there, and no other one is asked"
    assert adopted == ([False] if there else [])
