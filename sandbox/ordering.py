"""Ordering faults from the running cloud, and keeping to its speed: what `make up FAULTS=… SPEED=…` does around the engine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from sandbox import clock, daemon

if TYPE_CHECKING:
    from sandbox.faults import Script


def script(path: str) -> Script:
    """The fault script in a file.

    Raises:
        CloudError: it cannot be used.
    """
    from sandbox import faults  # noqa: PLC0415 - most commands order none
    from sandbox.gcp.catalog import TYPES  # noqa: PLC0415 - as above

    try:
        return faults.load(Path(path), [kind.kind for kind in TYPES.values()])
    except faults.FaultScriptError as error:
        raise daemon.CloudError(str(error)) from None


def play(home: Path, ordered: Script) -> None:
    """Has the running cloud follow a script from its beginning; operations that an earlier one held go on."""
    daemon.ask(home, "/faults", method="PUT", body=ordered.as_json())


def active(home: Path) -> int:
    """How many faults the running cloud has in its script."""
    return len(daemon.ask(home, "/faults")["struck"])


def command(home: Path, what: str) -> int:
    """`python -m sandbox faults PATH|show|clear`."""
    if what == "clear":
        daemon.ask(home, "/faults", method="DELETE")
    elif what != "show":
        play(home, script(what))
    answer = daemon.ask(home, "/faults")
    sys.stdout.write(_told(answer))
    return 0


def follow_speed(home: Path) -> str | None:
    """Takes on the speed of the running cloud, which it keeps until it ends; answers a warning if another was asked for."""
    running = str((daemon.address(home) or {}).get("speed", ""))
    asked = os.environ.get(clock.SPEED, "")
    if running:
        os.environ[clock.SPEED] = running
    else:
        os.environ.pop(clock.SPEED, None)
    if not asked or asked == running:
        return None
    return f"the sandbox keeps the speed it was started with ({running or 'none was chosen'}). For {asked}: make down first."


def _told(answer: Mapping[str, Any]) -> str:
    faults: list[dict[str, Any]] = answer["script"].get("faults") or []
    if not faults:
        return "no faults are ordered\n"
    lines = [
        f"struck {struck:3} times  {yaml.safe_dump(fault, default_flow_style=True, sort_keys=False, width=200).strip()}"
        for fault, struck in zip(faults, answer["struck"], strict=True)
    ]
    return "".join(f"{line}\n" for line in lines)
