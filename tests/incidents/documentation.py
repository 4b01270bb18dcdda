"""The table of policies in docs/policies.md, from the pack itself: `python -m tests.incidents.documentation` writes it.

Owns what stands between the two marks in that file, and nothing else of it.
"""

from __future__ import annotations

from pathlib import Path

from pulumi_policy import EnforcementLevel, Policy, StackValidationPolicy

from policies.pack import POLICIES

FOLDER = Path(__file__).resolve().parents[2] / "docs"
BEGIN, END = "<!-- policies: begin -->\n", "<!-- policies: end -->\n"


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
