"""Running the real Helm: one process per command, nothing in the user's home, no secret on the command line.

Kubeconfig and values go to Helm through anonymous files in memory, so a killed run leaves nothing on disk; the kernel
ends Helm when this process dies (PR_SET_PDEATHSIG; Helm then marks the release as failed). Linux only. What a release
is and when to run which command is `release`'s business.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

_LAUNCHER: Final = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() != int(sys.argv[1]): os._exit(143)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Asks for PR_SET_PDEATHSIG (1) and becomes Helm: code between fork and exec would deadlock in a program with gRPC."""

_MARGIN: Final = 60.0
"""Seconds Helm gets beyond its own --timeout before it is ended."""


class HelmError(Exception):
    """Helm failed; the message is its own."""


def helm_binary() -> Path:
    """The Helm to run: SANDBOX_HELM, the sandbox's own, or the one on PATH.

    Raises:
        HelmError: there is none.
    """
    if given := os.environ.get("SANDBOX_HELM"):
        return Path(given)
    from sandbox.toolchain import ToolchainError, Tools  # noqa: PLC0415 - only where a release is touched

    try:
        return Tools.load().helm
    except ToolchainError as error:
        if found := shutil.which("helm"):
            return Path(found)
        raise HelmError(f"there is no Helm: {error}") from error


@dataclass(kw_only=True)
class Helm:
    """Helm for one cluster and one namespace."""

    binary: Path
    kubeconfig: str
    home: Path
    """Directory for Helm's caches, such as downloaded charts."""
    running: set[subprocess.Popen[bytes]] = field(default_factory=set[subprocess.Popen[bytes]])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(
        self,
        arguments: Sequence[str],
        *,
        namespace: str,
        values: Sequence[str] = (),
        timeout: float = 60.0,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """The output of `helm ARGUMENTS --namespace NAMESPACE`, with `values` (YAML or JSON texts) as values files.

        Raises:
            HelmError: it failed, with its message; or did not end within `timeout` seconds.
        """
        with contextlib.ExitStack() as files:
            command = [str(self.binary), *arguments, "--namespace", namespace]
            descriptors: list[int] = []
            for text in values:
                descriptors.append(files.enter_context(_in_memory(text)))
                command += ["--values", f"/proc/self/fd/{descriptors[-1]}"]
            kubeconfig = self.kubeconfig
            if "\n" in kubeconfig or kubeconfig.lstrip().startswith("{"):
                descriptors.append(files.enter_context(_in_memory(kubeconfig)))
                kubeconfig = f"/proc/self/fd/{descriptors[-1]}"
            environment = {**self._environment(), **(environment or {}), "KUBECONFIG": kubeconfig}
            return self._run(command, descriptors, environment, timeout)

    def stop(self) -> None:
        """Ends the commands that run; each then fails with Helm's own message."""
        with self._lock:
            for process in self.running:
                process.send_signal(signal.SIGTERM)

    def _run(self, command: list[str], descriptors: list[int], environment: dict[str, str], timeout: float) -> str:
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid())]
        with subprocess.Popen(
            [*launcher, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            pass_fds=descriptors,
        ) as process:
            with self._lock:
                self.running.add(process)
            try:
                output, errors = process.communicate(timeout=timeout + _MARGIN)
            except subprocess.TimeoutExpired as error:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.communicate(timeout=5)
                process.kill()
                raise HelmError(f"helm {command[1]} did not end within {timeout + _MARGIN:.0f} s") from error
            finally:
                with self._lock:
                    self.running.discard(process)
        if process.returncode:
            raise HelmError(_message(errors.decode(errors="replace")) or f"helm ended with {process.returncode}")
        return output.decode(errors="replace")

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HELM_")}
        return {
            **kept,
            "HELM_CACHE_HOME": str(self.home / "cache"),
            "HELM_CONFIG_HOME": str(self.home / "config"),
            "HELM_DATA_HOME": str(self.home / "data"),
        }


@contextlib.contextmanager
def _in_memory(text: str) -> Generator[int]:
    descriptor = os.memfd_create("helm", os.MFD_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, text.encode())
        yield descriptor
    finally:
        os.close(descriptor)


def _message(errors: str) -> str:
    lines = [line for line in errors.splitlines() if line.strip() and not line.startswith(("W", "I0", "WARNING:"))]
    text = "\n".join(lines).strip() or errors.strip()
    return text.removeprefix("Error: ")


def parse_json(output: str) -> dict[str, Any]:
    """The JSON object that Helm printed, after whatever it printed before."""
    start = output.find("{")
    try:
        return cast("dict[str, Any]", json.loads(output[start:]))
    except ValueError as error:
        raise HelmError(f"helm printed no JSON: {output[:200]!r}") from error
