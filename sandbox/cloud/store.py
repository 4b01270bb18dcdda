"""What the simulated cloud remembers, as JSON on disk.

One file per resource and per unfinished operation, written to a temporary name and renamed, so that a daemon killed at
any moment leaves only whole files. Everything is also held in memory; the disk is read once, at start.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

Record = dict[str, Any]

_LONGEST_NAME: Final = 160
"""Characters of a key that a file's name shows; with suffixes and a temporary one's it stays below 255."""


def write_atomically(path: Path, content: str, mode: int = 0o600) -> None:
    """Replaces `path` by a file with `content` in one step; readers see the old or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        file.write(content)
    temporary.replace(path)


class Table:
    """Records of one sort by key. Thread-safe; records handed out are copies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._records: dict[str, Record] = {}
        for path in sorted(folder.glob("*.json")):
            entry = cast(Record, json.loads(path.read_text(encoding="utf-8")))
            self._records[entry["key"]] = entry["record"]

    def get(self, key: str) -> Record | None:
        """The record under `key`, or None."""
        with self._lock:
            record = self._records.get(key)
            return json.loads(json.dumps(record)) if record is not None else None

    def put(self, key: str, record: Record) -> None:
        """Stores `record` under `key`, on disk first."""
        entry = json.dumps({"key": key, "record": record}, indent=1, sort_keys=True)
        with self._lock:
            write_atomically(self._path(key), entry)
            self._records[key] = json.loads(entry)["record"]

    def add(self, key: str, record: Record) -> bool:
        """Stores `record` unless `key` is taken; whether it was stored."""
        with self._lock:
            if key in self._records:
                return False
            self.put(key, record)
            return True

    def drop(self, key: str) -> None:
        """Forgets `key`."""
        with self._lock:
            self._records.pop(key, None)
            self._path(key).unlink(missing_ok=True)

    def __iter__(self) -> Iterator[tuple[str, Record]]:
        with self._lock:
            snapshot = json.dumps(self._records)
        return iter(sorted(cast(dict[str, Record], json.loads(snapshot)).items()))

    def _path(self, key: str) -> Path:
        name = quote(key, safe="")
        if len(name) > _LONGEST_NAME:
            name = f"{name[:_LONGEST_NAME]}-{hashlib.sha256(key.encode()).hexdigest()[:32]}"
        return self._folder / f"{name}.json"
