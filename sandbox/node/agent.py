"""The node agent of one cluster: what the rest of the sandbox sees of nodes and pods.

Owns the order of starting and stopping, and what a crashed predecessor left behind. Everything else is in `pools`
(Nodes), `pods` (pods) and `services` (addresses).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sandbox.cluster.child import end_leftover
from sandbox.cluster.spec import NodePoolSpec
from sandbox.kube.client import Client
from sandbox.node import services
from sandbox.node.informer import Informer
from sandbox.node.pods import PodRunner
from sandbox.node.pools import NodePools, PoolError
from sandbox.toolchain import Tools

__all__ = ["NodeAgent", "PoolError"]

Object = dict[str, Any]


class NodeAgent:
    """A kubelet for all simulated VMs of the cluster whose directory is `home`.

    Processes log to `home`/logs/pods and keep their files in `home`/run/pods. `kubeconfig` is an administrator's: the
    server and CA of the pods' own kubeconfigs are taken from it.
    """

    def __init__(self, client: Client, home: Path, tools: Tools, *, api_server: str, kubeconfig: Path) -> None:
        project, _, rest = home.name.partition("_")
        self.cluster = rest.partition("_")[2] or home.name
        """The cluster's name."""
        self.api_server = api_server
        self._home = home
        self._pools = NodePools(client, project=project, cluster=self.cluster, on_change=self._wake)
        self._pods = PodRunner(client, tools, home, kubeconfig, node_objects=self._pools.nodes)
        self._services = Informer(client, "v1", "Service", on_change=self._wake)

    def start(self) -> None:
        """Ends what a crashed agent left, then follows Nodes, pods and Services until `stop`."""
        for pid_file in (self._home / "run" / "pods").glob("*/*.pid"):
            end_leftover(pid_file)
        self._pools.start()
        self._services.start()
        self._pods.start()

    def stop(self) -> None:
        """Ends every process of a pod; Nodes and pods stay in the API server for the next start."""
        self._pods.stop()
        self._services.stop()
        self._pools.stop()

    def interrupt(self) -> None:
        """Makes a change of a node pool that waits for its Nodes fail at once; `stop` has to follow."""
        self._pools.interrupt()

    def apply_node_pool(self, spec: NodePoolSpec) -> None:
        """Makes or changes a pool and waits until its Nodes are Ready.

        Raises:
            PoolError: they did not become Ready in time.
        """
        self._drain(self._pools.surplus(spec))
        self._pools.apply(spec)

    def delete_node_pool(self, name: str) -> None:
        """Removes a pool: its pods first, so that their controllers place new ones elsewhere, then its Nodes.

        Raises:
            PoolError: the Nodes did not go away in time.
        """
        doomed = self._pools.of_pool(name)
        self._drain(doomed)
        self._pools.delete(name)
        self._pods.remove_from(doomed)  # what the scheduler was just about to bind

    def resolve(self, cluster_ip: str, port: int) -> tuple[str, int] | None:
        """Where a connection of the API server to a Service goes: (127.0.0.1, port) of a ready local process."""
        return services.resolve(self._services.items(), self._pods.pods(), self._pods.local_port, cluster_ip, port)

    def _drain(self, doomed: set[str]) -> None:
        if doomed:
            self._pools.cordon(doomed)
            self._pods.remove_from(doomed)

    def _wake(self) -> None:
        self._pods.wake()
