"""Starting and ending the simulated Google Cloud from outside of it.

The cloud is a process of its own, like the real one: it goes on with what it was told while engines and providers come and
go. It says where it listens in SANDBOX_HOME/cloud.json.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from sandbox.home import CHECKOUT, strangers

START_SECONDS = 120
"""How long the cloud may take to be there; it starts the clusters it had again."""
STOP_SECONDS = 60

_started: dict[Path, subprocess.Popen[bytes]] = {}
"""Clouds that this process started, by home: a parent has to collect its children when they end."""


class CloudError(Exception):
    """The simulated cloud cannot be started or asked; the message says what to do."""


def address(home: Path) -> Mapping[str, Any] | None:
    """Where the cloud of `home` listens; None while it does not run."""
    try:
        found: dict[str, Any] = json.loads((home / "cloud.json").read_text())
        process = psutil.Process(int(found["pid"]))
        # The file outlives a daemon that was killed; its number may then be a zombie's or another program's.
        runs = process.status() != psutil.STATUS_ZOMBIE and "sandbox.cloud" in process.cmdline()
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return found if runs else None


def ask(home: Path, path: str, *, method: str = "GET", body: Any = None, timeout: float = 30.0) -> Any:
    """The cloud's answer to a request, which is described in `sandbox.cloud.server`.

    Raises:
        CloudError: It does not run, or refuses.
    """
    where = address(home)
    if where is None:
        raise CloudError("the sandbox is not running. Start it with: make up")
    url = urlsplit(where["url"])
    connection = http.client.HTTPConnection(url.hostname or "127.0.0.1", url.port, timeout=timeout)
    try:
        headers = {"Authorization": f"Bearer {where['token']}"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        body = response.read()
    except OSError as error:
        raise CloudError(f"the simulated cloud does not answer ({error}). Try: make down, then make up") from None
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise CloudError(
            f"the simulated cloud answers {response.status} to {path}: {body[:300].decode(errors='replace')}"
        )
    return json.loads(body)


def start(home: Path, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Starts the cloud unless it runs, and waits until it answers.

    Returns:
        The clusters that were there and cannot be started again, by id, each with the reason and what to do. A cloud
        that runs tries to start them once more.

    Raises:
        CloudError: It ended, or does not answer in time.
    """
    (home / "cloud").mkdir(parents=True, exist_ok=True)
    with (home / "cloud" / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever else starts it now is waited for
        if address(home) is not None:
            _wait_until_ready(home, None)
            return ask(home, "/revive", method="POST", body={}, timeout=START_SECONDS)["stranded"]
        with _log(home).open("ab") as output:
            running = subprocess.Popen(
                [sys.executable, "-m", "sandbox.cloud"],
                cwd=CHECKOUT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        _started[home] = running
        _wait_until_ready(home, running)
        return ask(home, "/stranded")["stranded"]


def _log(home: Path) -> Path:
    return home / "cloud" / "daemon.log"


def _wait_until_ready(home: Path, running: subprocess.Popen[bytes] | None) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if running is not None and running.poll() is not None:
            what = f"the simulated cloud ended at once (exit code {running.returncode})"
            raise CloudError(_last_words(_log(home), what))
        if address(home) is not None:
            with suppress(CloudError):
                ask(home, "/healthz", timeout=5.0)
                return
        time.sleep(0.05)
    if running is not None:
        running.terminate()
    raise CloudError(_last_words(_log(home), f"the simulated cloud did not answer within {START_SECONDS} s"))


def _last_words(log: Path, what: str) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return "\n".join([f"{what}. Its log, {log}, ends:", *(f"  {line}" for line in lines[-8:])])


def stop(home: Path) -> None:
    """Ends the cloud and everything that it, its clusters or an engine started; does nothing where nothing runs."""
    where = address(home)
    daemon = psutil.Process(int(where["pid"])) if where is not None else None
    with suppress(psutil.NoSuchProcess):
        clusters = {daemon, *daemon.children(recursive=True)} if daemon is not None else set()
        # An engine that is at work would only see its cloud vanish.
        _kill([process for process in leftovers(home) if process not in clusters])
        if daemon is not None:
            daemon.send_signal(signal.SIGTERM)
            with suppress(psutil.TimeoutExpired):
                daemon.wait(STOP_SECONDS)
    if home in _started:
        ended = _started.pop(home)
        with suppress(subprocess.TimeoutExpired):
            ended.wait(STOP_SECONDS)
    _kill(leftovers(home))


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)


def leftovers(home: Path) -> list[psutil.Process]:
    """Processes of the sandbox at `home` that still run: those that were started with it as their SANDBOX_HOME."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid in (os.getpid(), os.getppid()) or process.status() == psutil.STATUS_ZOMBIE:
                continue
            line, environment = process.cmdline(), process.environ()
            inside = environment.get("SANDBOX_HOME") == str(home) or any(
                _below(home, part) for part in (*line, environment.get("HOME", ""))
            )
            # A shell may have the sandbox's environment too (`python -m sandbox env`); it is the user's.
            ours = any(part.startswith("sandbox.") or "gke-tpu-inference/tools" in part for part in line)
            if inside and (ours or Path(line[0]).name == "pulumi"):
                found.append(process)
    return found


def _below(home: Path, text: str) -> bool:
    """Whether a part of a command line is `home` or something in it, and not another sandbox whose name begins alike."""
    return re.search(rf"{re.escape(str(home))}(?:/|$)", text) is not None


def remove(home: Path) -> None:
    """Removes the sandbox's directory.

    Raises:
        CloudError: The directory is none of the sandbox's, or cannot be removed.
    """
    if not home.exists():
        return
    if found := strangers(home):
        what = ", ".join(found[:5])
        raise CloudError(
            f"{home} is not the sandbox's alone: it holds {what}. It was left as it is; remove it yourself."
        )
    shutil.rmtree(home, ignore_errors=True)
    try:
        if home.exists():
            shutil.rmtree(home)
    except OSError as error:
        raise CloudError(f"{home} cannot be removed entirely ({error}). Remove it yourself.") from None
