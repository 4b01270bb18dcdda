"""For people: one finding a paragraph, with the place first so that editors and terminals can open it."""

from __future__ import annotations

from policies.check.result import Finding, Result


def render(result: Result) -> str:
    """The report and its summary."""
    parts = [_paragraph(finding) for finding in result.findings]
    parts += [f"note: {note}" for note in result.notes]
    parts += [f"error: {problem}" for problem in result.problems]
    parts.append(summary(result))
    return "\n".join(parts) + "\n"


def summary(result: Result) -> str:
    """One line that says what was looked at and what came of it."""
    looked = f"{_count(result.objects, 'object')} in {_count(result.files, 'file')}, {len(result.policies)} policies"
    found = f"{_count(result.errors, 'error')}, {_count(result.warnings, 'warning')}"
    unread = f"; {_count(len(result.problems), 'problem')} with the input" if result.problems else ""
    return f"{found}{unread} ({looked})."


def _paragraph(finding: Finding) -> str:
    level = "error" if finding.blocks else "warning"
    policy = finding.policy
    page = f" · {policy.url}" if policy.url else ""
    place = f"{finding.place}: " if finding.place else ""
    return f"{place}{level}: {finding.message}\n    {policy.name} · {finding.severity.value}{page}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
