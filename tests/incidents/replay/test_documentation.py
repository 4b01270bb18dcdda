"""docs/incidents.md lists every incident, and claims no test that is not there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from sandbox.toolchain import ToolchainError
from tests.incidents import documentation
from tests.incidents.documentation import REPORTS, Incident
from tests.sandbox.support import without_tools

ROOT = documentation.FOLDER.parent
TEXT = (documentation.FOLDER / "incidents.md").read_text(encoding="utf-8")
INCIDENTS = documentation.incidents(TEXT)


def names_of_tests(path: Path) -> set[str]:
    """The names of the test functions of a file, those in classes included."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.mark.parametrize("report", REPORTS)
def test_every_numbered_incident_is_listed_once_and_in_order(report: str) -> None:
    """Invariant: no incident of a report is passed over in silence."""
    assert tuple(row.number for row in INCIDENTS if row.report == report) == REPORTS[report]


def test_there_are_no_other_reports() -> None:
    """Invariant: a table under a heading that nobody checks would be no list of incidents."""
    assert {row.report for row in INCIDENTS} == set(REPORTS)


@pytest.mark.parametrize("row", INCIDENTS, ids=lambda row: f"{row.report.split()[0]}-{row.number}")
def test_an_incident_is_replayed_and_stopped_or_says_why_not(row: Incident) -> None:
    """Invariant: each has a test that makes it happen and one that sees it stopped, or a reason in words."""
    assert row.accounted_for, row
    assert row.symptom


def test_references_lead_to_tests() -> None:
    """Invariant: "as 5" is no way out: the row meant exists, and has in that cell what this one does not repeat."""
    assert documentation.unresolved(INCIDENTS) == []
    assert len([row for row in INCIDENTS if row.references(row.proof)]) > 10


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("as 5", [("b", "5")]),
        ("as 5; policy `x`", [("b", "5")]),
        ("those of 1, 4 and H5", [("b", "1"), ("b", "4"), ("b", "H5")]),
        ("as 6.1 of the deployment report", [("Deployment of vLLM on TPU v6e", "6.1")]),
        ("as the program declares it", []),
        ("as 5 minutes", []),
    ],
)
def test_references_are_read(cell: str, meant: list[tuple[str, str]]) -> None:
    """Invariant: prose is taken for no reference, and a reference for no prose."""
    assert incident("a", report="b").references(cell) == meant


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ({"1": "`tests/a.py::test_a`", "2": "as 1"}, 0),
        ({"1": "`tests/a.py::test_a`", "2": "as 3"}, 3),
        ({"1": "as 2", "2": "as 1"}, 6),
    ],
    ids=["a-row-with-tests", "no-row", "in-circles"],
)
def test_a_reference_to_nothing_is_found(rows: dict[str, str], wrong: int) -> None:
    """Invariant: the check above can fail."""
    assert len(documentation.unresolved([incident(cell, number=number) for number, cell in rows.items()])) == wrong


def incident(cell: str, *, number: str = "1", report: str = "b") -> Incident:
    """A row with the same in each cell."""
    return Incident(report=report, number=number, symptom="s", replay=cell, safeguard=cell, proof=cell)


@pytest.mark.parametrize(("set_to", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_nobody_skips_replays_in_silence(
    monkeypatch: pytest.MonkeyPatch, set_to: str, outcome: type[BaseException]
) -> None:
    """Invariant: where CI is set, replays without tools fail; elsewhere they are skipped with the reason."""
    monkeypatch.setenv("CI", set_to)
    with pytest.raises(outcome, match="not built"):
        without_tools(ToolchainError("not built"))


def test_every_test_that_is_named_exists() -> None:
    """Invariant: the page claims no proof that is not there."""
    named = documentation.tests_named(TEXT)
    assert len(named) > 50
    missing = sorted(f"{path}::{name}" for path, name in named if name not in names_of_tests(ROOT / path))
    assert missing == []


def test_every_replay_is_listed() -> None:
    """Invariant: a replay that the page does not name is one that nobody finds."""
    named = {name for path, name in documentation.tests_named(TEXT) if path.startswith("tests/incidents/replay/")}
    files = [file for file in Path(__file__).parent.glob("test_*.py") if file.name != Path(__file__).name]
    written = {name for file in files for name in names_of_tests(file)}
    assert written - named == set()
