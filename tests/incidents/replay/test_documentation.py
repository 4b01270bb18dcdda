"""docs/incidents.md lists every incident, and claims no test that is not there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.incidents import documentation
from tests.incidents.documentation import REPORTS, Incident

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
