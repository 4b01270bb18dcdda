"""A small program that plays a container, and contexts to run it with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from sandbox.cluster.proc import free_ports
from sandbox.node.launch import Launch
from sandbox.node.prober import Prober
from sandbox.node.recipe import Context
from tests.sandbox.node.fakes import client_with, pod

Object = dict[str, Any]

PORT = 8000

SERVER = """
import http.server, pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with (folder / "asked").open("a") as file: file.write(self.path + chr(10))
        if self.path == "/slow": time.sleep(30)
        self.send_response(200 if (folder / self.path.strip("/")).exists() else 404)
        self.end_headers()
    def log_message(self, *args): pass
def end(*_):
    print("asked to end", flush=True)
    if not (folder / "stubborn").exists(): sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("begins", flush=True)
if (folder / "crash").exists(): sys.exit(int((folder / "crash").read_text()))
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
"""
"""Answers 200 for a path that is a file of its folder, else 404; `crash` holds an exit code, `stubborn` ignores SIGTERM."""


def server(folder: Path) -> Launch:
    """A start of the program, which serves container port 8000."""
    (port,) = free_ports(1)
    command = [sys.executable, "-I", "-S", "-c", SERVER, str(folder), str(port)]
    return Launch(command=command, environment={}, ports={PORT: port})


def http(path: str, **numbers: int) -> Object:
    """A probe of the program as a pod's spec has it."""
    return {"httpGet": {"path": path, "port": "http"}, **numbers}


class Told:
    """Events that a workload wrote."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []

    def __call__(self, kind: str, reason: str, message: str) -> None:
        """What a context's `tell` is."""
        self.events.append((kind, reason, message))

    def messages(self, reason: str) -> list[str]:
        """The messages with one reason."""
        return [message for _, found, message in self.events if found == reason]


def context(
    folder: Path, prober: Prober, tell: Callable[[str, str, str], None], *, spec: Object | None = None, **container: Any
) -> Context:
    """A context for a container `main` with `container`'s fields in a pod with `spec`'s."""
    main = {"name": "main", "image": "i", "ports": [{"name": "http", "containerPort": PORT}], **container}
    found = pod(containers=[main], **(spec or {}))
    return Context(
        client=client_with(),
        tools=cast("Any", None),
        kubeconfig=folder / "kubeconfig",
        pod=found,
        container=main,
        pod_ip="10.64.0.2",
        host_ip="10.128.0.2",
        directory=folder / "run",
        log=folder / "logs" / "main.log",
        on_change=lambda: None,
        tell=tell,
        prober=prober,
    )
