"""Scripted faults: errors the simulated cloud gives on demand, as the real one gives them by chance.

A stock-out, an exhausted quota or a server error cannot be waited for in a test or a rehearsal, so they are ordered: each
fault says which request or which operation it strikes and how many times.
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
    error: CloudError
    times: int

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Fault:
        """Reads `{"verb", "type", "id", "stage", "times", "error": {"code", "message", "reason"}}`.

        Raises:
            CloudError: 400, naming the field that is wrong.
        """
        verb, stage = str(body.get("verb", "*")), str(body.get("stage", "request"))
        if verb not in _VERBS:
            raise bad_request(f"fault.verb: '{verb}' is none of {', '.join(_VERBS)}")
        if stage not in _STAGES:
            raise bad_request(f"fault.stage: '{stage}' is none of {', '.join(_STAGES)}")
        error = cast(dict[str, Any], body.get("error") or {})
        if not isinstance(error.get("code"), int) or not error.get("message"):
            raise bad_request('fault.error: write {"code": 503, "message": "…", "reason": "backendError"}')
        fault = CloudError(int(error["code"]), str(error["message"]), str(error.get("reason", "backendError")))
        times = int(body.get("times", 1))
        return cls(verb, str(body.get("type", "*")), str(body.get("id", "*")), stage, fault, times)


class Faults:
    """The faults still to come."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Orders one more fault."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Forgets all faults."""
        with self._lock:
            self._faults.clear()

    def strike(self, stage: Stage, verb: str, kind: str, resource_id: str) -> None:
        """Raises the first fault that is due here, and counts it.

        Raises:
            CloudError: what the fault says.
        """
        with self._lock:
            for fault in self._faults:
                here = fault.stage == stage and fault.verb in {verb, "*"}
                if here and fault.times > 0 and fnmatchcase(kind, fault.type) and fnmatchcase(resource_id, fault.id):
                    fault.times -= 1
                    raise fault.error
