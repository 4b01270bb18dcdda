"""What runs beside a cluster's control plane: metrics, the node agent, the autoscaler, GKE's controllers, the load balancer.

Owns these parts, the order in which they begin and end, and that names of the API server's proxy reach them. Does not own the
control plane, nor which node pools there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.cluster.errors import ClusterError
from sandbox.cluster.spec import ClusterSpec, NodePoolSpec
from sandbox.kube.client import Client

if TYPE_CHECKING:
    from sandbox.balancer.process import BalancerProcess
    from sandbox.cluster.control_plane import ControlPlane
    from sandbox.gke.controllers import GkeControllers
    from sandbox.metrics.process import MetricsProcess
    from sandbox.node.agent import NodeAgent
    from sandbox.node.autoscaler import Autoscaler
    from sandbox.toolchain import Tools


class Companions:
    """The parts of the cluster `name` whose files are in `directory`; `address_lookup` finds a reserved address by its name,
    `proxy_subnet` tells whether the cluster's network has a proxy-only subnet in its region.
    """

    def __init__(
        self,
        name: str,
        directory: Path,
        tools: Tools,
        address_lookup: Callable[[str], str | None],
        proxy_subnet: Callable[[], bool],
    ) -> None:
        self._name = name
        self._directory = directory
        self._tools = tools
        self._address_lookup = address_lookup
        self._proxy_subnet = proxy_subnet
        self._agent: NodeAgent | None = None
        self._gke: GkeControllers | None = None
        self._balancer: BalancerProcess | None = None
        self._autoscaler: Autoscaler | None = None
        self._metrics: MetricsProcess | None = None

    @property
    def agent(self) -> NodeAgent:
        """The node agent; ClusterError while the cluster is not running."""
        if self._agent is None:
            raise ClusterError(f"cluster {self._name} is not running; start it with `make up`")
        return self._agent

    def start_metrics(self, plane: ControlPlane) -> None:
        """First, so that its API is there when the others ask what the cluster serves."""
        from sandbox.metrics.process import MetricsProcess  # noqa: PLC0415 - not needed by who only stops or deletes

        self._metrics = metrics = MetricsProcess(self._directory)
        plane.egress.resolve = metrics.resolve
        metrics.start()

    def start_agent(
        self,
        client: Client,
        plane: ControlPlane,
        *,
        server: str,
        kubeconfig: Path,
        pools: Callable[[], Mapping[str, NodePoolSpec]],
        resize: Callable[[NodePoolSpec], None],
    ) -> None:
        """After `start_metrics`: makes the Nodes of `pools` and runs their pods; `resize` gives a pool another size."""
        from sandbox.node.agent import NodeAgent  # noqa: PLC0415 - not needed by who only stops or deletes
        from sandbox.node.autoscaler import Autoscaler  # noqa: PLC0415 - as above

        assert self._metrics is not None  # noqa: S101 - as the docstring says
        resolve_metrics = self._metrics.resolve
        agent = NodeAgent(client, self._directory, self._tools, api_server=server, kubeconfig=kubeconfig)
        self._agent = agent
        plane.egress.resolve = lambda host, port: resolve_metrics(host, port) or agent.resolve(host, port)
        agent.start()
        for pool in pools().values():
            agent.apply_node_pool(pool)
        self._autoscaler = Autoscaler(client, agent.cluster, pools, resize)
        self._autoscaler.start()

    def restart_gke(self, client: Client, spec: ClusterSpec, classes_after: float = 0.0) -> None:
        """GKE's controllers by `spec`, and the load balancer where its Gateway API is on."""
        from sandbox.balancer.process import BalancerProcess  # noqa: PLC0415 - as above
        from sandbox.gke.controllers import GkeControllers  # noqa: PLC0415 - as above

        if self._gke is not None:
            self._gke.stop()
        self._gke = gke = GkeControllers(
            client,
            spec,
            address_lookup=self._address_lookup,
            proxy_subnet=self._proxy_subnet,
            classes_after=classes_after,
        )
        gke.start()
        if spec.gateway_api and self._balancer is None:
            self._balancer = BalancerProcess(self._directory)
            self._balancer.start()

    def interrupt(self) -> None:
        """Makes what waits for Nodes fail at once, from any thread; `stop` has to follow."""
        agent = self._agent
        if agent is not None:
            agent.interrupt()

    def stop(self) -> None:
        """Ends all of them, those that act on the others first; idempotent."""
        parts = (self._autoscaler, self._metrics, self._balancer, self._gke, self._agent)
        self._autoscaler = self._metrics = self._balancer = self._gke = self._agent = None
        for part in parts:
            if part is not None:
                part.stop()
