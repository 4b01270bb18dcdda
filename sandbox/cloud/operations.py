"""Long-running operations: work that outlives the request that asked for it, and the daemon that began it.

An operation is on disk before its work starts. Whoever asked may go away; a daemon that was killed finds it again and
runs it once more, which is why all work behind a resource may run twice.
"""

from __future__ import annotations

import threading
import time
import traceback
import uuid
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sandbox.cloud.errors import CloudError, described
from sandbox.cloud.store import Record, Table

_KEPT: Final = 200
"""Finished operations that are remembered, so that whoever asked can still read the outcome."""

Work = Callable[[Callable[[str], None]], None]
"""Does the work; is given a function that takes lines of progress."""


class CutOffError(Exception):
    """Work ended because its daemon does: it is not done, and neither has it failed."""


class Operations:
    """All operations of this daemon."""

    def __init__(self, folder: Path, log: Callable[[str], None]) -> None:
        self._table = Table(folder)
        self._log = log
        self._changed = threading.Condition()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def begin(self, verb: str, kind: str, resource_id: str, details: Record) -> Record:
        """Writes down a new operation."""
        name = f"operation-{int(time.time() * 1000)}-{uuid.uuid4().hex[:8]}"
        record: Record = {"name": name, "verb": verb, "type": kind, "id": resource_id, "done": False, "progress": []}
        record = {**record, "started": time.time(), **details}
        self._table.put(name, record)
        return record

    def run(self, record: Record, lock: str, work: Work) -> None:
        """Runs the operation's work in the background, after others with the same lock."""
        threading.Thread(target=self._run, args=(record, lock, work), name=record["name"], daemon=True).start()

    def _run(self, record: Record, lock: str, work: Work) -> None:
        with self._changed:
            mutex = self._locks[lock]
        with mutex:
            self._log(f"{record['name']} {record['verb']} {record['type']} {record['id']}: started")
            try:
                work(lambda line: self._progress(record, line))
            except CutOffError:
                self._log(
                    f"{record['name']} {record['verb']} {record['type']} {record['id']}: goes on at the next start"
                )
                return
            except CloudError as error:
                record["error"] = error.as_json()
            except Exception as error:  # noqa: BLE001 - whatever went wrong is the operation's outcome
                self._log(traceback.format_exc())
                record["error"] = CloudError(500, described(error), "internalError").as_json()
            outcome = record["error"]["message"] if record.get("error") else "done"
            self._log(f"{record['name']} {record['verb']} {record['type']} {record['id']}: {outcome}")
            self._save({**record, "done": True, "ended": time.time()})
        self._prune()

    def _progress(self, record: Record, line: str) -> None:
        self._log(f"{record['name']}: {line}")
        record["progress"] = [*record["progress"], line][-20:]
        self._save(record)

    def note(self, record: Record, **details: Any) -> None:
        """Adds to what is known of an operation under way."""
        record.update(details)
        self._save(record)

    def _save(self, record: Record) -> None:
        with self._changed:
            self._table.put(str(record["name"]), record)
            self._changed.notify_all()

    def wait(self, name: str, seconds: float, seen: int | None = None) -> Record | None:
        """The operation, as soon as it is done or (if given) has more than `seen` lines of progress, or after `seconds`."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                record = self._table.get(name)
                news = record is not None and seen is not None and len(record["progress"]) > seen
                if record is None or record["done"] or news:
                    return record
                left = deadline - time.monotonic()
                if left <= 0:
                    return record
                self._changed.wait(left)

    def unfinished(self) -> list[Record]:
        """Operations not done yet, oldest first."""
        return sorted((record for _, record in self._table if not record["done"]), key=_started)

    def known(self) -> list[Record]:
        """All operations that are remembered, oldest first."""
        return sorted((record for _, record in self._table), key=_started)

    def _prune(self) -> None:
        done = sorted((record for _, record in self._table if record["done"]), key=_started)
        for record in done[:-_KEPT]:
            self._table.drop(str(record["name"]))


def _started(record: dict[str, Any]) -> float:
    return float(record["started"])
