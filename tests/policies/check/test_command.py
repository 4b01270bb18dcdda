"""The command line: exit codes, streams, several outputs, and both ways to start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import BytesIO, StringIO
from pathlib import Path

import pytest

from policies.check.command import main
from policies.pack import POLICIES
from tests.policies.check.manifests import NAMES, TIMEOUT, gateway, route

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration that leaves a few policies on, so that these tests do not change with the rules."""
    file = tmp_path_factory.mktemp("config") / "config.json"
    file.write_text(json.dumps({p.name: "disabled" for p in POLICIES if p.name not in NAMES}), encoding="utf-8")
    return file


def run(*arguments: str, stdin: str = "", config: Path | None = None) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    out, err = StringIO(), StringIO()
    options = ["--config", str(config)] if config else []
    code = main(["check", *arguments, *options], stdin=BytesIO(stdin.encode()), stdout=out, stderr=err)
    return code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
    ("stdin", "code", "text"),
    [
        (gateway(), 0, "0 errors, 0 warnings (1 object in 1 file"),
        (route(TIMEOUT), 1, "1 error, 0 warnings (1 object in 1 file"),
        ("a: [", 2, "error: stdin:2: no valid YAML"),
        (f"{route(TIMEOUT)}---\na: [", 2, "stdin:8: error: [timeouts]"),
        ("", 2, "no Kubernetes object"),
    ],
)
def test_exit_codes(config: Path, stdin: str, code: int, text: str) -> None:
    """0 clean, 1 violations, 2 not checked, which wins: what was not looked at may be worse."""
    found, out, err = run("-", stdin=stdin, config=config)
    assert found == code
    assert text in out
    assert not err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "error: the following arguments are required: PATH"),
        (["-", "--format", "xml"], "error: argument --format: invalid choice: 'xml'"),
        (["-", "--output", "sarif"], "error: --output 'sarif': write FORMAT=FILE with a format of text, json"),
        (["-", "--output", "xml=a"], "error: --output 'xml=a': write FORMAT=FILE"),
        (["-", "--config", "/nowhere.json"], "error: /nowhere.json: cannot be read: No such file or directory"),
        (["-", "--output", "json=/nowhere/x"], "error: --output /nowhere/x: cannot be written: No such file"),
        (["-", "--strict"], "error: unrecognized arguments: --strict. See: python -m policies check --help"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: list[str], message: str) -> None:
    """Nothing is checked, and CI does not mistake that for a pass."""
    code, out, err = run(*arguments, stdin=gateway())
    assert code == 2
    assert not out
    assert err.startswith(message)
    assert err.count("\n") == 1


def test_several_reports_in_one_run(tmp_path: Path, config: Path) -> None:
    """Text for the log, SARIF for code scanning, JUnit for the build server."""
    outputs = ["--output", f"sarif={tmp_path}/a", "--output", f"junit={tmp_path}/b"]
    code, out, _ = run("-", *outputs, stdin=route(TIMEOUT), config=config)
    assert code == 1
    assert out.startswith("stdin:8: error:")
    assert len(json.loads((tmp_path / "a").read_text(encoding="utf-8"))["runs"][0]["results"]) == 1
    assert (tmp_path / "b").read_text(encoding="utf-8").startswith("<?xml")


def test_problems_reach_the_reader_whatever_the_format() -> None:
    """A report that a program reads hides them from the person who looks at the log."""
    code, out, err = run("-", "--format", "sarif", stdin="a: [")
    assert code == 2
    assert json.loads(out)
    assert err.startswith("error: stdin:2: no valid YAML")


@pytest.mark.parametrize("start", [["-m", "policies"], [str(ROOT / "policies")]], ids=["module", "folder"])
def test_both_ways_to_start_it(start: list[str], tmp_path: Path, config: Path) -> None:
    """As a module of the checkout, and as a folder from anywhere; never as a pack that waits for an engine."""
    file = tmp_path / "route.yaml"
    file.write_text(route(TIMEOUT), encoding="utf-8")
    folder = ROOT if start[0] == "-m" else tmp_path
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, *start, "check", str(file), "--format", "github", "--config", str(config)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(f"::error file={file},line=8,title=httproute-features (critical)::")
    assert not done.stderr


def test_without_a_command_it_says_what_there_is() -> None:
    """It must not serve the pack to nobody and hang."""
    done = subprocess.run(
        [sys.executable, "-m", "policies"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "error: the following arguments are required: check. See: python -m policies check --help\n"


def test_a_python_without_the_packages_says_how_to_get_them() -> None:
    """The system's Python is the first that people try; it must not answer with a traceback."""
    command = [sys.executable, "-S", "-m", "policies", "check", "-"]
    done = subprocess.run(command, cwd=ROOT, input="", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: this Python ({sys.executable}) has no package ")
    assert done.stderr.endswith(" Run `make setup` and use .venv/bin/python, or install requirements.txt.\n")
