"""One simulated GKE cluster, as the simulated cloud sees it.

Owns: the life of a cluster: its directory, its address, the order in which control plane, CRDs, node agent and GKE
controllers come and go, and that all of it is gone after `stop`. Does not own long-running operations nor validation
of requests: those are the cloud's.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rules import timing
from sandbox import clock
from sandbox.cluster import kubeconfig, ports, record
from sandbox.cluster.bootstrap import bootstrap
from sandbox.cluster.child import end_leftovers
from sandbox.cluster.control_plane import ControlPlane
from sandbox.cluster.errors import ClusterError
from sandbox.cluster.files import sandbox_token
from sandbox.cluster.spec import ClusterSpec, NodePoolSpec
from sandbox.kube.client import ApiError, Client

if TYPE_CHECKING:
    from sandbox.balancer.process import BalancerProcess
    from sandbox.gke.controllers import GkeControllers
    from sandbox.metrics.process import MetricsProcess
    from sandbox.node.agent import NodeAgent
    from sandbox.node.autoscaler import Autoscaler
    from sandbox.toolchain import Tools

__all__ = ["ClusterError", "ClusterRuntime"]

_choosing = threading.Lock()
"""Two clusters made at once must not choose one port."""


def _no_address(_name: str) -> str | None:
    return None


class ClusterRuntime:
    """The cluster of `spec` below `home/clusters`; `address_lookup` finds a reserved address by its resource name.

    All methods may be called from any thread; one that changes the cluster waits for the one that does so already.
    """

    def __init__(
        self,
        home: Path,
        spec: ClusterSpec,
        tools: Tools,
        *,
        address_lookup: Callable[[str], str | None] = _no_address,
    ) -> None:
        self._home = home
        self._spec = spec
        self._tools = tools
        self._address_lookup = address_lookup
        self.directory = home / "clusters" / spec.directory_name
        self._file = self.directory / "cluster.json"
        self._lock = threading.RLock()
        self._owner = record.Lock(self.directory / "run" / "lock")
        self._port: int | None = None
        self._client: Client | None = None
        self._plane: ControlPlane | None = None
        self._agent: NodeAgent | None = None
        self._gke: GkeControllers | None = None
        self._balancer: BalancerProcess | None = None
        self._autoscaler: Autoscaler | None = None
        self._metrics: MetricsProcess | None = None
        self._pools: dict[str, NodePoolSpec] = {}

    @property
    def spec(self) -> ClusterSpec:
        """The specification it runs by."""
        return self._spec

    @property
    def endpoint(self) -> str:
        """`127.0.0.1:PORT` of the API server; known from the first start on, also while stopped."""
        port = self._port or ports.remembered(self._file)
        if port is None:
            raise ClusterError(f"cluster {self._spec.name} has no endpoint before its first start")
        return f"127.0.0.1:{port}"

    @property
    def ca_pem(self) -> str:
        """The certificate the API server's is signed by."""
        return (self.directory / "pki" / "ca.crt").read_text()

    @property
    def kubeconfig(self) -> Path:
        """For people: `kubectl --kubeconfig`; holds the sandbox's token."""
        return self.directory / "kubeconfig"

    @property
    def client(self) -> Client:
        """A client of the running cluster, with every permission."""
        if self._client is None:
            raise ClusterError(f"cluster {self._spec.name} is not running; start it with `make up`")
        return self._client

    @property
    def running(self) -> bool:
        """Whether `start` has completed and `stop` has not begun."""
        return self._client is not None

    def start(self, report: Callable[[str], None]) -> None:
        """Starts the cluster, or does nothing when it runs; blocks until pods can be created.

        `report` gets a line per step. Raises ClusterError with the remedy; nothing is left running then.
        """
        with self._lock:
            if self.running:
                return
            self._owner.acquire(self._spec.name)
            try:
                self._start(report)
            except ApiError as error:
                self._end()
                logs = self.directory / "logs"
                raise ClusterError(
                    f"cluster {self._spec.name} failed at start: {error}; its logs are in {logs}"
                ) from error
            except BaseException:
                self._end()
                raise

    def update(self, spec: ClusterSpec) -> None:
        """Makes a running cluster one of `spec`: a newer version or the Gateway API bring their CRDs.

        CRDs are never taken away, as that would delete people's objects with them. Raises ClusterError when `spec`
        names another cluster or another port.
        """
        with self._lock:
            if spec.directory_name != self._spec.directory_name:
                raise ClusterError(f"spec: {spec.context_name} is not this cluster, {self._spec.context_name}")
            if spec.port is not None and f"127.0.0.1:{spec.port}" != self.endpoint:
                raise ClusterError(
                    f"port: {spec.port} differs from the cluster's {self.endpoint}, which is in use by its clients; "
                    f"leave it out, or delete the cluster and create it on the other port"
                )
            client, changed = self.client, spec != self._spec
            late = spec.gateway_api and not self._spec.gateway_api
            self._spec = spec
            self._remember()
            if changed:
                bootstrap(client, spec, self._tools.crds)
                needed = clock.taking(0, timing.GATEWAY_CLASSES_LATE_SECONDS, spec.directory_name) if late else 0.0
                self._restart_gke(client, classes_after=needed)

    def apply_node_pool(self, spec: NodePoolSpec) -> None:
        """Creates or changes a node pool; blocks until its Nodes are Ready. One that grows keeps the size it has grown to."""
        with self._lock:
            held = self._pools.get(spec.name)
            if held is not None and spec.limits is not None:
                low, high = spec.limits
                spec = replace(spec, nodes_per_zone=max(spec.nodes_per_zone, low, min(held.nodes_per_zone, high)))
            self._running_agent().apply_node_pool(spec)
            self._pools[spec.name] = spec
            self._remember()

    def delete_node_pool(self, name: str) -> None:
        """Deletes a node pool, its Nodes and what runs on them; nothing happens when there is none."""
        with self._lock:
            self._running_agent().delete_node_pool(name)
            self._pools.pop(name, None)
            self._remember()

    def stop(self) -> None:
        """Ends every process of the cluster and keeps its data; idempotent. A `start` under way fails."""
        plane = self._plane
        if not self._lock.acquire(blocking=False):
            if plane is not None:
                plane.interrupt()
            self._lock.acquire()
        try:
            self._end()
        finally:
            self._lock.release()

    def delete(self) -> None:
        """Stops the cluster and removes everything of it; idempotent."""
        self.stop()
        with self._lock:
            self._end()
            if self.directory.exists():
                self._owner.acquire(self._spec.name)
                end_leftovers(self.directory / "run")
                shutil.rmtree(self.directory)
                self._owner.release()
            self._port = None
            self._pools = {}

    def _start(self, report: Callable[[str], None]) -> None:
        name = self._spec.name
        self._pools = record.read_node_pools(self._file)
        self._plane = plane = self._new_plane()
        for left in end_leftovers(self.directory / "run"):
            report(f"ended {left} of cluster {name}, left by a daemon that was killed")
        with _choosing:
            port = self._spec.port or ports.remembered(self._file) or ports.choose(self._home / "clusters")
            ports.require_free(port, name, self._file)
            self._port = port
            self._remember()
        plane.start(port, report)
        server = f"https://127.0.0.1:{port}"
        token = sandbox_token(self._home)
        context = self._spec.context_name
        kubeconfig.write_for_people(self.kubeconfig, context=context, server=server, ca=plane.pki.ca, token=token)
        client = Client(server, ca_pem=self.ca_pem, token=token)
        # First, so that its API is there when the others ask what the cluster serves.
        metrics = self._start_metrics(plane)
        bootstrap(client, self._spec, self._tools.crds)
        self._start_agent(client, plane, server, metrics)
        self._restart_gke(client)
        self._client = client
        report(f"cluster {name} is running")

    def _end(self) -> None:
        client, self._client = self._client, None
        gke, self._gke = self._gke, None
        balancer, self._balancer = self._balancer, None
        autoscaler, self._autoscaler = self._autoscaler, None
        metrics, self._metrics = self._metrics, None
        agent, self._agent = self._agent, None
        plane, self._plane = self._plane, None
        if autoscaler is not None:
            autoscaler.stop()
        try:
            if metrics is not None:
                metrics.stop()
            if balancer is not None:
                balancer.stop()
            if gke is not None:
                gke.stop()
            if agent is not None:
                agent.stop()
        finally:
            if plane is not None:
                plane.stop()
            if client is not None:
                client.close()
            self._owner.release()

    def _start_metrics(self, plane: ControlPlane) -> MetricsProcess:
        from sandbox.metrics.process import MetricsProcess  # noqa: PLC0415 - not needed by who only stops or deletes

        self._metrics = metrics = MetricsProcess(self.directory)
        plane.egress.resolve = metrics.resolve
        metrics.start()
        return metrics

    def _start_agent(self, client: Client, plane: ControlPlane, server: str, metrics: MetricsProcess) -> None:
        from sandbox.node.agent import NodeAgent  # noqa: PLC0415 - not needed by who only stops or deletes
        from sandbox.node.autoscaler import Autoscaler  # noqa: PLC0415 - as above

        agent = NodeAgent(client, self.directory, self._tools, api_server=server, kubeconfig=self.kubeconfig)
        self._agent = agent
        plane.egress.resolve = lambda host, port: metrics.resolve(host, port) or agent.resolve(host, port)
        agent.start()
        for pool in self._pools.values():
            agent.apply_node_pool(pool)
        self._autoscaler = Autoscaler(client, lambda: dict(self._pools), self._resize)
        self._autoscaler.start()

    def _resize(self, name: str, nodes_per_zone: int) -> None:
        with self._lock:
            pool = self._pools.get(name)
            if pool is not None and self.running:
                self.apply_node_pool(replace(pool, nodes_per_zone=nodes_per_zone))

    def _restart_gke(self, client: Client, classes_after: float = 0.0) -> None:
        from sandbox.balancer.process import BalancerProcess  # noqa: PLC0415 - as above
        from sandbox.gke.controllers import GkeControllers  # noqa: PLC0415 - as above

        if self._gke is not None:
            self._gke.stop()
        self._gke = gke = GkeControllers(
            client, self._spec, address_lookup=self._address_lookup, classes_after=classes_after
        )
        gke.start()
        if self._spec.gateway_api and self._balancer is None:
            self._balancer = BalancerProcess(self.directory)
            self._balancer.start()

    def _running_agent(self) -> NodeAgent:
        if self._agent is None:
            raise ClusterError(f"cluster {self._spec.name} is not running; start it with `make up`")
        return self._agent

    def _new_plane(self) -> ControlPlane:
        return ControlPlane(self.directory, self._tools, token=sandbox_token(self._home))

    def _remember(self) -> None:
        assert self._port is not None  # noqa: S101 - every caller comes after the port was chosen
        record.write(self._file, record.Record(spec=self._spec, port=self._port, node_pools=self._pools))
