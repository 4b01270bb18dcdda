"""A stand-in for GKE's cluster autoscaler: pools that may grow get nodes for pods that fit nowhere.

Owns which pool grows, and when. Does not own the nodes (`pools`) nor shrinking: machines that nobody pays for may stay until the
pool is changed. As on GKE a pool grows by whole slices, and a ComputeClass says which pool comes first.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

from rules import compute_class, tpu
from sandbox.clock import scaled
from sandbox.cluster.errors import ClusterError
from sandbox.cluster.spec import NodePoolSpec
from sandbox.kube.client import ApiError, Client
from sandbox.node import nodes
from sandbox.node.machines import machine

Object = dict[str, Any]

SCAN_SECONDS: Final = 10.0
"""How often GKE's autoscaler looks for pods without a node, seconds of GKE."""


def unschedulable(pods: Iterable[Object]) -> list[Object]:
    """The pods that the scheduler has found no node for."""
    return [pod for pod in pods if not pod["spec"].get("nodeName") and _has_no_place(pod)]


def _has_no_place(pod: Object) -> bool:
    conditions: list[Object] = pod.get("status", {}).get("conditions") or []
    return any(
        c["type"] == "PodScheduled" and c["status"] == "False" and c.get("reason") == "Unschedulable"
        for c in conditions
    )


def grown(
    pools: Mapping[str, NodePoolSpec], pods: Iterable[Object], classes: Mapping[str, list[str]]
) -> dict[str, int]:
    """Nodes per zone that pools should have for these pods: one slice for each that fits a pool with room."""
    sizes: dict[str, int] = {}
    for pod in pods:
        for name in _order(pod, pools, classes):
            spec = pools[name]
            size = sizes.get(name, spec.nodes_per_zone)
            if spec.limits is not None and size + spec.slice_nodes <= spec.limits[1] and fits(pod, spec):
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
    selector: Mapping[str, str] = pod["spec"].get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    if _chips(pod) > shape.chips:
        return False
    tolerations: list[Object] = pod["spec"].get("tolerations") or []
    return all(any(_tolerates(each, taint) for each in tolerations) for taint in nodes.taints(spec, shape))


def _chips(pod: Object) -> int:
    limits = (container.get("resources", {}).get("limits") or {} for container in pod["spec"]["containers"])
    return sum(int(each.get(tpu.TPU_RESOURCE, 0)) for each in limits)


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", "")


class Autoscaler:
    """Looks for pods without a node in a thread of its own; `resize` makes a pool larger."""

    def __init__(
        self, client: Client, pools: Callable[[], Mapping[str, NodePoolSpec]], resize: Callable[[str, int], None]
    ) -> None:
        self._client = client
        self._pools = pools
        self._resize = resize
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begins to look."""
        threading.Thread(target=self._run, name="cluster-autoscaler", daemon=True).start()

    def stop(self) -> None:
        """Ends it; a resize that is under way fails with the cluster it belongs to."""
        self._stopping.set()

    def scan(self) -> None:
        """One look: grows what has to grow."""
        growing = {name: spec for name, spec in self._pools().items() if spec.limits is not None}
        if not growing:
            return
        pending = unschedulable(self._client.list("v1", "Pod", field_selector="status.phase=Pending"))
        for name, size in grown(growing, pending, self._classes() if pending else {}).items():
            if not self._stopping.is_set():
                self._resize(name, size)

    def _classes(self) -> dict[str, list[str]]:
        found = self._client.list(compute_class.API_VERSION, compute_class.KIND)
        return {
            each["metadata"]["name"]: compute_class.pools_named(cast(list[Any], each["spec"].get("priorities") or []))
            for each in found
        }

    def _run(self) -> None:
        while not self._stopping.wait(scaled(SCAN_SECONDS)):
            with contextlib.suppress(ApiError, ClusterError, OSError):  # the next look finds what this one missed
                self.scan()
