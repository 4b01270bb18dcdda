"""One simulated GKE cluster, as the simulated cloud sees it.

Owns: the life of a cluster: its directory, its address, the order in which control plane, CRDs and what runs beside them
(`companions`) come and go, and that all of it is gone after `stop`. Does not own long-running operations nor validation of
requests: those are the cloud's.
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
from sandbox.cluster.companions import Companions
from sandbox.cluster.control_plane import ControlPlane
from sandbox.cluster.errors import ClusterError
from sandbox.cluster.files import sandbox_token
from sandbox.cluster.spec import ClusterSpec, NodePoolSpec
from sandbox.kube.client import ApiError, Client

if TYPE_CHECKING:
    from sandbox.toolchain import Tools

__all__ = ["ClusterError", "ClusterRuntime"]

_INTERRUPT_SECONDS = 1.0
"""Between two interruptions of what holds the cluster: it may only now have begun with something that can be interrupted."""
_choosing = threading.Lock()
"""Two clusters made at once must not choose one port."""


def _proxies() -> bool:
    return True


def _no_address(_name: str) -> str | None:
    return None


class ClusterRuntime:
    """The cluster of `spec` below `home/clusters`; `address_lookup` finds a reserved address by its resource name,
    `proxy_subnet` tells whether the cluster's network has a proxy-only subnet in its region.

    All methods may be called from any thread; one that changes the cluster waits for the one that does so already.
    """

    def __init__(
        self,
        home: Path,
        spec: ClusterSpec,
        tools: Tools,
        *,
        address_lookup: Callable[[str], str | None] = _no_address,
        proxy_subnet: Callable[[], bool] = _proxies,
    ) -> None:
        self._home = home
        self._spec = spec
        self._tools = tools
        self.directory = home / "clusters" / spec.directory_name
        self._companions = Companions(spec.name, self.directory, tools, address_lookup, proxy_subnet)
        self._file = self.directory / "cluster.json"
        self._lock = threading.RLock()
        self._owner = record.Lock(self.directory / "run" / "lock")
        self._port: int | None = None
        self._client: Client | None = None
        self._plane: ControlPlane | None = None
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
                self._companions.restart_gke(client, spec, classes_after=needed)

    def apply_node_pool(self, spec: NodePoolSpec) -> None:
        """Creates or changes a node pool; blocks until its Nodes are Ready. An autoscaled one keeps the size it has, within its
        limits: that is the autoscaler's.
        """
        with self._lock:
            held = self._pools.get(spec.name)
            if held is not None and spec.limits is not None:
                low, high = spec.limits
                size = max(low, min(held.nodes_per_zone, high))
                spec = replace(
                    spec, nodes_per_zone=size, absent=held.absent if size == held.nodes_per_zone > low else ()
                )
            self._put_node_pool(spec)

    def node_count(self, pool: str) -> int | None:
        """Nodes the pool has in all zones; None when there is no such pool."""
        spec = self._pools.get(pool)
        return None if spec is None else spec.node_count

    def delete_node_pool(self, name: str) -> None:
        """Deletes a node pool, its Nodes and what runs on them; nothing happens when there is none."""
        with self._lock:
            self._companions.agent.delete_node_pool(name)
            self._pools.pop(name, None)
            self._remember()

    def stop(self) -> None:
        """Ends every process of the cluster and keeps its data; idempotent. A `start` or a change of a pool under way fails."""
        held = self._lock.acquire(blocking=False)
        while not held:
            plane = self._plane
            if plane is not None:
                plane.interrupt()
            self._companions.interrupt()
            held = self._lock.acquire(timeout=_INTERRUPT_SECONDS)
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
        self._companions.start_metrics(plane)
        bootstrap(client, self._spec, self._tools.crds)
        self._companions.start_agent(
            client,
            plane,
            server=server,
            kubeconfig=self.kubeconfig,
            pools=lambda: dict(self._pools),
            resize=self._resize,
        )
        self._companions.restart_gke(client, self._spec)
        self._client = client
        report(f"cluster {name} is running")

    def _end(self) -> None:
        client, self._client = self._client, None
        plane, self._plane = self._plane, None
        try:
            self._companions.stop()
        finally:
            if plane is not None:
                plane.stop()
            if client is not None:
                client.close()
            self._owner.release()

    def _resize(self, wanted: NodePoolSpec) -> None:
        with self._lock:
            held = self._pools.get(wanted.name)
            if held is not None and self.running:
                self._put_node_pool(replace(held, nodes_per_zone=wanted.nodes_per_zone, absent=wanted.absent))

    def _put_node_pool(self, spec: NodePoolSpec) -> None:
        self._companions.agent.apply_node_pool(spec)
        self._pools[spec.name] = spec
        self._remember()

    def _new_plane(self) -> ControlPlane:
        return ControlPlane(self.directory, self._tools, token=sandbox_token(self._home))

    def _remember(self) -> None:
        assert self._port is not None  # noqa: S101 - every caller comes after the port was chosen
        record.write(self._file, record.Record(spec=self._spec, port=self._port, node_pools=self._pools))
