"""One run of a container's process, which is never restarted by itself.

Owns: telling at once, without polling, that the process has ended, and ending what it has started along with it, as a
container ends with its first process. Everything else is `sandbox.cluster.child`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sandbox.cluster.child import Child


class Attempt(Child):
    """A `Child` for one run; `on_end` is called, from a thread of its own, when it has ended in any way."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        pid_file: Path,
        environment: Mapping[str, str],
        on_end: Callable[[], None],
    ) -> None:
        super().__init__(name, command, log=log, pid_file=pid_file, environment=environment)
        self._on_end = on_end
        self._ended = threading.Event()

    @property
    def ended(self) -> bool:
        """Whether the process has ended and its exit code is known."""
        return self._ended.is_set()

    @property
    def exit_code(self) -> int | None:
        """As a container's: 128 plus the signal's number where a signal ended it; None while it runs."""
        code = self._process.poll() if self._process is not None else None
        return 128 - code if code is not None and code < 0 else code

    def _run(self) -> None:
        try:
            if self._spawn() and self._process is not None:
                self._process.wait()
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)
        finally:
            self._ended.set()
            self._on_end()
