"""`python -m bench.analysis`: how long the real engine takes to judge a state that exists, from 10 to 2,000 resources.

`pulumi policy analyze` loads the pack as a process of its own and sends it every resource over gRPC, so that start-up, the SDK
and its wire format are all in these figures, as they are for people. Nothing is created: the state is a file.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from bench import command
from bench.measure import timed
from bench.scenarios import HERE, BenchError
from bench.stack import stack
from sandbox.engine import POLICIES
from sandbox.toolchain import Tools
from sandbox.workspace import Workspace

SIZES: Final = (10, 200, 2000)
RUNS: Final = 3
TARGET_SECONDS: Final = 20
"""Most seconds for the largest state."""
_PROJECT: Final = "name: bench\nruntime: python\n"
_URN: Final = "urn:pulumi:bench::bench::"


@dataclass(frozen=True, slots=True)
class Analysed:
    """One size of state."""

    resources: int
    seconds: float
    """Median of the runs, wall clock, the engine's and the pack's start included."""
    processor_seconds: float
    """Of the engine and what it waits for at its end; the pack's own process need not be in it."""
    with_empty_pack: float
    """Wall clock with a pack of no policy: what the engine takes by itself."""


def _state(size: int) -> str:
    root = {"urn": f"{_URN}pulumi:pulumi:Stack::bench-bench", "custom": False, "type": "pulumi:pulumi:Stack"}
    made = [
        {"urn": f"{_URN}{token}::{name}", "custom": True, "type": token, "id": name, "inputs": props, "outputs": props}
        for token, name, props in stack(size)
    ]
    return json.dumps({"version": 3, "deployment": {"manifest": {}, "resources": [root, *made]}})


def _analyze(workspace: Workspace, folder: Path, state: Path, pack: Path) -> tuple[float, float]:
    """Seconds by the clock and of processors."""
    words = [str(workspace.tools.pulumi), "policy", "analyze", "--file", str(state), "--policy-pack", str(pack)]
    ran = timed(words, cwd=folder, env=workspace.environment())
    output = ran.stdout + ran.stderr
    if "can't run policy" in output or (ran.returncode != 0 and "[mandatory]" not in output):
        raise BenchError(f"pulumi policy analyze failed:\n{output[-2000:]}")
    return ran.seconds, ran.processor_seconds


def measure(sizes: Sequence[int], runs: int, console: Console) -> list[Analysed]:
    """Times the analysis of each size.

    Raises:
        BenchError: The engine could not run the pack.
    """
    found: list[Analysed] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        root = Path(name).resolve()
        workspace = Workspace(Tools.load(), root / "sandbox")
        workspace.prepare()
        folder = root / "project"
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text(_PROJECT)
        (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)
        for size in sizes:
            state = root / f"{size}.json"
            state.write_text(_state(size))
            console.print(f"{size} resources …")
            packs = (POLICIES, HERE / "empty" / "policies")
            times = [[_analyze(workspace, folder, state, pack) for pack in packs] for _ in range(runs)]
            full, empty = zip(*times, strict=True)
            seconds, processor = (median(column) for column in zip(*full, strict=True))
            found.append(Analysed(size, seconds, processor, median(one for one, _ in empty)))
    return found


def show(results: Sequence[Analysed], console: Console) -> None:
    """Prints the table and the verdict on the target."""
    table = Table(title="pulumi policy analyze --file, wall clock")
    for column in (
        "resources",
        "time [s]",
        "processors of the engine [s]",
        "with an empty pack [s]",
        "a resource [ms]",
    ):
        table.add_column(column, justify="right")
    for row in results:
        each = (row.seconds - row.with_empty_pack) / row.resources * 1000
        figures = (row.seconds, row.processor_seconds, row.with_empty_pack)
        table.add_row(f"{row.resources:,}", *(f"{figure:.2f}" for figure in figures), f"{each:.1f}")
    console.print(table)
    last = results[-1]
    verdict = "met" if last.seconds <= TARGET_SECONDS else "missed"
    console.print(
        f"{last.resources:,} resources in {last.seconds:.1f} s (target: at most {TARGET_SECONDS} s: {verdict})."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the bench; a missed target is shown, not an error."""
    about = "Times pulumi policy analyze with the pack."
    options = command.parser("bench.analysis", about, runs=RUNS, of="each size").parse_args(arguments)
    return command.run(lambda: measure(SIZES, options.runs, Console(stderr=True)), show, options.json)


if __name__ == "__main__":
    sys.exit(main())
