"""Clusters of a cloud that was stopped or killed, started again.

Owns which of them did not come back, and why. Does not own operations that were under way: they go on as such.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from sandbox.cloud import container, nodepools
from sandbox.cloud.errors import described
from sandbox.cloud.kind import Kind, Resource, View


class Revival:
    """Starts clusters; `keep` stores what became of one, `log` gets a line for each that does not start.

    A cluster that does not come back is in state ERROR, and each daemon tries it anew: what kept it down, a port that was
    taken or a start that took too long, is of the machine and may have passed. While the daemon goes down (`ending`), no
    failure is written: it says nothing of the cluster.
    """

    def __init__(
        self,
        view: View,
        kind: Kind,
        keep: Callable[[Resource], None],
        log: Callable[[str], None],
        ending: threading.Event,
    ) -> None:
        self._view = view
        self._kind = kind
        self._keep = keep
        self._log = log
        self._ending = ending
        self._one_at_a_time = threading.Lock()
        self.stranded: dict[str, str] = {}
        """Clusters that were there before and could not be started again, and why."""

    def begin(self, clusters: Iterable[Resource]) -> None:
        """Starts clusters that ran before; one that fails keeps none of the others down."""
        for cluster in clusters:
            if self._ending.is_set():
                return
            self._revive(cluster)

    def again(self) -> dict[str, str]:
        """Starts the stranded clusters once more; answers why, by id, for those that still do not come back."""
        with self._one_at_a_time:
            for cluster_id in list(self.stranded):
                cluster = self._view.find(container.CLUSTERS, cluster_id)
                if cluster is None:
                    self.stranded.pop(cluster_id, None)
                else:
                    self._revive(cluster)
            return dict(self.stranded)

    def _revive(self, cluster: Resource) -> None:
        try:
            self._restart(cluster)
            self.stranded.pop(cluster.id, None)
        except Exception as error:  # noqa: BLE001 - one broken cluster must not keep the others down
            if self._ending.is_set():
                return
            cluster.status, cluster.error = "ERROR", described(error)
            self.stranded[cluster.id] = cluster.error
            self._keep(cluster)
            self._log(f"{cluster.id}: {cluster.error}")

    def _restart(self, cluster: Resource) -> None:
        cluster.outputs = {**cluster.outputs, **self._kind.apply(self._view, cluster, None, self._log)}
        if cluster.status != "DEGRADED":
            cluster.status, cluster.error = "RUNNING", ""
        self._keep(cluster)
        for pool in self._view.all(nodepools.POOLS, cluster.project):
            if nodepools.cluster_path(pool.id) == cluster.id and pool.status in {"RUNNING", "RECONCILING"}:
                self._view.clusters.apply_node_pool(cluster.id, pool)
