"""The load balancer's process, as whoever runs the cluster sees it.

Owns its start and end. It is watched and started again like the parts of the control plane, and does not outlive the daemon.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sandbox.clock import SPEED
from sandbox.cluster.child import Child
from sandbox.home import CHECKOUT


class BalancerProcess:
    """`python -m sandbox.balancer` for the cluster in `directory`, whose kubeconfig is there already."""

    def __init__(self, directory: Path) -> None:
        environment = {"PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1"}
        if SPEED in os.environ:
            environment[SPEED] = os.environ[SPEED]
        self._child = Child(
            "load-balancer",
            [sys.executable, "-m", "sandbox.balancer", directory],
            log=directory / "logs" / "load-balancer.log",
            pid_file=directory / "run" / "load-balancer.pid",
            directory=directory,
            environment=environment,
        )

    def start(self) -> None:
        """Starts it; returns at once, before it serves."""
        self._child.start()
        self._child.wait_ready(lambda: True, timeout=1.0)

    def stop(self) -> None:
        """Ends it."""
        self._child.stop(grace=1.0)
