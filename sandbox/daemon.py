"""Starting and ending the simulated Google Cloud from outside of it.

The cloud is a process of its own, like the real one: it goes on with what it was told while engines and providers come and
go. It says where it listens in SANDBOX_HOME/cloud.json.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from sandbox.home import CHECKOUT

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
    except (OSError, ValueError):
        return None
    return found if psutil.pid_exists(int(found["pid"])) else None


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


def start(home: Path, environment: Mapping[str, str]) -> None:
    """Starts the cloud unless it runs, and waits until it answers.

    Raises:
        CloudError: It ended, or does not answer in time.
    """
    if address(home) is not None:
        ask(home, "/healthz")
        return
    (home / "cloud").mkdir(parents=True, exist_ok=True)
    log = home / "cloud" / "daemon.log"
    with log.open("ab") as output:
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
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if running.poll() is not None:
            raise CloudError(_last_words(log, f"the simulated cloud ended at once (exit code {running.returncode})"))
        if address(home) is not None:
            with suppress(CloudError):
                ask(home, "/healthz", timeout=5.0)
                return
        time.sleep(0.05)
    running.terminate()
    raise CloudError(_last_words(log, f"the simulated cloud did not answer within {START_SECONDS} s"))


def _last_words(log: Path, what: str) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return "\n".join([f"{what}. Its log, {log}, ends:", *(f"  {line}" for line in lines[-8:])])


def stop(home: Path) -> None:
    """Ends the cloud and everything that it or its clusters started; does nothing where nothing runs."""
    where = address(home)
    if where is not None:
        with suppress(psutil.NoSuchProcess):
            daemon = psutil.Process(int(where["pid"]))
            daemon.send_signal(signal.SIGTERM)
            with suppress(psutil.TimeoutExpired):
                daemon.wait(STOP_SECONDS)
    if home in _started:
        ended = _started.pop(home)
        with suppress(subprocess.TimeoutExpired):
            ended.wait(STOP_SECONDS)
    for process in leftovers(home):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def leftovers(home: Path) -> list[psutil.Process]:
    """Processes of the sandbox at `home` that still run: those that were started with it as their SANDBOX_HOME."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid in (os.getpid(), os.getppid()):
                continue
            line = process.cmdline()
            inside = process.environ().get("SANDBOX_HOME") == str(home) or any(str(home) in part for part in line)
            ours = any(part.startswith("sandbox.") for part in line) or any(
                "gke-tpu-inference/tools" in part for part in line
            )
            if inside and ours:
                found.append(process)
    return found


def remove(home: Path) -> None:
    """Removes the sandbox's directory.

    Raises:
        CloudError: The directory is none of the sandbox's.
    """
    if not home.exists():
        return
    if not (home / "pulumi").is_dir() and not (home / "cloud").is_dir():
        raise CloudError(f"{home} does not look like a sandbox; it was left alone. Remove it yourself if it is one.")
    shutil.rmtree(home, ignore_errors=True)
