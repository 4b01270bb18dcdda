"""The table of policies in docs/policies.md, from the pack itself: `python -m tests.incidents.documentation` writes it.

Owns what stands between the two marks in that file, and nothing else of it; and how docs/incidents.md is read, whose tables are
written by hand and must list every numbered incident of every report.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pulumi_policy import EnforcementLevel, Policy, StackValidationPolicy

from policies.pack import POLICIES

FOLDER = Path(__file__).resolve().parents[2] / "docs"
BEGIN, END = "<!-- policies: begin -->\n", "<!-- policies: end -->\n"

REPORTS: Final[Mapping[str, tuple[str, ...]]] = {
    "Deployment of vLLM on TPU v6e": (
        *(str(number) for number in range(1, 16) if number not in {10, 11}),
        *(f"H{number}" for number in range(1, 6)),
    ),
    "Health checks of the Gateway": ("1", "2", "3", "4", "5"),
    "HTTPS in front of plain HTTP": ("1", "2", "3", "4", "5", "6", "7"),
    "Autoscaling of a plain HTTP service": ("1", "2", "3", "4", "5", "6"),
    "Health probes of a model server": ("1", "2", "3", "4", "5"),
}
"""What each report numbers, in its order, by the heading under which docs/incidents.md has it."""

_TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_NUMBER: Final = re.compile(r"H?\d+")
_NOTHING: Final = ("not replayed: ", "nothing went wrong", "nothing was wrong", "those of ", "as ")
"""How the replay of an incident begins that has none of its own: the reason, or where it is."""


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

    @property
    def accounted_for(self) -> bool:
        """Whether it has a test of either kind, or says why not or where else they are."""
        replayed = bool(self.replays) or self.replay.startswith(_NOTHING)
        return replayed and (bool(self.proofs) or self.proof.startswith(("those of ", "as ")))


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
