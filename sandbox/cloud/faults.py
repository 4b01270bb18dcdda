"""Scripted faults: errors and delays the simulated cloud gives on demand, as the real one gives them by chance.

A stock-out, an exhausted quota or a server error cannot be waited for in a test or a rehearsal, so they are ordered: each
fault says which request or which operation it strikes and how many times. A delay makes an operation as slow as on the
real cloud, where a cluster takes minutes, so that something can be killed in the middle of it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, Literal, cast

from sandbox.cloud.errors import CloudError, bad_request

Stage = Literal["request", "operation"]
_STAGES: Final = ("request", "operation")
_VERBS: Final = ("create", "get", "update", "delete", "*")


@dataclass
class Fault:
    """One fault: strikes requests of `verb` for resources whose type and id match the globs, `times` times."""

    verb: str
    type: str
    id: str
    stage: Stage
    error: CloudError | None
    times: int
    delay: float = 0.0
    """Seconds the operation waits first; forgetting all faults ends the wait."""

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Fault:
        """Reads `{"verb", "type", "id", "stage", "times", "delay", "error": {"code", "message", "reason"}}`.

        `delay` is in seconds and for operations only; `error` may be left out where there is a delay.

        Raises:
            CloudError: 400, naming the field that is wrong.
        """
        verb, stage = str(body.get("verb", "*")), str(body.get("stage", "request"))
        if verb not in _VERBS:
            raise bad_request(f"fault.verb: '{verb}' is none of {', '.join(_VERBS)}")
        if stage not in _STAGES:
            raise bad_request(f"fault.stage: '{stage}' is none of {', '.join(_STAGES)}")
        delay = body.get("delay", 0)
        if not isinstance(delay, int | float) or delay < 0:
            raise bad_request(f"fault.delay: {delay!r} is no number of seconds; write one such as 30")
        if delay and stage != "operation":
            raise bad_request('fault.delay: requests cannot be delayed, operations can; write "stage": "operation"')
        error = None if delay and "error" not in body else _error(body.get("error"))
        times = int(body.get("times", 1))
        return cls(verb, str(body.get("type", "*")), str(body.get("id", "*")), stage, error, times, float(delay))


def _error(given: Any) -> CloudError:
    error = cast(dict[str, Any], given or {})
    if not isinstance(error.get("code"), int) or not error.get("message"):
        raise bad_request('fault.error: write {"code": 503, "message": "…", "reason": "backendError"}')
    return CloudError(int(error["code"]), str(error["message"]), str(error.get("reason", "backendError")))


class Faults:
    """The faults still to come."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._forgotten = threading.Event()

    def add(self, fault: Fault) -> None:
        """Orders one more fault."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Forgets all faults, and ends the delays that are being waited for."""
        with self._lock:
            self._faults.clear()
            self._forgotten.set()
            self._forgotten = threading.Event()

    def strike(self, stage: Stage, verb: str, kind: str, resource_id: str) -> None:
        """Waits for and raises what the first fault that is due here says, and counts it.

        Raises:
            CloudError: what the fault says.
        """
        with self._lock:
            fault, forgotten = self._due(stage, verb, kind, resource_id), self._forgotten
            if fault is None:
                return
            fault.times -= 1
        forgotten.wait(fault.delay)
        if fault.error is not None:
            raise fault.error

    def _due(self, stage: Stage, verb: str, kind: str, resource_id: str) -> Fault | None:
        for fault in self._faults:
            here = fault.stage == stage and fault.verb in {verb, "*"} and fault.times > 0
            if here and fnmatchcase(kind, fault.type) and fnmatchcase(resource_id, fault.id):
                return fault
        return None
