"""For CI servers: JUnit XML, one suite a policy, so that a policy that found nothing shows as passed.

Warnings pass, with their text as output, because JUnit knows no weaker failure.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from policies.check.result import Finding, Result

_FORBIDDEN: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry, not even escaped."""


def render(result: Result) -> str:
    """The result as one XML document."""
    by_policy: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in result.findings:
        by_policy[finding.policy.name].append(finding)
    suites: list[str] = []
    tests = 0
    for policy in result.policies:
        found = by_policy[policy.name]
        cases = [_case(finding) for finding in found] or [f"    <testcase {_name(policy.name, 'all objects')}/>"]
        tests += len(cases)
        failures = sum(1 for finding in found if finding.blocks)
        suites.append(_suite(policy.name, cases, failures=failures, errors=0))
    if result.problems:
        cases = [
            f"    <testcase {_name('input', problem.file)}><error message={_attribute(str(problem))}/></testcase>"
            for problem in result.problems
        ]
        tests += len(cases)
        suites.append(_suite("input", cases, failures=0, errors=len(cases)))
    head = (
        f'<testsuites name="policy check" tests="{tests}" failures="{result.errors}" errors="{len(result.problems)}">'
    )
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *suites, "</testsuites>"]) + "\n"


def _suite(name: str, cases: list[str], *, failures: int, errors: int) -> str:
    head = f'  <testsuite name={_attribute(name)} tests="{len(cases)}" failures="{failures}" errors="{errors}">'
    return "\n".join([head, *cases, "  </testsuite>"])


def _case(finding: Finding) -> str:
    urn = finding.about.urn if finding.about else ""
    head = f"    <testcase {_name(finding.policy.name, f'{urn} {finding.path}'.strip() or 'all objects')}"
    place = f' file={_attribute(finding.file)} line="{finding.line}">' if finding.file else ">"
    text = f"{finding.place}: {finding.message}" if finding.place else finding.message
    if finding.blocks:
        severity = _attribute(finding.severity.value)
        inner = f"<failure type={severity} message={_attribute(finding.message)}>{_text(text)}</failure>"
    else:
        inner = f"<system-out>{_text(f'warning: {text}')}</system-out>"
    return f"{head}{place}{inner}</testcase>"


def _name(policy: str, name: str) -> str:
    return f"classname={_attribute(policy)} name={_attribute(name)}"


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))
