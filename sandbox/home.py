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


_OWN = ("bin", "cloud", "clusters", "helm", "pulumi", "token")


def strangers(home: Path) -> list[str]:
    """What is in `home` and none of the sandbox's: a folder that holds such things is not the sandbox's to remove."""
    if home.exists() and not home.is_dir():
        return [home.name]
    names = [path.name for path in home.iterdir()] if home.exists() else []
    return sorted(name for name in names if name.lstrip(".").partition(".")[0] not in _OWN)
