"""Running the engine so that Ctrl-C is the engine's to answer.

A terminal sends the interrupt to the engine as well. The engine then lets go of what is under way and writes its state
down; a parent that ended or killed it meanwhile would leave the stack locked and what was being made unknown.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO


def attend(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    folder: Path | None = None,
    output: IO[bytes] | None = None,
) -> int:
    """The exit code of `command`, which writes to `output` or the caller's terminal; an interrupt does not end the wait."""
    inherited = None if environment is None else dict(environment)
    with subprocess.Popen(command, env=inherited, cwd=folder, stdout=output, stderr=output) as running:
        while True:
            try:
                return running.wait()
            except KeyboardInterrupt:
                continue
