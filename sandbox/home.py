"""The one directory in which the sandbox keeps everything: `SANDBOX_HOME`, by default `.sandbox` in the checkout.

Removing it removes every trace of a sandbox; only the cache of built tools is elsewhere.
"""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
"""The project's own folder."""


def sandbox_home() -> Path:
    """The sandbox's directory, absolute."""
    return Path(os.environ.get("SANDBOX_HOME") or CHECKOUT / ".sandbox").resolve()
