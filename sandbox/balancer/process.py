"""The load balancer's process, as whoever runs the cluster sees it.

Owns its start and end. It is watched and started again like the parts of the control plane, and does not outlive the daemon.
"""

from __future__ import annotations

from pathlib import Path

from sandbox.cluster.resident import python_child


class BalancerProcess:
    """`python -m sandbox.balancer` for the cluster in `directory`, whose kubeconfig is there already."""

    def __init__(self, directory: Path) -> None:
        self._child = python_child("load-balancer", "sandbox.balancer", directory)

    def start(self) -> None:
        """Starts it; returns at once, before it serves."""
        self._child.start()
        self._child.wait_ready(lambda: True, timeout=1.0)

    def stop(self) -> None:
        """Ends it."""
        self._child.stop(grace=1.0)
