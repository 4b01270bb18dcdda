"""The sandbox's own processes that belong to one cluster: its load balancer, its metrics.

Owns how such a process is made. It is watched and started again like the parts of the control plane (`child`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sandbox.clock import SPEED
from sandbox.cluster.child import Child
from sandbox.home import CHECKOUT


def python_child(name: str, module: str, directory: Path, *arguments: str) -> Child:
    """`python -m MODULE DIRECTORY ARGUMENTS` for the cluster in `directory`, at the sandbox's speed."""
    environment = {"PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1"}
    if SPEED in os.environ:
        environment[SPEED] = os.environ[SPEED]
    return Child(
        name,
        [sys.executable, "-m", module, directory, *arguments],
        log=directory / "logs" / f"{name}.log",
        pid_file=directory / "run" / f"{name}.pid",
        directory=directory,
        environment=environment,
    )
