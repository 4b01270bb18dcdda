"""How a stand-in tells the node agent that its own code runs.

Owns the file that `sandbox.node.launch` looks for: the agent begins to probe when it is there. What comes before, the start of
an interpreter and its imports, is this machine's time and not that of the server that is played.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

OPTION: Final = "--booted"
"""The stand-ins' option with the file's name."""


def tell(file: str | Path | None) -> None:
    """Makes `file`, if the stand-in was given one."""
    if file is not None:
        Path(file).touch()
