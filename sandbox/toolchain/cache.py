"""The per-user cache of built tools.

One folder a group, named by a hash over what it is built from, so a new pin never meets an old build and two checkouts
share one. A folder appears by rename when it is complete; its manifest records every file's size, so that a damaged
cache is reported before a half tool is run. Nothing here is in the checkout, and `make down` leaves it alone.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_MANIFEST = "manifest.json"


class ToolchainError(Exception):
    """A tool cannot be had; the message says why and what to do."""


def cache_root() -> Path:
    """The folder of all built tools: `$XDG_CACHE_HOME/gke-tpu-inference/tools`, `~/.cache` where that is unset."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "gke-tpu-inference" / "tools"


def key(name: str, inputs: list[Path], extra: str = "") -> str:
    """The folder name for what is built from `inputs` on this platform."""
    digest = hashlib.sha256(f"{sys.platform} {os.uname().machine} {extra}".encode())
    for path in sorted(inputs):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"{name}-{digest.hexdigest()[:16]}"


def complete(folder: Path) -> bool:
    """Whether `folder` is a finished entry of the cache.

    Raises:
        ToolchainError: It was finished once, and a file is gone or has another size now.
    """
    if not folder.exists():
        return False
    try:
        sizes: dict[str, int] = dict(json.loads((folder / _MANIFEST).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise ToolchainError(_damaged(folder, f"its {_MANIFEST} cannot be read ({error})")) from None
    for name, size in sizes.items():
        path = folder / name
        if not path.is_file():
            raise ToolchainError(_damaged(folder, f"{name} is missing"))
        if path.stat().st_size != size:
            raise ToolchainError(_damaged(folder, f"{name} has {path.stat().st_size} bytes instead of {size}"))
    return True


def _damaged(folder: Path, what: str) -> str:
    return (
        f"the tool cache is damaged: {folder}: {what}. Remove it and run again, it is then built anew: rm -rf {folder}"
    )


def fill(folder: Path, produce: Callable[[Path], None]) -> None:
    """Makes the cache entry `folder` by `produce`, which is handed an empty folder to write into."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        produce(scratch)
        sizes = {
            str(path.relative_to(scratch)): path.stat().st_size for path in sorted(scratch.rglob("*")) if path.is_file()
        }
        (scratch / _MANIFEST).write_text(json.dumps(sizes, indent=1))
        scratch.chmod(0o755)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def locked(root: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds the cache's lock, so that two runs do not build the same tool; calls `waiting` if another run has it."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
