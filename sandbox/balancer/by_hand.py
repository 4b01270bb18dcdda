"""Health checks that somebody has changed by hand, as with `gcloud compute health-checks update`, and GKE puts back.

Owns the file in which the REST face leaves such a change, and for how long it holds: until GKE's Gateway controller looks again.
Only the path can be changed, which is what operators tried.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from rules.timing import HEALTH_CHECK_PUT_BACK_SECONDS
from sandbox.balancer.specs import BackendSpec
from sandbox.clock import scaled
from sandbox.cluster.files import stamp, write_private

_FILE: Final = "health-checks-by-hand.json"


def change(directory: Path, backend: str, path: str) -> None:
    """Has the health check of the backend with that key ask for `path`, in the cluster whose files are in `directory`."""
    file = directory / "run" / _FILE
    entry = {"requestPath": path, "until": time.time() + scaled(HEALTH_CHECK_PUT_BACK_SECONDS)}
    write_private(file, json.dumps({**_holding(file), backend: entry}))


class ByHand:
    """The changes of one cluster. `over` lays them over what the cluster's objects ask for."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "run" / _FILE
        self._version = None
        self._until = math.inf

    @property
    def is_due(self) -> bool:
        """Whether a change has come, or one is over. Asked all the time, so nothing is read."""
        return stamp(self._file) != self._version or time.time() >= self._until

    def over(self, backends: Mapping[str, BackendSpec]) -> dict[str, BackendSpec]:
        """The backends with the changes that hold now."""
        self._version = stamp(self._file)  # before the file is read: what comes in between is seen next time
        holding = _holding(self._file)
        self._until = min((entry["until"] for entry in holding.values()), default=math.inf)
        paths = {key: str(entry["requestPath"]) for key, entry in holding.items()}
        return {
            key: replace(spec, check=replace(spec.check, path=paths.get(key, spec.check.path)))
            for key, spec in backends.items()
        }


def _holding(file: Path) -> dict[str, Any]:
    """The changes that are not put back yet, by the key of their backend."""
    try:
        content: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return {key: entry for key, entry in content.items() if entry["until"] > time.time()}
