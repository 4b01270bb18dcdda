"""The sandbox's commands as somebody new meets them: each mistake is one clear message, and nothing is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.toolchain import Tools, cache_root
from tests.sandbox.stack.harness import Result, cli


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """The home of a sandbox that does not exist."""
    return tmp_path / "home"


def refused(home: Path, *arguments: str, **variables: str) -> Result:
    """A command that must fail with one line, without a traceback."""
    result = cli(home, *arguments, **variables).end()
    assert result.code == 1, result.output
    assert result.output.startswith("error: ")
    assert len(result.output.strip().splitlines()) == 1, result.output
    return result


def test_status_without_a_sandbox(nowhere: Path) -> None:
    """It says how to get one."""
    result = refused(nowhere, "status")
    assert result.output == "error: the sandbox is not running. Start it with: make up\n"
    assert not nowhere.exists()


def test_down_without_a_sandbox(nowhere: Path) -> None:
    """There is nothing to end, and that is no error."""
    assert cli(nowhere, "down").end().code == 0
    assert not nowhere.exists()


@pytest.mark.parametrize("operation", ["up", "preview", "destroy"])
def test_stack_that_is_not_there(nowhere: Path, tmp_path: Path, operation: str) -> None:
    """It is said before any tool is built, which would take minutes, and nothing is left of the attempt."""
    empty = tmp_path / "cache"
    result = refused(nowhere, operation, "--stack", "nosuch", XDG_CACHE_HOME=str(empty))
    assert result.output == "error: there is no Pulumi.nosuch.yaml. Stacks here: dev, http-services, prod.\n"
    assert not nowhere.exists()
    assert not empty.exists()


def test_damaged_tool_cache(nowhere: Path, tmp_path: Path) -> None:
    """A cut-off tool is found before anything is started with it; the message says what to remove."""
    engine = Tools.load().language_executor.parent
    copied = tmp_path / "cache" / "gke-tpu-inference" / "tools"
    copied.mkdir(parents=True)
    for entry in cache_root().iterdir():
        if entry.is_dir() and entry != engine:
            (copied / entry.name).symlink_to(entry)
    damaged = copied / engine.name
    damaged.mkdir()
    for file in engine.iterdir():
        (damaged / file.name).symlink_to(file)
    (damaged / "pulumi").unlink()
    (damaged / "pulumi").write_bytes(b"\x7fELF")
    result = refused(nowhere, "up", XDG_CACHE_HOME=str(tmp_path / "cache"))
    size = (engine / "pulumi").stat().st_size
    assert f"the tool cache is damaged: {damaged}: pulumi has 4 bytes instead of {size}." in result.output
    assert f"rm -rf {damaged}" in result.output
    assert not nowhere.exists()


def test_folder_that_holds_something_else(tmp_path: Path) -> None:
    """SANDBOX_HOME set to a folder with other things in it: `down` would remove them, so nothing begins there."""
    (tmp_path / "thesis.tex").touch()
    result = refused(tmp_path, "up")
    assert f"SANDBOX_HOME: {tmp_path} holds thesis.tex" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    result = refused(tmp_path, "down")
    assert f"{tmp_path} is not the sandbox's alone: it holds thesis.tex" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_down_that_was_cut_off(nowhere: Path) -> None:
    """Part of the directory is gone already; the rest is still recognised as a sandbox's and goes as well."""
    (nowhere / "clusters" / "c").mkdir(parents=True)
    (nowhere / "token").touch()
    assert cli(nowhere, "down").end().code == 0
    assert not nowhere.exists()
