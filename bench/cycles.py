"""`python -m bench.cycles N`: makes and removes the sandbox N times; what is left after each, how long and how much it took.

Each cycle is `make up` and `make down` as a person types them, in a directory of its own and with one for temporary files.
After each no process, no file and no listening port of it may be left. Exit code: 0 when nothing was, 1 when something was
or a command failed, 2 for input that cannot be used.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.cycle_watch import MIB, Memory, Watch, exposed, holders, leftovers, listening, memory
from bench.measure import fit
from bench.scenarios import BenchError
from sandbox import daemon
from sandbox.daemon import CloudError
from sandbox.home import CHECKOUT
from sandbox.workspace import WorkspaceError, committed

_MOST: Final = 1000
_SHOWN_LINES: Final = 15
_OWN: Final = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES")
"""What `make` tells programs it starts; a `make` of ours shall not take it for its own."""


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """One cycle: seconds of `make up` and `make down`, the most memory during it, and that of the finished stack."""

    up: float
    down: float
    peak: Memory
    resting: Memory
    ports: int
    load: float
    """Load average of the machine when it began; a start takes longer on a busy one."""


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of cycles. Write one from 1 to {_MOST}.")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.cycles", description="Makes and removes the sandbox again and again.")
    parser.add_argument("cycles", type=_count, metavar="N", help="how many times")
    parser.add_argument("--stack", default="dev", help="the stack of Pulumi.<stack>.yaml [dev]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results as JSON")
    return parser


class Sandbox:
    """A sandbox in `folder`, used through `make` alone."""

    def __init__(self, folder: Path, stack: str) -> None:
        self.home = folder / "sandbox"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self._log = folder / "make.log"
        self._stack = stack

    def cycle(self) -> Cycle:
        """Makes and removes it.

        Raises:
            BenchError: a command failed, or something is left.
        """
        load = os.getloadavg()[0]
        with Watch(self.home) as watch:
            up = self._make("up", f"STACK={self._stack}")
            resting = memory(self.home)
            ports = listening(self.home)
        if not ports:
            raise BenchError("nothing of the sandbox listens after make up; its processes were not found")
        if open_ports := exposed(self.home):
            raise BenchError("\n  ".join(["other machines can reach:", *open_ports]))
        held = holders(ports)
        down = self._make("down")
        if left := leftovers(self.home, self.temporary, held):
            raise BenchError("\n  ".join(["make down left something behind:", *left]))
        return Cycle(up=up, down=down, peak=watch.peak.most(resting), resting=resting, ports=len(ports), load=load)

    def _make(self, *words: str) -> float:
        kept = {name: value for name, value in os.environ.items() if name not in _OWN}
        own = {"SANDBOX_HOME": str(self.home), "TMPDIR": str(self.temporary)}
        began = time.perf_counter()
        with self._log.open("wb") as output:
            running = subprocess.Popen(
                ["make", "--no-print-directory", *words],
                cwd=CHECKOUT,
                env={**kept, **own},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            try:
                running.wait()
            finally:
                if running.poll() is None:
                    _end(running)
        if running.returncode != 0:
            lines = self._log.read_text(errors="replace").rstrip().splitlines()[-_SHOWN_LINES:]
            what = f"make {' '.join(words)} failed with {running.returncode}; it ends:"
            raise BenchError("\n".join([what, *(f"  {line}" for line in lines)]))
        return time.perf_counter() - began

    def clear(self) -> None:
        """Removes what a broken cycle has left."""
        daemon.stop(self.home)
        with suppress(CloudError):
            daemon.remove(self.home)


def _end(running: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        running.wait(20)


def growth(cycles: Sequence[Cycle]) -> dict[str, float]:
    """By how much each figure grows with each cycle, along a straight line; empty for one cycle."""
    if len(cycles) < 2:
        return {}
    figures: Mapping[str, Callable[[Cycle], float]] = {
        "up_seconds": lambda cycle: cycle.up,
        "down_seconds": lambda cycle: cycle.down,
        "peak_pss_bytes": lambda cycle: cycle.peak.pss,
        "resting_pss_bytes": lambda cycle: cycle.resting.pss,
    }
    return {
        name: fit([(float(number), value(cycle)) for number, cycle in enumerate(cycles)]).slope
        for name, value in figures.items()
    }


def show(cycles: Sequence[Cycle], stack: str, console: Console) -> None:
    """Prints the summary."""
    table = Table(
        title=f"{len(cycles)} × make up and make down of the {stack} stack; nothing was left after any of them"
    )
    for column in ("", "min", "median", "max"):
        table.add_column(column, justify="right" if column else "left")
    rows: list[tuple[str, list[float], str]] = [
        ("make up (s)", [cycle.up for cycle in cycles], ".1f"),
        ("make down (s)", [cycle.down for cycle in cycles], ".1f"),
        ("peak memory, shared pages once (PSS, MiB)", [cycle.peak.pss / MIB for cycle in cycles], ",.0f"),
        ("peak memory, sum of RSS (MiB)", [cycle.peak.rss / MIB for cycle in cycles], ",.0f"),
        ("memory when it is up (PSS, MiB)", [cycle.resting.pss / MIB for cycle in cycles], ",.0f"),
        ("most processes", [cycle.peak.processes for cycle in cycles], ".0f"),
        ("load average at the start", [cycle.load for cycle in cycles], ".1f"),
    ]
    for title, values, form in rows:
        table.add_row(title, *(format(value, form) for value in (min(values), statistics.median(values), max(values))))
    console.print(table)
    if slopes := growth(cycles):
        console.print(
            f"With each cycle: make up {slopes['up_seconds']:+.2f} s, peak memory {slopes['peak_pss_bytes'] / MIB:+.1f} MiB, "
            f"memory when it is up {slopes['resting_pss_bytes'] / MIB:+.1f} MiB (straight line; PSS)."
        )


def as_json(cycles: Sequence[Cycle], stack: str) -> str:
    """Everything, for machines; seconds and bytes."""
    machine = {"system": platform.system(), "processors": os.cpu_count(), "python": platform.python_version()}
    content: dict[str, Any] = {
        "stack": stack,
        "machine": machine,
        "cycles": [asdict(cycle) for cycle in cycles],
        "growth_per_cycle": growth(cycles),
    }
    return json.dumps(content, indent=2) + "\n"


def _run(count: int, stack: str, folder: Path) -> list[Cycle]:
    sandbox = Sandbox(folder, stack)
    found: list[Cycle] = []
    try:
        for number in range(1, count + 1):
            try:
                found.append(sandbox.cycle())
            except BenchError as error:
                raise BenchError(f"cycle {number} of {count}: {error}") from None
            one = found[-1]
            sys.stderr.write(
                f"cycle {number} of {count}: up {one.up:.1f} s, down {one.down:.1f} s, peak {one.peak.pss / MIB:,.0f} MiB, "
                f"{one.ports} ports, nothing left\n"
            )
    finally:
        sandbox.clear()
    return found


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the cycles; every expected failure is one message."""
    options = _parser().parse_args(arguments)
    if options.json is not None and not options.json.parent.is_dir():
        sys.stderr.write(f"error: --json {options.json}: there is no folder {options.json.parent}.\n")
        return 2
    try:
        committed(options.stack)
    except WorkspaceError as error:
        sys.stderr.write(f"error: --stack {options.stack}: {error}\n")
        return 2
    signal.signal(signal.SIGTERM, _interrupt)
    folder = Path(tempfile.mkdtemp(prefix="cycles-")).resolve()
    try:
        cycles = _run(options.cycles, options.stack, folder)
    except BenchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    show(cycles, options.stack, Console(highlight=False, width=None if sys.stdout.isatty() else 120))
    if options.json is not None:
        options.json.write_text(as_json(cycles, options.stack))
    return 0


if __name__ == "__main__":
    sys.exit(main())
