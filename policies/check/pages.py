"""`python -m policies.check.pages`: writes docs/rules/, one page a policy, from metadata and examples.

Nothing on a page is written by hand: the words are the policy's own, and what it answers to its bad example is what it
answers. With `--check` nothing is written, and stale pages are named.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pulumi_policy import EnforcementLevel, Policy, ResourceValidationPolicy, Severity

from policies.check.examples import Example, example
from policies.check.matrix import matrix
from policies.framework import LOOKS_AT
from policies.pack import POLICIES

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "rules"
INDEX: Final = "README.md"
MATRIX: Final = "compatibility.md"
_GENERATED: Final = "<!-- Written by `make rules-docs` from the policy and its examples; do not edit. -->"
_INTRODUCTION: Final = (
    "The {} policies of the pack. Mandatory ones block a deployment, advisory ones are shown; the pack's configuration can "
    "change the level. [docs/check.md](../check.md) says how to run them on plain YAML, and [compatibility.md](compatibility.md) "
    "which versions they take to go together."
)
_ORDER: Final = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)


def pages(policies: Sequence[Policy]) -> dict[str, str]:
    """Every page by file name, the index and the versions that go together included.

    Raises:
        FileNotFoundError: A policy has no example.
    """
    return {
        INDEX: _index(policies),
        MATRIX: f"{_GENERATED}\n{matrix()}",
        **{f"{policy.name}.md": _page(policy, policies) for policy in policies},
    }


def stale(policies: Sequence[Policy], folder: Path = FOLDER) -> list[str]:
    """Names of the pages that are missing, differ, or belong to no policy."""
    wanted = pages(policies)
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    return sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))


def write(policies: Sequence[Policy], folder: Path = FOLDER) -> None:
    """Writes every page and removes those of policies that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = pages(policies)
    for path in folder.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


def _index(policies: Sequence[Policy]) -> str:
    rows = [
        f"| [{policy.name}]({policy.name}.md) | {policy.display_name} | {_severity(policy).value} | {_level(policy)} |"
        for policy in sorted(policies, key=lambda p: (_ORDER.index(_severity(p)), p.name))
    ]
    return "\n".join(
        [
            _GENERATED,
            "# Policies",
            "",
            _INTRODUCTION.format(len(policies)),
            "",
            "| policy | what holds when it is satisfied | severity | level |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _page(policy: Policy, policies: Sequence[Policy]) -> str:
    bad, good = example(policy.name, "bad"), example(policy.name, "good")
    answers = [message for name, message in bad.reports(policies) if name == policy.name]
    kinds = ", ".join(f"`{kind}`" for kind in sorted(LOOKS_AT.get(policy.name, ())))
    scope = "one resource at a time" if isinstance(policy, ResourceValidationPolicy) else "the stack as a whole"
    facts = [
        ("severity", _severity(policy).value),
        ("level", _level(policy)),
        ("judges", f"{scope}{f': {kinds}' if kinds else ''}"),
        ("tags", ", ".join(policy.tags or ())),
        ("control", _control(policy)),
    ]
    options = {
        name: schema.get("description", "")
        for name, schema in (policy.config_schema.properties if policy.config_schema else {}).items()
    }
    return "\n".join(
        [
            _GENERATED,
            f"# {policy.name}",
            "",
            f"**{policy.display_name}.** {policy.description}",
            "",
            "| | |",
            "|---|---|",
            *(f"| {name} | {value} |" for name, value in facts if value),
            "",
            "## How to fix it",
            "",
            policy.remediation_steps or "",
            "",
            "## Reported",
            "",
            *_code(bad),
            "",
            *(f"> {_quoted(answer)}\n" for answer in answers),
            "## Passes",
            "",
            *_code(good),
            "",
            *(_options(policy.name, options) if options else []),
        ]
    )


def _code(shown: Example) -> list[str]:
    lines = [f"```{shown.language}", shown.text.rstrip("\n"), "```"]
    if shown.config is None:
        return lines
    config = shown.config.read_text(encoding="utf-8").rstrip("\n")
    return [*lines, "", "With this configuration of the pack:", "", "```json", config, "```"]


def _options(name: str, options: dict[str, str]) -> list[str]:
    rows = [f"| `{option}` | {description} |" for option, description in sorted(options.items())]
    return [
        "## Options",
        "",
        f"Under `{name}` in the pack's configuration:",
        "",
        "| option | meaning |",
        "|---|---|",
        *rows,
        "",
    ]


def _quoted(message: str) -> str:
    """The message as Markdown shows it unchanged, on one line."""
    return re.sub(r"([\\`*_<>#|\[\]])", r"\\\1", message.replace("\n", " "))


def _control(policy: Policy) -> str:
    framework = policy.framework
    parts = (framework.name, framework.version, framework.specification) if framework else ()
    return " ".join(part for part in parts if part)


def _severity(policy: Policy) -> Severity:
    return policy.severity or Severity.MEDIUM


def _level(policy: Policy) -> str:
    return (policy.enforcement_level or EnforcementLevel.MANDATORY).value


def main(arguments: Sequence[str]) -> int:
    """Writes the pages; with `--check` only says which are stale."""
    if list(arguments) not in ([], ["--check"]):
        sys.stderr.write("error: write `python -m policies.check.pages`, with --check or nothing.\n")
        return 2
    try:
        if not arguments:
            write(POLICIES)
            return 0
        names = stale(POLICIES)
    except FileNotFoundError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    if names:
        sys.stderr.write(f"error: docs/rules is stale ({', '.join(names)}). Run: make rules-docs\n")
    return int(bool(names))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
