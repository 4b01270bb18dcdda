"""Node pools as Nodes in the API server: made, changed, kept Ready, removed.

Owns Nodes, their Leases and addresses. Does not own the pods on them: see `pods`. Why heartbeats at all: the real node
controller marks a Node whose Lease stands still as unreachable and evicts its pods, as it would on GKE.
"""

from __future__ import annotations

import contextlib
import ipaddress
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sandbox.cluster.errors import ClusterError
from sandbox.cluster.spec import NodePoolSpec
from sandbox.kube.client import ApiError, Client
from sandbox.node import nodes
from sandbox.node.informer import Informer
from sandbox.node.machines import machine
from sandbox.node.status import now_text

Object = dict[str, Any]

_LEASE_NAMESPACE = "kube-node-lease"
_LEASE_SECONDS = 40
_RENEW_SECONDS = 10.0
_VM_NETWORK = ipaddress.ip_network("10.128.0.0/20")
_POD_NETWORK = ipaddress.ip_network("10.64.0.0/14")
_DEADLINE_SECONDS = 60.0
_NOT_READY_TAINTS = {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}


class PoolError(ClusterError):
    """Nodes of a pool did not become Ready, or did not go away, in time."""


class NodePools:
    """The Nodes of one cluster. `project` and `cluster` go into provider ids and node names."""

    def __init__(self, client: Client, *, project: str, cluster: str, on_change: Callable[[], None]) -> None:
        self._client = client
        self._project = project
        self._cluster = cluster
        self._on_change = on_change
        self._changed = threading.Condition()
        self._informer = Informer(client, "v1", "Node", on_change=self._note)
        self._stopping = threading.Event()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Follows the Nodes and begins to renew their Leases."""
        self._informer.start()
        threading.Thread(target=self._keep_alive, name="node-heartbeat", daemon=True).start()

    def interrupt(self) -> None:
        """Ends the heartbeats, and a wait for Nodes that is under way: it fails. `stop` has to follow."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        """Ends the heartbeats; the Nodes stay, as those of a cluster whose network is cut."""
        self.interrupt()
        self._informer.stop()

    def nodes(self) -> dict[str, Object]:
        """The Nodes that are simulated VMs, by name."""
        return {node["metadata"]["name"]: node for node in self._informer.items() if nodes.pool_of(node) is not None}

    def surplus(self, spec: NodePoolSpec) -> set[str]:
        """The Nodes of the pool that `apply(spec)` will remove, because of their number or their machine type."""
        wanted = dict(nodes.virtual_machines(self._cluster, spec))
        return {
            node["metadata"]["name"]
            for node in self._listed()
            if nodes.pool_of(node) == spec.name
            and (node["metadata"]["name"] not in wanted or not _same_machine(node, spec))
        }

    def of_pool(self, pool: str) -> set[str]:
        """The names of the pool's Nodes."""
        return {node["metadata"]["name"] for node in self._listed() if nodes.pool_of(node) == pool}

    def cordon(self, names: set[str]) -> None:
        """Marks Nodes as unschedulable, so that pods deleted from them do not come back to them."""
        for name in names:
            self._client.merge_patch("v1", "Node", name, None, {"spec": {"unschedulable": True}})

    def apply(self, spec: NodePoolSpec) -> None:
        """Makes the pool's Nodes what `spec` says and waits until all are Ready.

        Raises:
            PoolError: they are not Ready after 60 s.
        """
        wanted = dict(nodes.virtual_machines(self._cluster, spec))
        with self._lock:
            existing = {node["metadata"]["name"]: node for node in self._listed()}
            for name, node in list(existing.items()):
                if nodes.pool_of(node) == spec.name and (name not in wanted or not _same_machine(node, spec)):
                    self._remove(name)
                    del existing[name]
            for name, zone in wanted.items():
                found = existing.get(name)
                if found is not None:
                    self._relabel(found, spec, zone)
                    continue
                existing[name] = self._create(spec, name, zone, list(existing.values()))
        self._renew(list(wanted))
        self._await(
            lambda: all(self._usable(name) for name in wanted),
            f"node pool {spec.name}: its nodes are not Ready",
        )

    def delete(self, pool: str) -> None:
        """Removes the pool's Nodes and waits until they are gone. Their pods are the caller's to remove first."""
        with self._lock:
            doomed = [node["metadata"]["name"] for node in self._listed() if nodes.pool_of(node) == pool]
            for name in doomed:
                self._remove(name)
        self._await(lambda: not set(doomed) & self.nodes().keys(), f"node pool {pool}: its nodes have not gone away")

    def _listed(self) -> list[Object]:
        return [node for node in self._client.list("v1", "Node") if nodes.pool_of(node) is not None]

    def _usable(self, name: str) -> bool:
        node = self.nodes().get(name)
        if node is None or not nodes.is_ready(node):
            return False
        return not any(taint["key"] in _NOT_READY_TAINTS for taint in node["spec"].get("taints", []))

    def _create(self, spec: NodePoolSpec, name: str, zone: str, others: list[Object]) -> Object:
        addresses = {nodes.internal_ip(node) for node in others}
        ranges = {node["spec"].get("podCIDR") for node in others}
        address = next(str(ip) for ip in list(_VM_NETWORK.hosts())[1:] if str(ip) not in addresses)
        pod_cidr = next(str(net) for net in _POD_NETWORK.subnets(new_prefix=24) if str(net) not in ranges)
        node = nodes.node_object(spec, name, zone, project=self._project, address=address, pod_cidr=pod_cidr)
        with contextlib.suppress(ApiError):
            self._client.request("DELETE", f"/apis/coordination.k8s.io/v1/namespaces/{_LEASE_NAMESPACE}/leases/{name}")
        return self._client.create(node, strict=True)

    def _relabel(self, node: Object, spec: NodePoolSpec, zone: str) -> None:
        metadata, shape = node["metadata"], machine(spec.machine_type)
        wanted = nodes.labels(spec, shape, metadata["name"], zone)
        gone = {key: None for key in metadata["labels"] if key not in wanted}
        held = [t for t in node["spec"].get("taints", []) if t["key"].startswith("node.kubernetes.io/")]
        own = nodes.taints(spec, shape)
        patch: Object = {}
        if gone or any(metadata["labels"].get(key) != value for key, value in wanted.items()):
            patch["metadata"] = {"labels": {**wanted, **gone}}
        if [_bare(t) for t in node["spec"].get("taints", []) if t not in held] != own:
            patch["spec"] = {"taints": own + held}
        if patch:
            self._client.merge_patch("v1", "Node", metadata["name"], None, patch)

    def _remove(self, name: str) -> None:
        self._client.delete("v1", "Node", name)
        self._client.delete("coordination.k8s.io/v1", "Lease", name, _LEASE_NAMESPACE)

    def _note(self) -> None:
        with self._changed:
            self._changed.notify_all()
        self._on_change()

    def _await(self, holds: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + _DEADLINE_SECONDS
        with self._changed:
            while not holds():
                if self._stopping.is_set():
                    raise PoolError(f"{complaint}: the cluster was stopped meanwhile")
                if time.monotonic() >= deadline:
                    raise PoolError(f"{complaint} after {_DEADLINE_SECONDS:.0f} s")
                self._changed.wait(1.0)

    def _keep_alive(self) -> None:
        while not self._stopping.wait(_RENEW_SECONDS):
            with contextlib.suppress(ApiError):
                self._renew(list(self.nodes()))

    def _renew(self, names: list[str]) -> None:
        for name in names:
            self._renew_lease(name)
            node = self.nodes().get(name)
            if node is not None and not nodes.is_ready(node):
                patch = {"status": {"conditions": nodes.conditions(now_text())}}
                self._client.merge_patch("v1", "Node", name, None, patch, subresource="status")

    def _renew_lease(self, name: str) -> None:
        spec = {
            "holderIdentity": name,
            "leaseDurationSeconds": _LEASE_SECONDS,
            "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        try:
            self._client.merge_patch("coordination.k8s.io/v1", "Lease", name, _LEASE_NAMESPACE, {"spec": spec})
        except ApiError as error:
            if error.status != 404:
                raise
            lease = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": name, "namespace": _LEASE_NAMESPACE},
                "spec": spec,
            }
            with contextlib.suppress(ApiError):  # its namespace is made by the API server, shortly after its start
                self._client.create(lease)


def _same_machine(node: Object, spec: NodePoolSpec) -> bool:
    return node["metadata"]["labels"].get("node.kubernetes.io/instance-type") == spec.machine_type


def _bare(taint: Object) -> Object:
    return {key: value for key, value in taint.items() if key in {"key", "value", "effect"}}
