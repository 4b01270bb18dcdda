"""What the program declares, kept for policies that judge resources together.

The engine shows such policies the outputs of every resource. At preview there are none of what belongs to a provider that
is not configured yet, and a cluster that does not exist yet configures none: of its objects only empty outputs would be
seen, and a first deployment would never be judged. Their inputs were seen before, one resource at a time, by the same
process. A resource that was seen in neither way counts as unknown, never as right.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final


class Inputs:
    """The inputs last seen of each resource, by URN."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, Mapping[str, Any]] = {}
        self._changes = 0

    def saw(self, urn: str, props: Mapping[str, Any]) -> None:
        """Notes the inputs of a resource; later ones replace earlier ones."""
        with self._lock:
            if self._seen.get(urn) is not props:
                self._seen[urn] = props
                self._changes += 1

    @property
    def changes(self) -> int:
        """How often other inputs than before were noted: with the same number everything is as it was."""
        return self._changes

    def of(self, urn: str) -> Mapping[str, Any] | None:
        """The inputs of a resource; None when it was never seen."""
        with self._lock:
            return self._seen.get(urn)


INPUTS: Final = Inputs()
