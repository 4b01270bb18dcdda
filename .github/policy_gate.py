#!/usr/bin/env python3
"""Fails a pull request when a policy objects to a stack, or could not run: `policy_gate.py STACK [pulumi options]`.

Owns the second half of the gate. Where a policy reads a value that is only known after an update, the policy SDK for Python
gives it up and says so in one line of advice; a mandatory policy has then judged nothing, and the preview is green all the
same. The engine's event stream has that line, and every violation with its resource, whatever the display shows. Does not
judge anything itself and does not comment; it needs nothing but Python and `pulumi`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

GIVEN_UP = "can't run policy"
"""How the policy SDK begins its advice that a policy did not run (pulumi-policy 1.21.0)."""
_COLOURS = re.compile(r"<\{%.*?%\}>|\x1b\[[0-9;]*m")


def problems(lines: Iterable[str]) -> list[str]:
    """What the engine's events, one JSON object a line, say against going on; empty when nothing does."""
    found: dict[str, None] = {}
    packs = 0
    for line in lines:
        try:
            event: dict[str, Any] = json.loads(line)
        except ValueError:
            continue  # what plugins print while they are installed
        packs += "policyLoadEvent" in event
        violation = event.get("policyEvent")
        if violation is None:
            continue
        message = " ".join(_COLOURS.sub("", violation.get("message", "")).split())
        if violation.get("enforcementLevel") == "mandatory" or GIVEN_UP in message:
            found[f"{violation.get('policyName', '')}: {message}{_resource(violation.get('resourceUrn', ''))}"] = None
    if packs == 0:
        return ["no policy pack was loaded, so nothing was checked"]
    return list(found)


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
    found = problems(ran.stdout.splitlines())
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
