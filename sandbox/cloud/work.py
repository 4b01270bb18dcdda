"""The work behind operations: what a request asked for, done in the background, and what becomes of the resource.

Owns the resource's status from the start of the work to its end. A daemon that goes down takes its clusters' processes with
it, so that work fails for no reason of its own: such an end is not written, and the next daemon does the work once more.
"""

from __future__ import annotations

import threading
import time
from dataclasses import asdict

from sandbox.cloud import container, latency, nodepools
from sandbox.cloud.errors import CloudError
from sandbox.cloud.faults import Faults, Report
from sandbox.cloud.kind import Kind, Resource, View
from sandbox.cloud.operations import CutOffError, Operations, Work
from sandbox.cloud.store import Record, Table
from sandbox.cloud.targets import target_of


class Worker:
    """Does the work. `pools` is the kind of node pools, `ending` is set when the daemon goes down."""

    def __init__(
        self,
        view: View,
        resources: Table,
        pools: Kind,
        operations: Operations,
        faults: Faults,
        ending: threading.Event,
    ) -> None:
        self._view = view
        self._resources = resources
        self._pools = pools
        self._operations = operations
        self._faults = faults
        self._ending = ending

    def run(self, operation: Record, kind: Kind, resource: Resource, old: Resource | None) -> None:
        """Makes or changes the resource."""

        def work(report: Report) -> None:
            ready = time.monotonic() + latency.seconds(operation["verb"], resource)
            try:
                damage = self._strike(operation, resource)
                outputs = kind.apply(self._view, resource, old, report)
            except Exception as error:
                self._unless_ending(error)
                self._failed(kind, resource, old, error.message if isinstance(error, CloudError) else str(error))
                raise
            time.sleep(max(0.0, ready - time.monotonic()))
            self._unless_ending(None)
            resource.outputs = {**resource.outputs, **outputs}
            resource.status, resource.error = ("DEGRADED", damage) if damage else ("RUNNING", "")
            self._put(resource)
            if kind.type == container.CLUSTERS and old is None:
                self._make_default_pool(resource, report)

        self._operations.run(operation, kind.lock(resource), self._guarded(work))

    def run_delete(self, operation: Record, kind: Kind, resource: Resource) -> None:
        """Ends the resource, and node pools with their cluster."""

        def work(_: Report) -> None:
            self._strike(operation, resource)
            kind.remove(self._view, resource, {})
            for child in self._view.all(nodepools.POOLS, resource.project) if kind.type == container.CLUSTERS else []:
                if nodepools.cluster_path(child.id) == resource.id:
                    self._resources.drop(child.key)
            self._resources.drop(resource.key)

        self._operations.run(operation, kind.lock(resource), self._guarded(work))

    def _guarded(self, work: Work) -> Work:
        def guarded(report: Report) -> None:
            try:
                work(report)
            except Exception as error:
                self._unless_ending(error)
                raise

        return guarded

    def _unless_ending(self, error: Exception | None) -> None:
        if self._ending.is_set():
            raise CutOffError from error

    def _strike(self, operation: Record, resource: Resource) -> str | None:
        """Waits for or raises what a fault has in store; answers the status message of what comes up degraded."""

        def note(held: bool) -> None:
            self._operations.note(operation, held=held)

        if operation.get("held"):
            note(False)
        return self._faults.hold(operation["verb"], target_of(self._view, resource), note)

    def _failed(self, kind: Kind, resource: Resource, old: Resource | None, error: str) -> None:
        if kind.keeps_failed:
            resource.status, resource.error = "ERROR", error
            self._put(resource)
        elif old is not None:
            self._put(old)
        else:
            self._resources.drop(resource.key)

    def _make_default_pool(self, cluster: Resource, report: Report) -> None:
        if cluster.properties.get("removeDefaultNodePool") or cluster.properties.get("enableAutopilot"):
            return
        pool = nodepools.default_pool(cluster)
        pool.outputs = self._pools.complete(self._view, pool)
        self._put(pool)
        self._pools.apply(self._view, pool, None, report)

    def _put(self, resource: Resource) -> None:
        self._resources.put(resource.key, asdict(resource))
