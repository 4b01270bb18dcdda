"""The processes behind clusters: one runtime per cluster, started, changed and ended on behalf of the API.

Owns which runtimes live. What a runtime consists of (API server, nodes, GKE's controllers) is `sandbox.cluster`'s
business; that package is imported only here and only when a cluster is really started, so that a daemon without clusters
stays small. `SANDBOX_FAKE_CLUSTERS=1` puts a record in place of the processes, for tests of everything around them.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from sandbox import trust
from sandbox.cloud.capacity import boot_disk_gb, limits_per_zone, node_labels
from sandbox.cloud.kind import Properties, Resource
from sandbox.cloud.names import region_of
from sandbox.cloud.nodepools import (
    machine_of,
    node_taints,
    nodes_per_zone,
    slice_nodes,
    topology_of,
    zones_of,
)
from sandbox.cloud.settings import block, flag, text
from sandbox.cloud.store import write_atomically
from sandbox.cluster.spec import ClusterSpec, NodePoolSpec


class Runtime(Protocol):
    """What the cloud needs of a running cluster."""

    @property
    def endpoint(self) -> str:
        """Where the API server listens: host:port."""
        ...

    @property
    def ca_pem(self) -> str:
        """The certificate authority of the API server, PEM."""
        ...

    def start(self, report: Callable[[str], None]) -> None:
        """Starts it; returns when it serves. Idempotent."""
        ...

    def update(self, spec: ClusterSpec) -> None:
        """Changes version or add-ons."""
        ...

    def apply_node_pool(self, spec: NodePoolSpec) -> None:
        """Makes the pool's Nodes; returns when they are Ready."""
        ...

    def delete_node_pool(self, name: str) -> None:
        """Removes the pool's Nodes."""
        ...

    def node_count(self, pool: str) -> int | None:
        """Nodes of the pool in all zones, which the cluster's autoscaler may have changed; None when it has no such pool."""
        ...

    def stop(self) -> None:
        """Ends the processes and keeps the data."""
        ...

    def delete(self) -> None:
        """Ends the processes and removes the data."""
        ...


AddressLookup = Callable[[str], str | None]
"""The reserved address of a name, as a Gateway refers to it."""

SubnetLookup = Callable[[], bool]
"""Whether the cluster's network has an active proxy-only subnet in its region."""

RuntimeFactory = Callable[[Path, ClusterSpec, AddressLookup, SubnetLookup], Runtime]


class Clusters:
    """All runtimes of this daemon, by the cluster's id."""

    def __init__(
        self,
        home: Path,
        factory: RuntimeFactory | None,
        addresses: Callable[[str, str], Mapping[str, str]],
        proxies: Callable[[Resource], bool],
    ) -> None:
        self._home = home
        self._addresses = addresses
        """(project, region) -> reserved addresses by name."""
        self._proxies = proxies
        """cluster -> whether its network has an active proxy-only subnet in its region."""
        self._factory = factory or default_factory()
        self._runtimes: dict[str, Runtime] = {}
        self._clusters: dict[str, Resource] = {}
        self._lock = threading.Lock()
        self._stopping = False

    def start(self, cluster: Resource, version: str, report: Callable[[str], None]) -> Properties:
        """Starts the cluster's control plane, or brings a running one to the new specification."""
        spec = _spec(cluster, version)
        with self._lock:
            runtime = self._runtimes.get(cluster.id)
            known = runtime is not None
            if runtime is None:
                if self._stopping:
                    raise RuntimeError("the simulated cloud is being stopped")
                runtime = self._runtimes[cluster.id] = self._new(spec, cluster)
            self._clusters[cluster.id] = cluster
        runtime.start(report)
        if known:
            runtime.update(spec)
        if flag(cluster.properties, "controlPlaneEndpointsConfig", "dnsEndpointConfig", "allowExternalTraffic"):
            trust.add(self._home, runtime.ca_pem)
        return {
            "endpoint": runtime.endpoint,
            "masterAuth": {
                "clusterCaCertificate": base64.b64encode(runtime.ca_pem.encode()).decode(),
                "clientCertificate": "",
                "clientKey": "",
                "clientCertificateConfig": {"issueClientCertificate": False},
            },
        }

    def apply_node_pool(self, cluster_id: str, pool: Resource) -> None:
        """Makes the cluster's nodes what the pool says."""
        runtime, cluster = self._running(cluster_id)
        config = block(pool.properties, "nodeConfig")
        runtime.apply_node_pool(
            NodePoolSpec(
                name=pool.name,
                machine_type=machine_of(pool),
                zones=tuple(zones_of(pool, cluster)),
                nodes_per_zone=nodes_per_zone(pool),
                tpu_topology=topology_of(pool),
                labels=node_labels(config),
                taints=node_taints(pool),
                spot=flag(config, "spot"),
                limits=limits_per_zone(pool),
                boot_disk_gb=boot_disk_gb(pool),
                slice_nodes=slice_nodes(pool),
            )
        )

    def node_count(self, cluster_id: str, pool: str) -> int | None:
        """Nodes the pool has now, in all zones; None where that is not known."""
        with self._lock:
            runtime = self._runtimes.get(cluster_id)
        return None if runtime is None else runtime.node_count(pool)

    def delete_node_pool(self, cluster_id: str, name: str) -> None:
        """Removes the pool's nodes; nothing to do when the cluster is gone."""
        with self._lock:
            runtime = self._runtimes.get(cluster_id)
        if runtime is not None:
            runtime.delete_node_pool(name)

    def delete(self, cluster: Resource, version: str) -> None:
        """Ends the cluster's processes and removes what they stored, also of one that was never started again."""
        with self._lock:
            runtime = self._runtimes.pop(cluster.id, None) or self._new(_spec(cluster, version), cluster)
            self._clusters.pop(cluster.id, None)
        runtime.delete()

    def stop(self) -> None:
        """Ends every cluster's processes and keeps their data."""
        with self._lock:
            self._stopping = True
            runtimes = list(self._runtimes.values())
            self._runtimes.clear()
        threads = [threading.Thread(target=runtime.stop) for runtime in runtimes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _new(self, spec: ClusterSpec, cluster: Resource) -> Runtime:
        region = region_of(spec.location)
        return self._factory(
            self._home,
            spec,
            lambda name: self._addresses(spec.project, region).get(name),
            lambda: self._proxies(cluster),
        )

    def _running(self, cluster_id: str) -> tuple[Runtime, Resource]:
        with self._lock:
            runtime, cluster = self._runtimes.get(cluster_id), self._clusters.get(cluster_id)
        if runtime is None or cluster is None:
            raise RuntimeError(f"{cluster_id} is not running")
        return runtime, cluster


def directory_of(home: Path, cluster: Resource) -> Path:
    """Where the cluster keeps what it stores."""
    return home / "clusters" / _spec(cluster, "").directory_name


def _spec(cluster: Resource, version: str) -> ClusterSpec:
    return ClusterSpec(
        project=cluster.project,
        name=cluster.name,
        location=text(cluster.properties, "location"),
        kubernetes_version=version,
        gateway_api=text(cluster.properties, "gatewayApiConfig", "channel") == "CHANNEL_STANDARD",
    )


def default_factory() -> RuntimeFactory:
    """Real processes, unless `SANDBOX_FAKE_CLUSTERS` is set."""
    return FakeRuntime if os.environ.get("SANDBOX_FAKE_CLUSTERS") else _real


def _real(home: Path, spec: ClusterSpec, addresses: AddressLookup, proxies: SubnetLookup) -> Runtime:
    from sandbox.cluster.runtime import ClusterRuntime  # noqa: PLC0415 - a cloud without clusters needs none of it
    from sandbox.toolchain import Tools  # noqa: PLC0415

    return ClusterRuntime(home, spec, Tools.load(), address_lookup=addresses, proxy_subnet=proxies)


class FakeRuntime:
    """A cluster that is a file: what was asked of it, for tests."""

    def __init__(self, home: Path, spec: ClusterSpec, addresses: AddressLookup, proxies: SubnetLookup) -> None:
        del addresses, proxies
        self._path = home / "clusters" / spec.directory_name / "fake.json"
        self._record: Properties = {"spec": {}, "pools": {}, "starts": 0}
        if self._path.exists():
            self._record = json.loads(self._path.read_text(encoding="utf-8"))
        self._spec = spec

    @property
    def endpoint(self) -> str:
        """A loopback address that nothing listens on."""
        return "127.0.0.1:1"

    @property
    def ca_pem(self) -> str:
        """Text in the form of a certificate."""
        return "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

    def start(self, report: Callable[[str], None]) -> None:
        """Records the start."""
        report(f"starting {self._spec.name}")
        self._record["starts"] += 1
        self.update(self._spec)

    def update(self, spec: ClusterSpec) -> None:
        """Records the specification."""
        self._record["spec"] = {"version": spec.kubernetes_version, "gatewayApi": spec.gateway_api}
        self._save()

    def apply_node_pool(self, spec: NodePoolSpec) -> None:
        """Records the pool."""
        self._record["pools"][spec.name] = {
            "machineType": spec.machine_type,
            "zones": list(spec.zones),
            "nodesPerZone": spec.nodes_per_zone,
            "topology": spec.tpu_topology,
            "labels": dict(spec.labels),
            "taints": [list(taint) for taint in spec.taints],
            "spot": spec.spot,
        }
        self._save()

    def delete_node_pool(self, name: str) -> None:
        """Removes the pool from the record."""
        self._record["pools"].pop(name, None)
        self._save()

    def node_count(self, pool: str) -> int | None:
        """What the file says, where a test may have written another number, as an autoscaler would."""
        pools = json.loads(self._path.read_text(encoding="utf-8"))["pools"] if self._path.exists() else {}
        held = pools.get(pool)
        return None if held is None else held["nodesPerZone"] * len(held["zones"])

    def stop(self) -> None:
        """Does nothing: no process runs."""

    def delete(self) -> None:
        """Removes the record."""
        self._path.unlink(missing_ok=True)

    def _save(self) -> None:
        write_atomically(self._path, json.dumps(self._record, indent=1))
