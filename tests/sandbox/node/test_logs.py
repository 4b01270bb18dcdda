"""`make logs`: what pods have written, or why there is nothing to read."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.__main__ import main
from sandbox.node.addresses import AddressBook, PodAddress, file_of
from sandbox.node.logs import log_file, note, tail


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sandbox with a pod of two containers, a simulated one, and the log of one that is gone."""
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path))
    cluster = tmp_path / "clusters" / "p_l_c"
    for container in ("main", "proxy"):
        note(log_file(cluster, "llm", "qwen-0", container), f"from {container}")
    note(log_file(cluster, "llm", "old-0", "main"), "from an old one")
    here = {
        "llm/nothing-0": PodAddress(pod_ip="10.64.0.9"),
        "llm/qwen-0": PodAddress(pod_ip="10.64.0.8", ports={80: 40001}),
    }
    AddressBook(file_of(cluster)).write(here)
    return tmp_path


def test_one_container(capsys: pytest.CaptureFixture[str]) -> None:
    """Only what was asked for, ready for grep."""
    assert main(["logs", "llm/qwen-0", "--container", "proxy"]) == 0
    assert capsys.readouterr().out == "--- from proxy\n"


def test_all_containers_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """Each has its heading."""
    assert main(["logs", "llm/qwen-0"]) == 0
    assert capsys.readouterr().out == "==> main <==\n--- from main\n==> proxy <==\n--- from proxy\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["llm/qwen-1"],
            "'llm/qwen-1' names no pod with a log. Write POD=namespace/name, one of: llm/qwen-0, llm/old-0 (ended)",
        ),
        ([""], "'' names no pod with a log. Write POD=namespace/name, one of: llm/qwen-0, llm/old-0 (ended)"),
        (["llm/qwen-0", "--container", "x"], "llm/qwen-0 has no container x; it has main, proxy"),
        (["llm/nothing-0"], "llm/nothing-0 is simulated: nobody knows how to run its image here, so it writes nothing"),
    ],
)
def test_wrong_names_are_answered_with_the_right_ones(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback, and what to write instead."""
    assert main(["logs", *arguments]) == 1
    assert capsys.readouterr().err == f"error: {message}\n"


def test_tail_is_what_a_termination_message_holds(tmp_path: Path) -> None:
    """2048 bytes, the last ones."""
    log = tmp_path / "x.log"
    assert tail(log) == ""
    log.write_text("a" * 5000 + "end")
    assert len(tail(log)) == 2048
    assert tail(log).endswith("end")
