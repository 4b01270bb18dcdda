#!/usr/bin/env python3
"""Fails a pull request when a policy objects to a stack, or could not run, or a cluster would go: `policy_gate.py STACK […]`.

Owns the second half of the gate. Where a policy reads a value that is only known after an update, the policy SDK for Python
gives it up and says so in one line of advice; a mandatory policy has then judged nothing, and the preview is green all the
same. The engine's event stream has that line, and every violation with its resource, whatever the display shows. It also has
what no policy is ever shown: which resources would be deleted or replaced. Where that loses what is hard to get back, the gate
fails unless `.github/planned-losses.json` names the resource. Does not judge values and does not comment; it needs nothing but
Python and `pulumi`. Options after STACK go to `pulumi preview`.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

GIVEN_UP = "can't run policy"
"""How the policy SDK begins its advice that a policy did not run (pulumi-policy 1.21.0)."""
LOSSES = Path(".github/planned-losses.json")
"""What may be lost: a list of {stack, urn, reason, owner, expires}, `urn` a glob and `expires` the last day, YYYY-MM-DD."""
PRECIOUS = {
    "gcp:container/cluster:Cluster": "every node and workload in it goes, and its address changes",
    "gcp:container/nodePool:NodePool": "its pods end at once, and TPU machines that are given back may not be had again",
    "gcp:compute/address:Address": "the address is given back, and DNS and clients still use it",
    "gcp:compute/globalAddress:GlobalAddress": "the address is given back, and DNS and clients still use it",
    "gcp:storage/bucket:Bucket": "its objects go with it",
}
"""Types of resources whose loss is called out, and what is lost."""
_LOST = {"delete": "deleted", "replace": "replaced"}
_COLOURS = re.compile(r"<\{%.*?%\}>|\x1b\[[0-9;]*m")


def problems(lines: Iterable[str], planned: Sequence[str] = ()) -> list[str]:
    """What the engine's events, one JSON object a line, say against going on; empty when nothing does.

    `planned` are globs over URNs whose loss is agreed.
    """
    found: dict[str, None] = {}
    packs = 0
    for line in lines:
        try:
            event: dict[str, Any] = json.loads(line)
        except ValueError:
            continue  # what plugins print while they are installed
        if not isinstance(event, dict):
            continue
        packs += "policyLoadEvent" in event
        step = event.get("resourcePreEvent", {}).get("metadata", {})
        if (loss := _loss(step)) and not any(fnmatchcase(step.get("urn", ""), glob) for glob in planned):
            found[loss] = None
        violation = event.get("policyEvent")
        if violation is None:
            continue
        message = " ".join(_COLOURS.sub("", violation.get("message", "")).split())
        if violation.get("enforcementLevel") == "mandatory" or GIVEN_UP in message:
            found[f"{violation.get('policyName', '')}: {message}{_resource(violation.get('resourceUrn', ''))}"] = None
    if packs == 0:
        return ["no policy pack was loaded, so nothing was checked"]
    return list(found)


def _loss(step: Mapping[str, Any]) -> str:
    """What a step of the plan loses; nothing for a step that loses nothing, or nothing that is hard to get back."""
    how, lost = _LOST.get(step.get("op", "")), PRECIOUS.get(step.get("type", ""))
    if how is None or lost is None:
        return ""
    why = ", ".join(step.get("keys") or step.get("diffs") or ())
    cause = f" because of {why}" if how == "replaced" and why else ""
    return f"it would be {how}{cause}: {lost}. If that is meant, name it in {LOSSES}{_resource(step.get('urn', ''))}"


def planned_losses(stack: str, content: str, today: dt.date) -> list[str]:
    """The globs that hold for a stack today.

    Raises:
        ValueError: An entry lacks what says for what, why, by whom and until when.
    """
    globs: list[str] = []
    for index, entry in enumerate(json.loads(content)):
        lacking = [name for name in ("stack", "urn", "reason", "owner", "expires") if not entry.get(name)]
        if lacking:
            message = f"{LOSSES}: entry {index} lacks {', '.join(lacking)}"
            raise ValueError(message)
        if entry["stack"] == stack and dt.date.fromisoformat(entry["expires"]) >= today:
            globs.append(entry["urn"])
    return globs


def _resource(urn: str) -> str:
    """The resource's type and name in brackets; nothing where the event names none."""
    parts = urn.split("::", 3)
    return f" [{parts[2].split('$')[-1]} {parts[3]}]" if len(parts) == 4 else ""


def _annotation(title: str, text: str) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::error title={title}::{escaped}\n"


def main(arguments: Sequence[str]) -> int:
    """Previews the stack with the policy pack; 0 when the preview succeeds and every policy ran and agrees."""
    if not arguments:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    stack, *options = arguments
    command = [
        "pulumi",
        "preview",
        "--stack",
        stack,
        "--policy-pack",
        "policies",
        "--json",
        "--non-interactive",
        *options,
    ]
    levels = Path("policies/config") / f"{stack}.json"
    if levels.exists() and "--policy-pack-config" not in options:
        command += ["--policy-pack-config", str(levels)]
    environment = {**os.environ, "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"}
    try:
        ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    except FileNotFoundError:
        sys.stdout.write(_annotation(f"Preview ({stack})", "there is no pulumi on PATH; install it before this step"))
        return 1
    try:
        planned = planned_losses(stack, LOSSES.read_text(encoding="utf-8"), dt.datetime.now(dt.UTC).date())
    except FileNotFoundError:
        planned = []
    except (ValueError, TypeError, AttributeError) as error:
        sys.stdout.write(_annotation(f"Preview ({stack})", f"{LOSSES} cannot be used: {error}"))
        return 1
    found = problems(ran.stdout.splitlines(), planned)
    for problem in found:
        sys.stdout.write(_annotation(f"Policy ({stack})", problem))
    if ran.returncode != 0 and not found:
        sys.stdout.write(_annotation(f"Preview ({stack})", "the preview failed; the log of this step says why"))
        sys.stdout.write(ran.stdout[-4000:])
    if ran.returncode == 0 and not found:
        sys.stdout.write(f"Every policy ran on stack {stack}, and none objects.\n")
    return int(ran.returncode != 0 or bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
