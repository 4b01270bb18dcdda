"""One command at a time changes a stack: whoever comes second is told who works on it.

Owns a file for each stack in SANDBOX_HOME/pulumi that is locked for as long as the command runs; it is free again however the
command ends. The engine has a lock of its own, but takes it late, and what it advises (`pulumi cancel`) would break the
update that runs.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


class BusyError(Exception):
    """Another command works on the stack; the message says which."""


@contextmanager
def taken(home: Path, stack: str, operation: str) -> Generator[None]:
    """Keeps other commands from changing the stack.

    Raises:
        BusyError: one of them is at it.
    """
    path = home / "pulumi" / f"working-{stack}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise BusyError(_text(file.read(), stack)) from None
        file.truncate(0)
        file.write(f"{operation} {os.getpid()}")
        file.flush()
        yield
        file.truncate(0)


def _text(written: str, stack: str) -> str:
    operation, _, pid = written.partition(" ")
    who = f"another make {operation} (pid {pid})" if pid else "another command"
    return f"{who} works on {stack}; wait for it"
