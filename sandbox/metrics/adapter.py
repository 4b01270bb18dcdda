"""The Custom Metrics Stackdriver Adapter as a pod: it answers while its Deployment runs, and not before.

Owns its container's state. What it answers comes from the cluster's metrics process, which stands for Cloud Monitoring too; no
IAM is asked, although the real one needs roles/monitoring.viewer.
"""

from __future__ import annotations

import json
from pathlib import Path

from rules.workload_metrics import ADAPTER_PORT
from sandbox.metrics.service import file_in
from sandbox.node.recipe import Context
from sandbox.node.status import ContainerState


class AdapterWorkload:
    """See `sandbox.node.workload.Workload`."""

    def __init__(self, context: Context) -> None:
        self._file: Path = file_in(context.directory.parents[2])
        self._stopped = False

    def start(self) -> None:
        """Nothing has to be started."""

    def signal_stop(self) -> None:
        """Ends it."""
        self._stopped = True

    @property
    def stopped(self) -> bool:
        """Whether it has ended."""
        return self._stopped

    def state(self) -> ContainerState:
        """Runs."""
        return ContainerState()

    def local_port(self, container_port: int) -> int | None:
        """Where it answers."""
        if container_port != ADAPTER_PORT or self._stopped:
            return None
        try:
            return int(json.loads(self._file.read_text())["adapterPort"])
        except (OSError, ValueError, KeyError):
            return None
