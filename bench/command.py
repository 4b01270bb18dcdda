"""The command lines of the benches: their common options, what is said when one cannot run, and where results go.

Does not own what is measured, nor the tables.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console

from bench.scenarios import BenchError
from sandbox.toolchain import ToolchainError
from sandbox.workspace import WorkspaceError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Row = TypeVar("Row", bound=DataclassInstance)


def parser(prog: str, description: str, *, runs: int | str, of: str) -> argparse.ArgumentParser:
    """The options every bench has: `--runs` of what `of` says, and `--json`."""
    made = argparse.ArgumentParser(prog=prog, description=description)
    made.add_argument("--runs", type=_count, default=runs, help=f"runs of {of} [{runs}]")
    made.add_argument("--json", type=Path, metavar="FILE", help="also write the results as JSON")
    return made


def run(measure: Callable[[], Sequence[Row]], show: Callable[[Sequence[Row], Console], None], file: Path | None) -> int:
    """Measures, shows, and writes the rows to `file`; answers the exit code. An expected failure is one message."""
    keep_compiled()
    try:
        results = measure()
    except (BenchError, ToolchainError, WorkspaceError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    show(results, Console(highlight=False))
    if file is not None:
        file.write_text(json.dumps([asdict(row) for row in results], indent=2) + "\n", encoding="utf-8")
    return 0


def keep_compiled() -> None:
    """Lets Python keep compiled modules from one run to the next, as it does unless the shell forbids it.

    Where it is forbidden, as in many containers, every preview compiles program and pack anew, which takes half a second.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r}: a median needs at least one run. Write 1 or more.")
    return int(text)
