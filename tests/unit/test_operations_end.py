"""How `make up`, `make preview` and `make destroy` end: what is said last, and the exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import __main__, daemon, ordering
from sandbox.engine import Engine
from sandbox.workspace import Workspace
from tests.unit import made_up

Run = Callable[..., tuple[int, str]]


def answering(value: object) -> Callable[..., object]:
    """A function that always gives `value`."""

    def answer(*_: object) -> object:
        return value

    return answer


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on an engine that ends with `code`, while the cloud runs already or not."""

    def run(operation: str, code: int, *, running: bool = False, works: int | None = None) -> tuple[int, str]:
        workspace = Workspace(made_up.tools(tmp_path), tmp_path / "home")
        engine = Engine(workspace, "dev", tmp_path / "dev.yaml")
        for name, value in {"ensure_stack": code, "recover": 0, "operate": 0, "clear_lock": works}.items():
            monkeypatch.setattr(Engine, name, answering(value))
        monkeypatch.setattr(__main__, "_workspace", answering(workspace))
        monkeypatch.setattr(__main__, "_engine", answering(engine))
        monkeypatch.setattr(daemon, "address", answering({"url": ""} if running else None))
        monkeypatch.setattr(ordering, "active", answering(0))
        return __main__.main([operation]), capsys.readouterr().err

    return run


@pytest.mark.parametrize("operation", ["up", "destroy"])
def test_an_engine_that_was_killed(run: Run, operation: str) -> None:
    """The incident: `Error 247`, and 'correct what is said above' where nothing was said."""
    code, said = run(operation, -9)
    assert code == 1
    assert f"The engine was ended by signal 9; run make {operation} again." in said
    assert "said above" not in said


def test_an_engine_that_has_refused(run: Run) -> None:
    """Then there is something above to correct, and the engine's exit code stays."""
    code, said = run("up", 255)
    assert code == 255
    assert "correct what is said above and run make up again" in said


@pytest.mark.parametrize("operation", ["up", "destroy"])
def test_an_engine_that_goes_on_without_its_command(run: Run, operation: str) -> None:
    """Its lock is not to be broken, whatever the engine itself would advise."""
    code, said = run(operation, 0, works=4711)
    assert code == 1
    assert said == "error: the engine of a command that has ended (pid 4711) still works on dev; wait for it\n"


def test_a_cloud_that_was_started_is_told(run: Run) -> None:
    """A preview with nothing running leaves processes behind, and says how to end them; but not those it has found."""
    assert run("preview", 0)[1] == "The sandbox runs; make down ends it.\n"
    assert run("preview", 0, running=True)[1] == ""


def test_destroy_says_that_nothing_more_is_to_do(run: Run) -> None:
    """The engine advises `pulumi stack rm`, which the sandbox has no use for."""
    said = run("destroy", 0, running=True)[1]
    assert said == "Nothing more is to do for dev: no pulumi stack rm. The sandbox runs; make down ends it.\n"
