"""Faults on order: errors and delays the simulated cloud gives by a script, as the real one gives them by chance.

A stock-out, an exhausted quota or a lost answer cannot be waited for in a test or a rehearsal. Owns when a fault strikes
and what it does; the script's form is `sandbox.faults`', the texts are `fault_texts`'. Scripts live as long as the daemon.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from sandbox.clock import scaled
from sandbox.cloud import fault_texts
from sandbox.cloud.fault_texts import Target

if TYPE_CHECKING:
    from sandbox.faults import Fault, Script

Report = Callable[[str], None]

_REQUEST: Final = frozenset(
    {"quotaExceeded", "rateLimit", "operationInProgress", "clusterBusy", "serverError", "permissionDenied", "notFound"}
)
_OPERATION: Final = frozenset({"stockout", "slow", "neverEnding", "degraded"})
_RESPONSE: Final = frozenset({"responseLost"})


class Faults:
    """The faults still to come."""

    def __init__(self) -> None:
        self._script: Script | None = None
        self._seen: Counter[tuple[int, str]] = Counter()
        self._struck: Counter[tuple[int, str]] = Counter()
        self._lock = threading.Lock()
        self._forgotten = threading.Event()

    def play(self, script: Script) -> None:
        """Replaces the script; nothing has struck yet, and operations that are held go on."""
        with self._lock:
            self._script = script
            self._seen.clear()
            self._struck.clear()
            self._forgotten.set()
            self._forgotten = threading.Event()

    def clear(self) -> None:
        """Forgets all faults, and lets operations that are held go on."""
        from sandbox.faults import Script  # noqa: PLC0415 - a daemon without faults does without pydantic

        self.play(Script())

    def as_json(self) -> dict[str, Any]:
        """The script, and how often each of its faults has struck."""
        with self._lock:
            if self._script is None:
                return {"script": {}, "struck": []}
            struck = [
                sum(count for (fault, _), count in self._struck.items() if fault == index)
                for index in range(len(self._script.faults))
            ]
            return {"script": self._script.as_json(), "struck": struck}

    def refuse(self, verb: str, target: Target) -> None:
        """Raises the error with which a request is to be answered, if one is due.

        Raises:
            CloudError: what the fault says.
        """
        fault = self._due(_REQUEST, verb, target)
        if fault is None:
            return
        code = fault.code or {"serverError": 503, "rateLimit": 429}.get(fault.effect, 0)
        match fault.effect:
            case "quotaExceeded":
                raise fault_texts.quota_exceeded(target, fault.message)
            case "rateLimit":
                raise fault_texts.rate_limit(target, fault.message, code)
            case "operationInProgress":
                raise fault_texts.operation_in_progress(target, fault.message)
            case "clusterBusy":
                raise fault_texts.cluster_busy(target, fault.message)
            case "permissionDenied":
                raise fault_texts.permission_denied(target, fault.message, verb)
            case "notFound":
                raise fault_texts.secret_not_found(target, fault.message)
            case _:
                raise fault_texts.server_error(fault.message, code)

    def hold(self, verb: str, target: Target, held: Callable[[bool], None]) -> str | None:
        """Delays or breaks an operation, if that is due; `held` is told when it begins and ends to wait.

        Returns:
            The status message of a cluster that is to come up degraded.

        Raises:
            CloudError: how the operation is to fail.
        """
        with self._lock:
            forgotten = self._forgotten
        fault = self._due(_OPERATION, verb, target)
        if fault is None:
            return None
        if fault.effect == "stockout":
            zone = next((place for place in target.places if fnmatchcase(place, fault.match.zone)), "")
            raise fault_texts.stockout(target, fault.message, zone)
        if fault.effect == "degraded":
            return fault_texts.degraded(target, fault.message)
        held(True)
        forgotten.wait(None if fault.seconds is None else scaled(fault.seconds))
        held(False)
        return None

    def loses_response(self, verb: str, target: Target) -> bool:
        """Whether the answer to a request that was carried out is to be lost."""
        return self._due(_RESPONSE, verb, target) is not None

    def _due(self, effects: frozenset[str], verb: str, target: Target) -> Fault | None:
        with self._lock:
            if self._script is None:
                return None
            found = None
            for index, fault in self._matching(effects, verb, target):
                key = (index, target.id)
                self._seen[key] += 1
                attempt, struck = self._seen[key], self._struck[key]
                left = fault.count == "always" or struck < fault.count
                if found is None and attempt >= fault.attempt and left and self._drawn(index, fault, target, attempt):
                    found = fault
                    self._struck[key] += 1
            return found

    def _matching(self, effects: frozenset[str], verb: str, target: Target) -> Iterator[tuple[int, Fault]]:
        from sandbox.faults import ONLY_OPERATIONS, ONLY_TYPES  # noqa: PLC0415 - loaded with the script

        for index, fault in enumerate(self._script.faults if self._script else ()):
            wanted = fault.match
            if (
                fault.effect in effects
                and verb in ONLY_OPERATIONS.get(fault.effect, (verb,))
                and target.type in ONLY_TYPES.get(fault.effect, (target.type,))
                and wanted.operation in {verb, "*"}
                and fnmatchcase(target.type, wanted.type)
                and any(fnmatchcase(text, wanted.name) for text in (target.name, target.id))
                and (wanted.zone == "*" or any(fnmatchcase(place, wanted.zone) for place in target.places))
            ):
                yield index, fault

    def _drawn(self, index: int, fault: Fault, target: Target, attempt: int) -> bool:
        if fault.probability >= 1 or self._script is None:
            return fault.probability >= 1
        digest = hashlib.sha256(f"{self._script.seed}|{index}|{target.id}|{attempt}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64 < fault.probability
