"""A stand-in for GKE's cluster autoscaler: pools get nodes for pods that fit nowhere, and give up nodes that are not needed.

Owns which pool grows, and the order: what waits comes before what could go. Does not own the nodes (`pools`) nor how a node is
given up (`scale_down`). As on GKE a pool changes by whole slices, and a ComputeClass says which pool comes first.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from rules import compute_class, node_scaling, tpu
from sandbox.clock import paced
from sandbox.cluster.errors import ClusterError
from sandbox.cluster.spec import NodePoolSpec
from sandbox.kube.client import ApiError, Client
from sandbox.node import nodes, placing
from sandbox.node.machines import machine
from sandbox.node.scale_down import ScaleDown

Object = dict[str, Any]

_SHORTEST_SCAN = 1.0
"""Seconds; each look lists all pods and nodes, which at a high speed would keep the API server busy with nothing else."""


def unschedulable(pods: Iterable[Object]) -> list[Object]:
    """The pods that the scheduler has found no node for."""
    return [pod for pod in pods if not pod["spec"].get("nodeName") and _has_no_place(pod)]


def expected(waiting: Iterable[Object], pods: Iterable[Object], found: Iterable[Object]) -> dict[str, str]:
    """The nodes by uid of those waiting pods that a node there is already has room for: the scheduler only needs a moment.

    A pod with rules that are not simulated is none of these.
    """
    bound = placing.by_node(pods)
    there = [
        (node, placing.room(node, bound.get(node["metadata"]["name"], []))) for node in found if placing.is_open(node)
    ]
    hosts: dict[str, str] = {}
    for pod in waiting:
        host = next((node for node, left in there if placing.fits(pod, node, left)), None)
        if host is not None and not placing.has_rules(pod):
            hosts[pod["metadata"]["uid"]] = host["metadata"]["name"]
    return hosts


def _has_no_place(pod: Object) -> bool:
    conditions: list[Object] = pod.get("status", {}).get("conditions") or []
    return any(
        c["type"] == "PodScheduled" and c["status"] == "False" and c.get("reason") == "Unschedulable"
        for c in conditions
    )


def grown(
    pools: Mapping[str, NodePoolSpec], pods: Iterable[Object], classes: Mapping[str, list[str]]
) -> dict[str, int]:
    """Nodes per zone that pools should have for these pods: one slice for each that fits a pool with room.

    A pool some of whose VMs were given up gets those back first, at the size it has.
    """
    sizes: dict[str, int] = {}
    returning = {name: len(spec.absent) // spec.slice_nodes for name, spec in pools.items()}
    for pod in pods:
        for name in _order(pod, pools, classes):
            spec = pools[name]
            size = sizes.get(name, spec.nodes_per_zone)
            if spec.limits is None or not fits(pod, spec):
                continue
            if returning[name]:
                returning[name] -= 1
                sizes[name] = size
                break
            if size + spec.slice_nodes <= spec.limits[1]:
                sizes[name] = size + spec.slice_nodes
                break
    return sizes


def _order(pod: Object, pools: Mapping[str, NodePoolSpec], classes: Mapping[str, list[str]]) -> list[str]:
    wanted = str((pod["spec"].get("nodeSelector") or {}).get(compute_class.LABEL, ""))
    if wanted in classes:
        return [name for name in classes[wanted] if name in pools]
    return sorted(pools)


def fits(pod: Object, spec: NodePoolSpec) -> bool:
    """Whether a new node of the pool would take the pod, by labels, taints and chips; CPU and memory are not counted."""
    shape = machine(spec.machine_type)
    labels = nodes.labels(spec, shape, "new", spec.zones[0])
    if not placing.selects(pod, labels) or node_scaling.requested([pod], tpu.TPU_RESOURCE) > shape.chips:
        return False
    return placing.tolerates(pod, nodes.taints(spec, shape))


class Autoscaler:
    """Looks at pods and nodes in a thread of its own; `resize` gives a pool of `cluster` another size."""

    def __init__(
        self,
        client: Client,
        cluster: str,
        pools: Callable[[], Mapping[str, NodePoolSpec]],
        resize: Callable[[NodePoolSpec], None],
    ) -> None:
        self._client = client
        self._cluster = cluster
        self._pools = pools
        self._resize = resize
        self._stopping = threading.Event()
        self._scale_down = ScaleDown(client, self._remove, self._stopping)

    def start(self) -> None:
        """Begins to look."""
        threading.Thread(target=self._run, name="cluster-autoscaler", daemon=True).start()

    def stop(self) -> None:
        """Ends it; a resize that is under way fails with the cluster it belongs to."""
        self._stopping.set()

    def scan(self) -> None:
        """One look: grows what has to grow; if nothing has to, gives up what can go."""
        growing = {name: spec for name, spec in self._pools().items() if spec.limits is not None}
        if not growing:
            return
        found, pods = self._client.list("v1", "Node"), self._client.list("v1", "Pod")
        pending = unschedulable(pods)
        hosts = expected(pending, pods, found)
        pending = [pod for pod in pending if pod["metadata"]["uid"] not in hosts]
        sizes = grown(growing, pending, self._classes() if pending else {})
        for name, size in sizes.items():
            if not self._stopping.is_set():
                self._resize(replace(growing[name], nodes_per_zone=size, absent=()))
        if sizes:
            self._scale_down.scaled_up()
        else:
            for pod in pods:
                if pod["metadata"]["uid"] in hosts:
                    pod["spec"]["nodeName"] = hosts[pod["metadata"]["uid"]]
            self._scale_down.look(growing, found, pods)

    def _remove(self, pool: str, names: frozenset[str]) -> None:
        spec = self._pools().get(pool)
        if spec is not None:
            self._resize(nodes.without(self._cluster, spec, names))

    def _classes(self) -> dict[str, list[str]]:
        found = self._client.list(compute_class.API_VERSION, compute_class.KIND)
        return {
            each["metadata"]["name"]: compute_class.pools_named(cast(list[Any], each["spec"].get("priorities") or []))
            for each in found
        }

    def _run(self) -> None:
        while not self._stopping.wait(paced(node_scaling.SCAN_SECONDS, _SHORTEST_SCAN)):
            with contextlib.suppress(ApiError, ClusterError, OSError):  # the next look finds what this one missed
                self.scan()
