"""The process of a cluster's metrics, as whoever runs the cluster sees it.

Owns its start and end, and the way to it. It is watched and started again like the parts of the control plane.
"""

from __future__ import annotations

from pathlib import Path

from sandbox.cluster.proc import free_ports
from sandbox.cluster.resident import python_child
from sandbox.metrics.registration import CLUSTER_IP, PORT
from sandbox.metrics.service import file_in


class MetricsProcess:
    """`python -m sandbox.metrics` for the cluster in `directory`, whose kubeconfig is there already."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port, adapter_port = free_ports(2)
        self._child = python_child("metrics", "sandbox.metrics", directory, str(self._port), str(adapter_port))

    def start(self) -> None:
        """Starts it; returns at once, before it serves."""
        self._child.start()
        self._child.wait_ready(lambda: True, timeout=1.0)

    def stop(self) -> None:
        """Ends it."""
        self._child.stop(grace=1.0)
        file_in(self._directory).unlink(missing_ok=True)

    def resolve(self, host: str, port: int) -> tuple[str, int] | None:
        """Where a connection of the API server to its Service goes; None for any other address."""
        return ("127.0.0.1", self._port) if (host, port) == (CLUSTER_IP, PORT) else None
