"""The daemon around the simulated cloud: one per sandbox, found through `cloud.json`, ended by a signal.

Owns the process: its lock, its log, `cloud.json`, and that nothing of it is left when it goes. A lock on a file, not a
process id, says whether one is running: locks die with their process, ids are reused.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from sandbox import clock
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.clusters import RuntimeFactory
from sandbox.cloud.server import CloudServer
from sandbox.cloud.store import write_atomically
from sandbox.home import sandbox_home


class Daemon:
    """A cloud, its server and its traces on disk."""

    def __init__(self, home: Path, factory: RuntimeFactory | None = None) -> None:
        self._home = home
        folder = home / "cloud"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_file = _lock(folder / "lock")
        self._log_file = (folder / "cloud.log").open("a", encoding="utf-8", buffering=1)
        self._log_lock = threading.Lock()
        self.cloud = Cloud(home, self.log, factory)
        self.server = CloudServer(self.cloud, secrets.token_urlsafe(32), self.log)
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)

    def log(self, line: str) -> None:
        """Appends a line to cloud.log."""
        with self._log_lock:
            if not self._log_file.closed:
                self._log_file.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {line}\n")

    def start(self) -> None:
        """Serves, then brings back what a former daemon left; `/healthz` answers 200 once that is done."""
        self._thread.start()
        speed = os.environ.get(clock.SPEED, "")
        about = {"url": self.server.url, "token": self.server.token, "pid": os.getpid(), "speed": speed}
        write_atomically(self._home / "cloud.json", json.dumps(about))
        self.log(f"serving {self.server.url}")
        self.cloud.resume()
        self.server.ready = True

    def stop(self) -> None:
        """Ends the clusters' processes and the server, and withdraws `cloud.json`."""
        self.server.ready = False
        (self._home / "cloud.json").unlink(missing_ok=True)
        self.server.shutdown()
        self.server.server_close()
        self.cloud.stop()
        self.log("stopped")
        self._log_file.close()
        self._lock_file.close()


class AlreadyRunningError(Exception):
    """Another daemon serves this sandbox."""


def _lock(path: Path) -> TextIO:
    file = path.open("w", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise AlreadyRunningError(
            f"another simulated Google Cloud already serves {path.parent.parent}; end it with `make down`, "
            "or choose another SANDBOX_HOME"
        ) from None
    return file


def main() -> int:
    """Runs the daemon; returns the exit status."""
    stopping = threading.Event()

    def ask_to_stop(*_: Any) -> None:
        stopping.set()

    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGTERM, ask_to_stop)
    try:
        clock.speed()
        daemon = Daemon(sandbox_home())
    except (AlreadyRunningError, clock.SpeedError) as error:
        sys.stderr.write(f"sandbox.cloud: {error}\n")
        return 1
    starter = threading.Thread(target=daemon.start, daemon=True)
    starter.start()
    stopping.wait()
    daemon.stop()
    return 0
