"""For code scanning: SARIF 2.1.0 (OASIS), as GitHub takes it.

Findings carry a fingerprint of policy, object and field, so that an alert stays the same when lines move. What is about
no file (exemptions, unreadable input) is a notification of the run, since code scanning refuses results without a place.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from pulumi_policy import EnforcementLevel, Policy, Severity

from policies.check.result import Finding, Result

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_SECURITY_SEVERITY: Final = {
    Severity.LOW: "3.0",
    Severity.MEDIUM: "5.5",
    Severity.HIGH: "8.0",
    Severity.CRITICAL: "9.5",
}
"""GitHub's scale (CVSS bands) for sorting alerts of rules tagged `security`."""


def render(result: Result) -> str:
    """The result as one SARIF log."""
    index = {policy.name: number for number, policy in enumerate(result.policies)}
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "gke-tpu-inference policies",
                "semanticVersion": "0.1.0",
                "rules": [_rule(policy) for policy in result.policies],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, index[finding.policy.name]) for finding in result.findings if finding.about],
        "invocations": [
            {
                "executionSuccessful": not result.problems,
                "exitCode": result.exit_code,
                "toolExecutionNotifications": _notifications(result),
            }
        ],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=True) + "\n"


def _rule(policy: Policy) -> dict[str, Any]:
    remedy = policy.remediation_steps or ""
    page = f" See {policy.url}." if policy.url else ""
    advisory = policy.enforcement_level is EnforcementLevel.ADVISORY
    properties: dict[str, Any] = {
        "tags": list(policy.tags or ()),
        "precision": "high",
        "problem.severity": "warning" if advisory else "error",
    }
    if "security" in properties["tags"]:
        properties["security-severity"] = _SECURITY_SEVERITY[policy.severity or Severity.MEDIUM]
    return {
        "id": policy.name,
        "name": "".join(part.capitalize() for part in policy.name.split("-")),
        "shortDescription": {"text": policy.display_name or policy.description},
        "fullDescription": {"text": policy.description},
        "help": {
            "text": f"{policy.description} {remedy}{page}",
            "markdown": f"{policy.description}\n\n**Remedy:** {remedy}{page}",
        },
        "defaultConfiguration": {"level": "warning" if advisory else "error"},
        "properties": properties,
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    about = finding.about
    identity = f"{about.kind} {about.name} {finding.path}" if about else ""
    key = f"{finding.policy.name}\n{finding.rule}\n{identity}"
    return {
        "ruleId": finding.policy.name,
        "ruleIndex": index,
        "level": _level(finding),
        "message": {"text": finding.message},
        "locations": [
            {
                **_place(finding.file or "", finding.line),
                "logicalLocations": [{"fullyQualifiedName": identity, "kind": "object"}],
            }
        ],
        "partialFingerprints": {"objectField/v1": hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()},
    }


def _level(finding: Finding) -> str:
    return "error" if finding.blocks else "warning"


def _notifications(result: Result) -> list[dict[str, Any]]:
    notes: list[dict[str, Any]] = [
        {"level": _level(finding), "message": {"text": finding.message}, "associatedRule": {"id": finding.policy.name}}
        for finding in result.findings
        if not finding.about
    ]
    notes += [{"level": "note", "message": {"text": note}} for note in result.notes]
    for problem in result.problems:
        place = [_place(problem.file, problem.line or 1)]
        notes.append({"level": "error", "message": {"text": problem.message}, "locations": place})
    return notes


def _place(file: str, line: int) -> dict[str, Any]:
    path = Path(file)
    uri = path.as_uri() if path.is_absolute() else quote(path.as_posix(), safe="/~", errors="surrogateescape")
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}}
