"""Times commands, and scenarios in turns, so that whatever else the machine does falls on all of them alike."""

from __future__ import annotations

import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long one scenario took, in seconds, run by run."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Half of the runs were faster."""
        return statistics.median(self.seconds)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A straight line through points: y = start + slope × x."""

    start: float
    slope: float


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A command that has ended."""

    seconds: float
    """Wall clock, start-up included."""
    processor_seconds: float
    """Of the command and what it waited for."""
    returncode: int
    stdout: str
    stderr: str


def timed(words: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> Ran:
    """Runs a command; nothing else that this process starts may end meanwhile, or it would be counted too."""
    used, begun = _used(), time.perf_counter()
    ran = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    return Ran(
        seconds=seconds,
        processor_seconds=_used() - used,
        returncode=ran.returncode,
        stdout=ran.stdout,
        stderr=ran.stderr,
    )


def _used() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def interleaved(
    actions: Mapping[str, Callable[[], object]], runs: int, progress: Callable[[int, str], None]
) -> dict[str, Timing]:
    """Runs every action once unmeasured, then all of them `runs` times in turns.

    `progress` is told the round, 0 for the unmeasured one, and the action before each call.
    """
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(runs + 1):
        for name, action in actions.items():
            progress(turn, name)
            begun = time.perf_counter()
            action()
            if turn > 0:
                seconds[name].append(time.perf_counter() - begun)
    return {name: Timing(seconds=tuple(values)) for name, values in seconds.items()}


def ratio(subject: Timing, base: Timing) -> float:
    """The median of the ratios of runs in the same round: noise that lasts longer than a round cancels out."""
    return statistics.median(one / other for one, other in zip(subject.seconds, base.seconds, strict=True))


def fit(points: Sequence[tuple[float, float]]) -> Line:
    """The line of least squares; all x may not be the same."""
    slope, start = statistics.linear_regression(*zip(*points, strict=True))
    return Line(start=start, slope=slope)
