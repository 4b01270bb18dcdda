"""For GitHub Actions: workflow commands that become annotations on the changed files."""

from __future__ import annotations

from policies.check.formats.text import summary
from policies.check.result import Finding, Result


def render(result: Result) -> str:
    """One command a line, then the summary as plain text for the log."""
    lines = [_annotation(finding) for finding in result.findings]
    lines += [f"::notice title=policy check::{_data(note)}" for note in result.notes]
    for problem in result.problems:
        line = f",line={problem.line}" if problem.line else ""
        lines.append(f"::error file={_property(problem.file)}{line},title=policy check::{_data(problem.message)}")
    return "\n".join([*lines, _data(summary(result))]) + "\n"


def _annotation(finding: Finding) -> str:
    level = "error" if finding.blocks else "warning"
    title = _property(f"{finding.policy.name} ({finding.severity.value})")
    page = f" See {finding.policy.url}." if finding.policy.url else ""
    place = f"file={_property(finding.file)},line={finding.line}," if finding.file else ""
    return f"::{level} {place}title={title}::{_data(finding.message + page)}"


def _data(text: str) -> str:
    """Escaped as @actions/core does it: a line break would end the command and start another."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
