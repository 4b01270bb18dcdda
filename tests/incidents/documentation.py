"""The table of policies in docs/policies.md, from the pack itself: `python -m tests.incidents.documentation` writes it.

Owns what stands between the two marks in that file, and nothing else of it; and how docs/incidents.md is read, whose tables are
written by hand and must list every numbered incident of every report.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pulumi_policy import EnforcementLevel, Policy, StackValidationPolicy

from policies.pack import POLICIES

FOLDER = Path(__file__).resolve().parents[2] / "docs"
BEGIN, END = "<!-- policies: begin -->\n", "<!-- policies: end -->\n"

REPORTS: Final[Mapping[str, tuple[str, ...]]] = {
    "Deployment of vLLM on TPU v6e": (
        *("1", "2", "3", "4", "5", "6", "6.1", "6.2", "6.3", "7", "8", "9", "12", "13", "14", "15"),
        *(f"H{number}" for number in range(1, 6)),
    ),
    "Health checks of the Gateway": ("1", "2", "3", "4", "5"),
    "HTTPS in front of plain HTTP": ("1", "2", "3", "4", "5", "6", "7", "8", "P1", "P2", "P3"),
    "Autoscaling of a plain HTTP service": (
        *("1", "2", "3", "4", "5", "6", "S1", "S2"),
        *(f"L{number}" for number in range(1, 6)),
        *(f"R{number}" for number in range(1, 7)),
    ),
    "Health probes of a model server": ("1", "2", "3", "4", "5", *(f"B{number}" for number in range(1, 7))),
}
"""What each report numbers, in its order, by the heading under which docs/incidents.md has it."""
SHORT: Final[Mapping[str, str]] = dict(
    zip(("deployment", "health check", "HTTPS", "autoscaling", "probes"), REPORTS, strict=True)
)
"""What a row of one report calls another report, as in `as 5 of the autoscaling report`."""

_TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_NUMBER: Final = re.compile(r"[A-Z]?\d+(?:\.\d)?")
_REFERENCE: Final = re.compile(
    rf"(?:as|those of) ((?:{_NUMBER.pattern}(?:, | and )?)+)(?: of the ({'|'.join(SHORT)}) report)?(?=$|[;:,.])"
)
"""At the beginning of a cell: what stands in the same cell of other rows."""
_REASONS: Final = ("not replayed: ", "nothing went wrong", "nothing was wrong")
"""How the replay of an incident begins that has none."""


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One row of docs/incidents.md."""

    report: str
    number: str
    symptom: str
    replay: str
    safeguard: str
    proof: str

    @property
    def replays(self) -> list[tuple[str, str]]:
        """File and name of the tests that make it happen."""
        return _TEST.findall(self.replay)

    @property
    def proofs(self) -> list[tuple[str, str]]:
        """File and name of the tests that show it stopped."""
        return _TEST.findall(self.proof)

    def references(self, cell: str) -> list[tuple[str, str]]:
        """Report and number of the rows that a cell of this one points to."""
        found = _REFERENCE.match(cell)
        if found is None:
            return []
        report = SHORT[found[2]] if found[2] else self.report
        return [(report, number) for number in _NUMBER.findall(found[1])]

    @property
    def accounted_for(self) -> bool:
        """Whether it has a test of either kind, or says why not or where else they are."""
        replayed = bool(self.replays or self.references(self.replay)) or self.replay.startswith(_REASONS)
        return replayed and bool(self.proofs or self.references(self.proof))


def unresolved(rows: Sequence[Incident]) -> list[str]:
    """References to a row that is not there, or that has nothing in that cell but a reference of its own."""
    by_place = {(row.report, row.number): row for row in rows}
    wrong: list[str] = []
    for row in rows:
        for name in ("replay", "safeguard", "proof"):
            for place in row.references(getattr(row, name)):
                meant = by_place.get(place)
                cell = "" if meant is None else getattr(meant, name)
                tests = bool(_TEST.search(cell)) or (name == "replay" and cell.startswith(_REASONS))
                if meant is None or not (tests or (name == "safeguard" and not meant.references(cell))):
                    wrong.append(f"{row.report}, {row.number}, {name}: {place[1]} of {place[0]}")
    return wrong


def incidents(text: str) -> list[Incident]:
    """The rows of all tables of docs/incidents.md, in their order.

    Raises:
        ValueError: A row lacks a cell.
    """
    found: list[Incident] = []
    report = ""
    for line in text.splitlines():
        if line.startswith("## "):
            report = line.removeprefix("## ")
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("| ") else []
        if cells and _NUMBER.fullmatch(cells[0]):
            if len(cells) != 5 or not all(cells):
                raise ValueError(f"incidents.md: {report}, {cells[0]}: five cells, none of them empty")
            number, symptom, replay, safeguard, proof = cells
            found.append(
                Incident(report=report, number=number, symptom=symptom, replay=replay, safeguard=safeguard, proof=proof)
            )
    return found


def tests_named(text: str) -> set[tuple[str, str]]:
    """File and name of every test that a page names."""
    return set(_TEST.findall(text))


def table() -> str:
    """One row a policy, in the order in which they run."""
    head = "| policy | looks at | severity | level | what it says |\n|---|---|---|---|---|\n"
    return head + "".join(map(_row, POLICIES))


def _row(policy: Policy) -> str:
    subject = "the stack" if isinstance(policy, StackValidationPolicy) else "each resource"
    severity = "" if policy.severity is None else policy.severity.name.lower()
    level = "blocks" if policy.enforcement_level is EnforcementLevel.MANDATORY else "advises"
    return f"| `{policy.name}` | {subject} | {severity} | {level} | {policy.description} |\n"


def with_table(text: str) -> str:
    """The document with the table as it is now."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> None:
    """Writes the table into the document."""
    path = FOLDER / "policies.md"
    path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
