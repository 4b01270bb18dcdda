"""What a check found, in the order everybody reports it.

Owns the path from a policy's message back to the line it is about. Formats do not look any further in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from pulumi_policy import EnforcementLevel, Policy, Severity

from policies.check.evaluate import PolicyCrashError, evaluate, resource
from policies.check.objects import Input, KubernetesObject, Problem, read
from policies.check.settings import PackConfig
from policies.check.view import View

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MESSAGE: Final = re.compile(r"\[(?P<rule>[^\]]*)\] .*?: (?P<path>\S.*?) is ", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation, with its place."""

    policy: Policy
    blocks: bool
    """Whether it fails the check; else it warns."""
    rule: str
    path: str
    """Dotted path of the field; empty if the message names none."""
    message: str
    about: KubernetesObject | None
    """None for what is about the input as a whole."""
    line: int
    """From 1; 0 where there is no object."""

    @property
    def place(self) -> str:
        """`FILE:LINE`; empty where there is no object."""
        return f"{printable(self.about.file)}:{self.line}" if self.about else ""

    @property
    def file(self) -> str | None:
        """The file it is in."""
        return self.about.file if self.about else None

    @property
    def severity(self) -> Severity:
        """The policy's severity."""
        return self.policy.severity or Severity.MEDIUM


@dataclass(frozen=True, slots=True)
class Result:
    """Everything a check found."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    """What was passed over, or could not be judged."""
    problems: tuple[Problem, ...] = ()
    objects: int = 0
    files: int = 0
    policies: tuple[Policy, ...] = field(default=())
    """The policies that ran."""

    @property
    def errors(self) -> int:
        """How many findings block."""
        return sum(1 for finding in self.findings if finding.blocks)

    @property
    def warnings(self) -> int:
        """How many findings do not block."""
        return len(self.findings) - self.errors

    @property
    def exit_code(self) -> int:
        """0 clean, 1 violations, 2 input that was not checked."""
        return 2 if self.problems else int(self.errors > 0)


def printable(text: str) -> str:
    """The text on one line and without control characters.

    A manifest of a pull request must neither rewrite the reader's terminal nor write commands into the log of a CI job.
    """
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def check(
    paths: Sequence[str],
    stdin: BinaryIO,
    policies: Sequence[Policy],
    *,
    config: PackConfig | None = None,
    namespace: str | None = None,
    complete: bool = False,
) -> Result:
    """Reads the paths and judges what is in them; never raises for bad input."""
    return judge(read(paths, stdin), policies, config=config, namespace=namespace, complete=complete)


def judge(
    found: Input,
    policies: Sequence[Policy],
    *,
    config: PackConfig | None = None,
    namespace: str | None = None,
    complete: bool = False,
) -> Result:
    """Judges objects that were read."""
    settings = config or PackConfig()
    objects = {item.urn: item for item in found.objects}
    resources = [
        resource(item.token, item.urn, item.urn, item.body.value, namespace=namespace) for item in found.objects
    ]
    view = View(resources, complete=complete)
    findings: list[Finding] = []
    notes: list[str] = []
    left_out = 0
    problems = list(found.problems)
    try:
        for violation in evaluate(policies, resources, settings):
            blocks = violation.level is EnforcementLevel.MANDATORY
            about = objects.get(violation.urn or "")
            finding = _finding(violation.policy, violation.message, about, blocks=blocks)
            if view.may_speak(violation.policy, finding.rule, violation.urn):
                findings.append(finding)
            else:
                left_out += 1
    except PolicyCrashError as error:
        problems.append(Problem("policies", None, str(error)))
    if left_out:
        notes.append(
            f"{left_out} finding(s) were left out, because what they miss may be declared in files that are not in view, "
            "or because another controller than GKE's serves the route. --complete shows them."
        )
    if found.passed_over:
        notes.append(f"{found.passed_over} document(s) that are no Kubernetes objects were passed over.")
    order = {policy.name: index for index, policy in enumerate(policies)}
    findings.sort(key=lambda f: (f.file or "", f.line, order[f.policy.name], f.message))
    active = tuple(policy for policy in policies if settings.level(policy) is not EnforcementLevel.DISABLED)
    problems = [Problem(printable(p.file), p.line, printable(p.message)) for p in problems]
    return Result(tuple(findings), tuple(notes), tuple(problems), len(found.objects), found.files, active)


def _finding(policy: Policy, message: str, about: KubernetesObject | None, *, blocks: bool) -> Finding:
    match = _MESSAGE.match(message)
    rule, path = (match["rule"], match["path"]) if match else ("", "")
    return Finding(policy, blocks, rule, path, printable(message), about, about.body.find(path) if about else 0)
