"""Parts of a sandbox at made-up places, for tests that run nothing real."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from sandbox.toolchain import Tools


def tools(folder: Path) -> Tools:
    """The sandbox's programs below `folder`; none of them is there."""
    return Tools(**{field.name: folder / "tools" / field.name for field in dataclasses.fields(Tools)})
