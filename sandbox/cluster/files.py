"""Private files of the sandbox: atomic writes and the token every simulated API server accepts.

Owns: how a secret or a state file reaches the disk (mode 0600, whole or not at all). Does not own what is in it.
Why: a daemon that is killed in the middle of a write must find either the old file or the new one at its next start.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path


def write_private(path: Path, content: str | bytes) -> None:
    """Replaces `path` with `content` atomically, readable by the owner only; makes its directory (0700) if needed."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def stamp(path: Path) -> tuple[int, int] | None:
    """What tells one content of a file that is written as above from the next, without reading it; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def sandbox_token(home: Path) -> str:
    """The bearer token in `home/token`, made by whoever needs it first; two makers at once agree on one token."""
    path = home / "token"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        descriptor, temporary = tempfile.mkstemp(dir=home, prefix=".token.")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(32))
            os.link(temporary, path)  # unlike a rename, a link fails when another process was first
        except FileExistsError:
            pass
        finally:
            Path(temporary).unlink()
    return path.read_text().strip()
