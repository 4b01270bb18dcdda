"""The pack's examples: for each policy one input that it reports and one that passes, kept as files.

`policies/examples/<policy>/{bad,good}.yaml` hold Kubernetes objects; `.json` holds resources of a Pulumi program, as
`[{type, name, properties, dependsOn}]`, where Google Cloud is involved, or what waits for what. `bad.config.json` is the pack's
configuration for it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final, cast

from pulumi_policy import Policy

from policies.check.evaluate import evaluate, resource
from policies.check.result import check
from policies.check.settings import PackConfig, load

FOLDER: Final = Path(__file__).resolve().parent.parent / "examples"


@dataclass(frozen=True, slots=True)
class Example:
    """One input."""

    text: str
    language: str
    """`yaml` or `json`."""
    path: Path
    config: Path | None

    def reports(self, policies: Sequence[Policy]) -> list[tuple[str, str]]:
        """What the policies say about it, as policy name and message.

        Raises:
            ValueError: The example itself cannot be read; the message says why.
        """
        settings = load(self.config, policies) if self.config else PackConfig()
        if self.language == "json":
            entries = cast("list[dict[str, Any]]", json.loads(self.text))
            resources = [
                resource(e["type"], e["name"], f"urn:pulumi:dev::example::{e['type']}::{e['name']}", e["properties"])
                for e in entries
            ]
            for entry, made in zip(entries, resources, strict=True):
                made.dependencies += [other for other in resources if other.name in entry.get("dependsOn", ())]
            return [(v.policy.name, v.message) for v in evaluate(policies, resources, settings)]
        result = check(["-"], BytesIO(self.text.encode()), policies, config=settings)
        if result.problems:
            raise ValueError(f"{self.path}: {result.problems[0]}")
        return [(finding.policy.name, finding.message) for finding in result.findings]


def example(policy: str, verdict: str) -> Example:
    """The policy's example; `verdict` is `bad` or `good`.

    Raises:
        FileNotFoundError: The policy has no such example; the message says where to write it.
    """
    for language in ("yaml", "json"):
        path = FOLDER / policy / f"{verdict}.{language}"
        if path.exists():
            config = path.with_name(f"{verdict}.config.json")
            return Example(path.read_text(encoding="utf-8"), language, path, config if config.exists() else None)
    raise FileNotFoundError(f"{policy} has no example: write policies/examples/{policy}/{verdict}.yaml (or .json).")
