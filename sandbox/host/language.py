"""The Python language host: runs the program and the policy pack as child processes, for machines without the official one.

It does what an operation needs: run a program, run a plugin written in Python (the policy pack), and say which Python
it uses. It installs nothing and generates no code; those calls answer "unimplemented", as the protocol allows. Installed
as `pulumi-language-python` in the sandbox's own Pulumi home and used only when the official host is not on PATH.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from sandbox.plugin import standby
from sandbox.plugin.server import serve

_ALREADY_SAID: Final = 32
"""Exit code by which a program says that it has shown the error itself."""


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs Python programs for the engine at `engine`, through the SDK's own `executor`."""

    def __init__(self, engine: str, executor: Path) -> None:
        self._engine = engine
        self._executor = executor
        self._children: set[subprocess.Popen[bytes]] = set()
        self._standby: subprocess.Popen[bytes] | None = None

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Nothing to agree on."""
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """The host has no version of its own."""
        return plugin_pb2.PluginInfo(version="0.0.0")

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """None: the sandbox has installed the providers already. A program will be run, so they will soon be started."""
        if self._standby is None:
            self._standby = standby.start(self._engine)
        return language_pb2.GetRequiredPackagesResponse()

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """None: the sandbox has installed the providers already."""
        return language_pb2.GetRequiredPluginsResponse()

    def About(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """The Python that runs programs."""
        return language_pb2.AboutResponse(executable=sys.executable, version=sys.version.split()[0])

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Asks every running child to stop."""
        for child in list(self._children):
            child.terminate()
        return empty_pb2.Empty()

    def end_children(self) -> None:
        """Kills every running child: a program whose engine is gone waits for its answers for ever."""
        for child in list(self._children):
            child.kill()
        if self._standby is not None:
            self._standby.kill()

    def Run(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Runs the program and waits for it. What it prints goes to the engine through this process's own output."""
        command = [sys.executable, "-u", str(self._executor)]
        command += ["--monitor", request.monitor_address, "--engine", self._engine]
        command += ["--project", request.project, "--stack", request.stack, "--pwd", request.info.program_directory]
        command += ["--dry_run", "true" if request.dryRun else "false", "--parallel", str(request.parallel)]
        command += ["--root_directory", request.info.root_directory, "--organization", request.organization]
        command += [str(Path(request.info.program_directory) / request.info.entry_point), *request.args]
        environment = {
            **os.environ,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        code = self._wait(command, environment, Path(request.info.program_directory))
        if code == 0:
            return language_pb2.RunResponse()
        if code == _ALREADY_SAID:
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {code}")

    def _wait(self, command: Sequence[str], environment: dict[str, str], folder: Path) -> int:
        with subprocess.Popen(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL) as child:
            self._children.add(child)
            try:
                return child.wait()
            finally:
                self._children.discard(child)

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        """Runs a plugin written in Python, the policy pack above all, and passes its output on as it comes."""
        folder = request.info.program_directory
        if request.kind == "analyzer":
            command = [sys.executable, "-u", "-m", "pulumi.policy", *request.args, folder]
        else:
            command = [sys.executable, "-u", folder, *request.args]
        environment = {**os.environ, **dict(item.split("=", 1) for item in request.env)}
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._children.add(child)
        context.add_callback(child.terminate)
        try:
            yield from _relay(child)
            yield language_pb2.RunPluginResponse(exitcode=child.wait())
        finally:
            self._children.discard(child)


def _relay(child: subprocess.Popen[bytes]) -> Iterator[Any]:
    """The child's output, standard error included, until both are closed."""
    parts: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def read(stream: Any, field: str) -> None:
        while data := stream.read1(65536):
            parts.put(language_pb2.RunPluginResponse(**{field: data}))
        parts.put(None)

    readers = [
        threading.Thread(target=read, args=(stream, field), daemon=True)
        for stream, field in ((child.stdout, "stdout"), (child.stderr, "stderr"))
    ]
    for reader in readers:
        reader.start()
    for _ in readers:
        while (part := parts.get()) is not None:
            yield part


def main(arguments: Sequence[str]) -> None:
    """Serves the host; the last argument is the engine's address, the executor comes in `SANDBOX_LANGUAGE_EXECUTOR`."""
    host = LanguageHost(arguments[-1], Path(os.environ["SANDBOX_LANGUAGE_EXECUTOR"]))
    serve(language_pb2_grpc.add_LanguageRuntimeServicer_to_server, host, before_end=host.end_children)
