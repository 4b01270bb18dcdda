"""One long-running child process: started, watched, restarted, ended, and never left behind.

Owns: the process group, its log and pid file, restarts after a death. Does not own what the process does, nor when it
counts as ready (the caller's check). Linux only: the kernel ends the child when the sandbox's daemon dies in any way
(PR_SET_PDEATHSIG), and `/proc` identifies what a killed daemon left behind all the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.cluster import proc
from sandbox.cluster.errors import ClusterError
from sandbox.cluster.files import write_private

_LAUNCHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]): os._exit(143)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Asks for PR_SET_PDEATHSIG (1) and becomes the command. A process of its own, because code that runs between fork and
exec of a program with threads may deadlock; the parent's pid is compared because it may die before the request."""

_LOG_LIMIT = 16 * 1024 * 1024
"""Bytes; a log larger than this at a start is moved to `.1`."""

_TAIL_LINES = 12
_MAX_BACKOFF = 20.0


def end_leftover(pid_file: Path, *, grace: float = 5.0) -> bool:
    """Ends the process a pid file names, when it still is that process; says whether there was one."""
    try:
        record = json.loads(pid_file.read_text())
        pid, started = int(record["pid"]), int(record["started"])
    except (OSError, ValueError, KeyError, TypeError):
        pid_file.unlink(missing_ok=True)
        return False
    running = proc.is_running(pid, started)
    proc.end_group(pid, started, grace=grace)
    pid_file.unlink(missing_ok=True)
    return running


def end_leftovers(run: Path) -> list[str]:
    """Ends every process with a pid file below `run`, all at once; returns the names of those that still ran.

    For whoever holds the cluster's lock: what still runs then has outlived its daemon.
    """
    files = sorted(run.rglob("*.pid"))
    with ThreadPoolExecutor(max_workers=8) as pool:
        return [file.stem for file, running in zip(files, pool.map(end_leftover, files), strict=True) if running]


class Child:
    """A supervised process with the working directory `directory`, the log's if None.

    The thread that starts it also waits for it and starts it again: the kernel's parent-death signal is tied to the
    thread that forked, so a worker thread that ends must not be the one.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        pid_file: Path,
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
        on_restart: Callable[[str], None] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = [str(part) for part in command]
        self._directory = directory or log.parent
        self._pid_file = pid_file
        self._environment = {"PATH": "/usr/bin:/bin", "HOME": str(directory or log.parent), **(environment or {})}
        self._on_restart = on_restart
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0
        self._thread: threading.Thread | None = None
        self._spawned = threading.Event()
        self._stopping = threading.Event()
        self._supervised = threading.Event()
        self._failure: str | None = None
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The process id, None while there is no process."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Starts the process; raises ClusterError when its file cannot be run."""
        if not Path(self._command[0]).is_file():
            raise ClusterError(f"{self.name}: {self._command[0]} does not exist; build the tools with `make tools`")
        end_leftover(self._pid_file)
        self.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_name(f"{self.log.name}.1"))
        self._thread = threading.Thread(target=self._run, name=f"child-{self.name}", daemon=True)
        self._thread.start()
        self._spawned.wait()
        if self._failure is not None:
            raise ClusterError(f"{self.name} could not be started: {self._failure}")

    def wait_ready(self, check: Callable[[], bool], *, timeout: float) -> None:
        """Blocks until `check()` holds, then restarts the process whenever it dies.

        Raises ClusterError with the end of the log when the process dies first or `timeout` seconds pass.
        """
        deadline = time.monotonic() + timeout
        while not check():
            if self._stopping.is_set():
                raise ClusterError(f"{self.name} was stopped before it was ready")
            if self.pid is None and not self._stopping.is_set():
                raise ClusterError(f"{self.name} ended at start ({self._exit_text()}).\n{self.describe_log()}")
            if time.monotonic() > deadline:
                raise ClusterError(f"{self.name} was not ready within {timeout:.0f} s.\n{self.describe_log()}")
            self._stopping.wait(0.05)
        self._supervised.set()

    def signal_stop(self) -> None:
        """Asks the process to end, without waiting for it."""
        self._stopping.set()
        self._supervised.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()

    def stop(self, *, grace: float = 5.0) -> None:
        """Ends the process and everything in its group; idempotent."""
        self.signal_stop()
        process = self._process
        if process is not None and process.poll() is None:
            proc.end_group(process.pid, self._started_at, grace=grace)
        if self._thread is not None:
            self._thread.join(timeout=grace + 5)
        self._pid_file.unlink(missing_ok=True)

    def describe_log(self) -> str:
        """The last lines of the log and where it is."""
        with contextlib.suppress(OSError):
            lines = self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
            return "\n".join([f"  {line[:400]}" for line in lines] + [f"The whole log: {self.log}"])
        return f"Its log {self.log} is empty."

    def _exit_text(self) -> str:
        code = self._process.poll() if self._process is not None else None
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"

    def _run(self) -> None:
        backoff = 0.25
        while not self._stopping.is_set():
            began = time.monotonic()
            if not self._spawn():
                return
            self._supervised.wait()
            assert self._process is not None  # noqa: S101 - _spawn has set it
            self._process.wait()
            if self._stopping.is_set():
                return
            backoff = 0.25 if time.monotonic() - began > 60 else min(backoff * 2, _MAX_BACKOFF)
            self._note(f"{self.name} died ({self._exit_text()}); restarting it in {backoff:.1f} s")
            if self._stopping.wait(backoff):
                return
            self.restarts += 1

    def _spawn(self) -> bool:
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *self._command]
        try:
            with self.log.open("ab") as output:
                self._process = subprocess.Popen(
                    launcher,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=self._directory,
                    env=self._environment,
                    start_new_session=True,
                )
            self._started_at = proc.start_time(self._process.pid) or 0
            record = {"pid": self._process.pid, "started": self._started_at, "name": self.name}
            write_private(self._pid_file, json.dumps(record))
        except OSError as error:
            self._failure = str(error)
            self._note(f"{self.name} could not be started: {error}")
            return False
        finally:
            self._spawned.set()
        if self._stopping.is_set():  # stop() came between the last look and the new process
            self._process.terminate()
        return True

    def _note(self, text: str) -> None:
        with contextlib.suppress(OSError), self.log.open("a") as file:
            file.write(f"--- {text}\n")
        if self._on_restart is not None:
            self._on_restart(text)
