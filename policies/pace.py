"""What Python's collector does not look at again and again: what a process of the pack reads stays until it ends.

As delivered, the collector looks through everything that was kept once a quarter as much has been added. The properties of a
large stack are all kept, because every policy reads them: with 2,000 resources that took a fifth of the pack's time, and almost
nothing with 200. What the policies drop is not in cycles, and goes without the collector.

Owns nothing but these settings of the process; to be called by whoever owns the process, never on import.
"""

from __future__ import annotations

import atexit
import gc
from typing import Final

THRESHOLDS: Final = (50_000, 20, 100)
"""So many objects more than before until the collector looks at the new ones; so many looks until it looks further back.
Python's own are 700, 10 and 10 (`gc.get_threshold` of 3.11)."""


def set_pace() -> None:
    """From now on the collector leaves alone what is there now, looks seldom, and at the end not at all."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    atexit.register(gc.freeze)
