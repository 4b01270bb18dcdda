"""Progress of long steps: bars on a terminal, plain lines where output is none."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

_EVERY = 10
"""Percent between two plain lines."""


class Progress:
    """Says what is going on, on standard error."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Prints one line."""
        self._console.print(text, markup=False)

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[int, int], None]]:
        """One long step; the caller reports how many of how many parts are done."""
        begun = time.monotonic()
        if sys.stderr.isatty():
            columns = (TextColumn("{task.description:28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            with Bars(*columns, console=self._console) as bars:
                task = bars.add_task(title, total=None)
                yield lambda done, total: bars.update(task, completed=done, total=total)
            return
        shown = -1

        def report(done: int, total: int) -> None:
            nonlocal shown
            percent = 100 * done // max(total, 1) // _EVERY * _EVERY
            if percent > shown and percent < 100:
                self.say(f"{title}: {percent} %")
                shown = percent

        self.say(f"{title} …")
        yield report
        self.say(f"{title}: done in {time.monotonic() - begun:.0f} s")
