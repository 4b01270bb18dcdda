"""Fault scripts: every example can be used, every mistake is named, and the commands set, show and clear them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from sandbox import __main__, ordering
from sandbox.daemon import CloudError
from sandbox.faults import Effect, FaultScriptError, Script, parse
from sandbox.home import CHECKOUT
from tests.sandbox.gcp.wire import call
from tests.sandbox.support import eventually

EXAMPLES = sorted((CHECKOUT / "examples" / "faults").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples(path: Path) -> None:
    """Each is valid, orders something, and says in words what happens."""
    script = ordering.script(str(path))
    assert script.faults
    assert path.read_text().startswith("# ")


def test_every_effect_has_an_example() -> None:
    """What can be ordered can be looked up."""
    shown = {fault.effect for path in EXAMPLES for fault in ordering.script(str(path)).faults}
    assert shown == set(get_args(Effect))


def test_what_is_shown_can_be_ordered() -> None:
    """A script survives its way to the cloud and back."""
    for path in EXAMPLES:
        script = ordering.script(str(path))
        assert parse(script.as_json()) == script


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"effect": "stockot"}, "faults[0].effect: 'stockot': no such word. Write one of stockout, "),
        ({"match": {}}, "faults[0].effect: not set. Write one of stockout, "),
        ({"effect": "slow"}, "faults[0].seconds: not set: slow needs it. Write seconds: 600"),
        ({"effect": "degraded", "seconds": 5}, "faults[0].seconds: 5.0: degraded takes none."),
        ({"effect": "slow", "seconds": 0}, "faults[0].seconds: 0: input should be greater than 0. Write a number of"),
        ({"effect": "stockout", "zone": "x"}, "faults[0].zone: no such field. Write one of effect, match, attempt,"),
        (
            {"effect": "stockout", "match": {"zoen": "x"}},
            "faults[0].match.zoen: no such field. Write one of type, name,",
        ),
        ({"effect": "stockout", "match": 3}, "faults[0].match: 3: this is no block. Write a block with type, name,"),
        (
            {"effect": "stockout", "match": {"operation": "make"}},
            "match.operation: 'make': no such word. Write one of create",
        ),
        (
            {"effect": "stockout", "match": {"operation": "read"}},
            "match.operation: 'read': stockout does not happen to it.",
        ),
        (
            {"effect": "degraded", "match": {"type": "compute.*"}},
            "match.type: 'compute.*': degraded does not happen to it.",
        ),
        (
            {"effect": "notFound", "match": {"type": "compute.networks"}},
            "match.type: 'compute.networks': notFound does not happen to it. Write one of secretmanager.iamMembers",
        ),
        (
            {"effect": "serverError", "match": {"type": "compute.nets"}},
            "match.type: 'compute.nets': no such type. Write one",
        ),
        (
            {"effect": "serverError", "code": 404},
            "faults[0].code: 404: serverError has no such code. Write one of 503,",
        ),
        ({"effect": "serverError", "attempt": 0}, "faults[0].attempt: 0: input should be greater than or equal to 1."),
        ({"effect": "serverError", "count": "ever"}, "faults[0].count: 'ever': "),
        ({"effect": "serverError", "probability": 1.5}, "faults[0].probability: 1.5: "),
    ],
)
def test_mistakes(tmp_path: Path, fault: dict[str, Any], text: str) -> None:
    """File, field, value, why not, and what to write, in one line."""
    import yaml  # noqa: PLC0415 - only here

    file = tmp_path / "script.yaml"
    file.write_text(yaml.safe_dump({"faults": [fault]}))
    with pytest.raises(CloudError) as error:
        ordering.script(str(file))
    assert str(error.value).startswith(f"{file}: ")
    assert text in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("[]", "the script is no block. Write faults:"),
        ("faults: 3", "faults: 3: this is no list. Write a list of faults."),
        ("fault: []", "fault: no such field. Write one of seed, faults."),
        ("seed: x", "seed: 'x': "),
        ("a: [", "is not valid YAML"),
    ],
)
def test_other_content(tmp_path: Path, content: str, text: str) -> None:
    """What is no script at all."""
    file = tmp_path / "script.yaml"
    file.write_text(content)
    with pytest.raises(CloudError, match=text.replace("[", r"\[")):
        ordering.script(str(file))


def test_several_mistakes() -> None:
    """All of them at once, in the order of the script."""
    with pytest.raises(FaultScriptError) as error:
        parse({"faults": [{"effect": "no"}, {"effect": "slow"}]})
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == ["faults[0].effect", "faults[1].seconds"]


def test_an_empty_script() -> None:
    """Orders nothing."""
    assert parse({}) == Script()


@pytest.fixture
def cloud(home: Path) -> Iterator[Path]:
    """A daemon as a process of its own."""
    environment = {**os.environ, "SANDBOX_HOME": str(home), "SANDBOX_FAKE_CLUSTERS": "1", "SANDBOX_SPEED": "20"}
    daemon = subprocess.Popen([sys.executable, "-m", "sandbox.cloud"], env=environment, cwd=CHECKOUT)
    eventually((home / "cloud.json").exists, "cloud.json is written")
    yield home
    daemon.kill()
    daemon.wait()


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command of the sandbox: exit code, output, errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = __main__.main(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_commands(cloud: Path, run: Run) -> None:
    """Set, show, clear; a wrong script leaves the old one."""
    assert run("faults", "show") == (0, "no faults are ordered\n", "")
    code, said, _ = run("faults", str(CHECKOUT / "examples" / "faults" / "stockout.yaml"))
    assert (code, said.count("\n")) == (0, 1)
    assert said.startswith("struck   0 times  {effect: stockout, match: {type: container.nodePools,")
    wrong = cloud / "wrong.yaml"
    wrong.write_text("faults: [{effect: none}]")
    code, _, errors = run("faults", str(wrong))
    assert code == 1
    assert errors.startswith(f"error: {wrong}: faults[0].effect: 'none'")
    assert run("faults", "show")[1] == said
    assert ordering.active(cloud) == 1
    assert run("faults", "clear") == (0, "no faults are ordered\n", "")
    assert call(cloud, "GET", "/faults")[1]["struck"] == []


def test_speed_of_a_running_cloud(cloud: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is kept, and whoever asks for another one is told; without one the provider takes the cloud's."""
    monkeypatch.setenv("SANDBOX_SPEED", "")
    assert ordering.follow_speed(cloud) is None
    assert os.environ["SANDBOX_SPEED"] == "20"
    monkeypatch.setenv("SANDBOX_SPEED", "5")
    warning = ordering.follow_speed(cloud)
    assert warning == "the sandbox keeps the speed it was started with (20). For 5: make down first."
    assert os.environ["SANDBOX_SPEED"] == "20"


def test_wrong_speed(home: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One error before anything is built or started."""
    monkeypatch.setenv("SANDBOX_SPEED", "warp")
    code, said, errors = run("up")
    assert (code, said) == (1, "")
    assert errors.startswith("error: SANDBOX_SPEED: 'warp': this is no number. Write a number from 1")
    assert list(home.iterdir()) == []


def test_wrong_script(home: Path, run: Run) -> None:
    """The same for a script."""
    code, said, errors = run("up", "--faults", str(home / "nosuch.yaml"))
    assert (code, said) == (1, "")
    assert (
        "nosuch.yaml: No such file or directory. Write the path of a fault script, such as examples/faults/" in errors
    )
    assert list(home.iterdir()) == []
