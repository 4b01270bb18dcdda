"""Stopping a cluster that somebody is just changing."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path
from typing import Any, cast

from sandbox.cluster.errors import ClusterError
from sandbox.cluster.runtime import ClusterRuntime
from sandbox.cluster.spec import NodePoolSpec
from tests.sandbox.support import SPEC

POOL = NodePoolSpec(name="tpu", machine_type="ct6e-standard-4t", zones=("us-east5-b",), nodes_per_zone=1)


class Waiting:
    """A node agent whose Nodes never become Ready, and what runs beside it."""

    def __init__(self) -> None:
        self.agent = self
        self.applying = threading.Event()
        self.interrupted = threading.Event()
        self.stopped = False

    def apply_node_pool(self, _spec: NodePoolSpec) -> None:
        """Waits until it is interrupted."""
        self.applying.set()
        self.interrupted.wait(60)
        raise ClusterError("the cluster was stopped meanwhile")

    def interrupt(self) -> None:
        """Ends the wait."""
        self.interrupted.set()

    def stop(self) -> None:
        """The end of all parts."""
        self.stopped = True


def test_stop_does_not_wait_for_nodes(tmp_path: Path) -> None:
    """The change fails at once and the cluster ends: whoever stops it gives up on it after a minute."""
    runtime = ClusterRuntime(tmp_path, dataclasses.replace(SPEC, port=1), cast("Any", None))
    parts, failures = Waiting(), list[str]()
    setattr(runtime, "_companions", parts)  # noqa: B010 - the alternative is a whole cluster

    def change() -> None:
        try:
            runtime.apply_node_pool(POOL)
        except ClusterError as error:
            failures.append(str(error))

    changing = threading.Thread(target=change, daemon=True)
    changing.start()
    assert parts.applying.wait(20)
    stopping = threading.Thread(target=runtime.stop, daemon=True)
    stopping.start()
    stopping.join(20)
    assert parts.stopped
    changing.join(20)
    assert failures == ["the cluster was stopped meanwhile"]
