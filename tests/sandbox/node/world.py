"""Workloads of one pod that really run, as tests of processes start them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.node.launch import Launch
from sandbox.node.prober import Prober
from sandbox.node.process import ProcessWorkload
from tests.sandbox.node.servers import Object, Told, context, server


class World:
    """Starts workloads of one pod, each ended by the fixture."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prober = Prober()
        self.told = Told()
        self.started: list[ProcessWorkload] = []

    def start(
        self, launch: Callable[[], Launch] | None = None, *, spec: Object | None = None, **container: Any
    ) -> ProcessWorkload:
        """A started workload; by default of the small server."""
        made = context(self.folder, self.prober, self.told, spec=spec, **container)
        workload = ProcessWorkload(made, launch or (lambda: server(self.folder)))
        self.started.append(workload)
        workload.start()
        return workload

    def serve(self, name: str, content: str = "") -> Path:
        """Makes the server answer for /`name`."""
        file = self.folder / name
        file.write_text(content)
        return file

    def pid(self) -> int:
        """Of the running process."""
        return int(json.loads((self.folder / "run" / "main.pid").read_text())["pid"])

    def log(self) -> str:
        """What the process has written."""
        file = self.folder / "logs" / "main.log"
        return file.read_text() if file.exists() else ""
