"""For programs: the whole result as one JSON object. Keys are only ever added within a version."""

from __future__ import annotations

import json
from typing import Any, Final

from policies.check.result import Finding, Result

VERSION: Final = 1


def render(result: Result) -> str:
    """The result as JSON."""
    content: dict[str, Any] = {
        "version": VERSION,
        "summary": {
            "errors": result.errors,
            "warnings": result.warnings,
            "objects": result.objects,
            "files": result.files,
            "policies": len(result.policies),
        },
        "findings": [_finding(finding) for finding in result.findings],
        "notes": list(result.notes),
        "problems": [{"file": p.file, "line": p.line, "message": p.message} for p in result.problems],
    }
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def _finding(finding: Finding) -> dict[str, Any]:
    about = finding.about
    return {
        "policy": finding.policy.name,
        "rule": finding.rule,
        "level": "error" if finding.blocks else "warning",
        "severity": finding.severity.value,
        "file": finding.file,
        "line": finding.line or None,
        "object": about.urn if about else None,
        "apiVersion": about.api_version if about else None,
        "kind": about.kind if about else None,
        "path": finding.path,
        "message": finding.message,
        "page": finding.policy.url,
    }
