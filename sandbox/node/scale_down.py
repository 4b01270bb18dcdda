"""Nodes that were not needed for long enough are drained and given up, as GKE's cluster autoscaler does it.

Owns the waiting times, the taint, the evictions and the Events. Does not own which nodes those are (`unneeded`), nor the Nodes
themselves: `remove` takes them out of their pool.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from rules import node_scaling
from sandbox.clock import scaled
from sandbox.cluster.errors import ClusterError
from sandbox.cluster.spec import NodePoolSpec
from sandbox.kube.client import ApiError, Client
from sandbox.node.status import now_text
from sandbox.node.unneeded import Unit, unneeded

Object = dict[str, Any]

_RETRY_SECONDS: Final = 10
"""GKE's seconds between two tries to evict a pod, and between two looks whether it has gone."""


class ScaleDown:
    """What is remembered from one look to the next; `now` is a clock in real seconds."""

    def __init__(
        self,
        client: Client,
        remove: Callable[[str, frozenset[str]], None],
        stopping: threading.Event,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._remove = remove
        self._stopping = stopping
        self._now = now
        self._since: dict[frozenset[str], float] = {}
        self._added: float | None = None

    def scaled_up(self) -> None:
        """Nodes were added: for a while none is taken away."""
        self._added = self._now()

    def look(self, pools: Mapping[str, NodePoolSpec], found: Sequence[Object], pods: Sequence[Object]) -> None:
        """Notes what is not needed, and gives up what was not needed for long enough: all empty units, one with pods.

        `found` and `pods` are all there are; a pod that is about to be bound to a node counts as its.
        """
        units = unneeded(pools, found, pods, self._client.list("policy/v1", "PodDisruptionBudget"))
        now = self._now()
        self._since = {unit.names: self._since.get(unit.names, now) for unit in units}
        if self._added is not None and now - self._added < scaled(node_scaling.DELAY_AFTER_ADD_SECONDS):
            return
        due = [u for u in units if now - self._since[u.names] >= scaled(node_scaling.UNNEEDED_SECONDS)]
        empty = [unit for unit in due if not unit.pods]
        for unit in empty or due[:1]:
            self._give_up(unit)

    def _give_up(self, unit: Unit) -> None:
        for node in unit.nodes:
            self._taint(node)
            self._tell(node, "Normal", node_scaling.REASON, node_scaling.MARKED)
        why = self._drain(unit)
        if why is None and not self._stopping.is_set():
            self._since.pop(unit.names, None)
            self._remove(unit.pool, unit.names)
            for node in unit.nodes:
                self._tell(node, "Normal", node_scaling.REASON, node_scaling.REMOVED)
            return
        for node in unit.nodes:
            if why is not None:
                message = node_scaling.NOT_DRAINED.format(why=why)
                self._tell(node, "Warning", node_scaling.REASON_FAILED, message)
            self._untaint(node)
        self._since.pop(unit.names, None)

    def _drain(self, unit: Unit) -> str | None:
        """Evicts the pods and waits until they are gone; answers why that did not succeed."""
        late = self._latecomers(unit)
        if late:
            return f"new pods were scheduled to it: {', '.join(sorted(late))}"
        for pod in unit.pods:
            self._tell(pod, "Normal", node_scaling.REASON, node_scaling.EVICTED)
            if not self._until(scaled(node_scaling.EVICTION_SECONDS), lambda pod=pod: self._evict(pod)):
                self._tell(pod, "Warning", node_scaling.REASON_FAILED, node_scaling.NOT_EVICTED)
                return f"failed to evict pod {_path(pod)} within allowed timeout"
        self._until(
            scaled(node_scaling.LONGEST_GRACE_SECONDS), lambda: not any(self._is_there(pod) for pod in unit.pods)
        )
        return None

    def _latecomers(self, unit: Unit) -> set[str]:
        """Pods that were bound to the unit between the look and the taint."""
        known = {pod["metadata"]["uid"] for pod in unit.pods}
        return {
            _path(pod)
            for pod in self._client.list("v1", "Pod")
            if pod["spec"].get("nodeName") in unit.names
            and node_scaling.counts(pod)
            and pod["metadata"]["uid"] not in known
        }

    def _evict(self, pod: Object) -> bool:
        """Whether the API server has let the pod go; a PodDisruptionBudget may say no for now."""
        metadata = pod["metadata"]
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        }
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/eviction"
        try:
            self._client.request("POST", path, body=body)
        except ApiError as error:
            return error.status == 404
        return True

    def _is_there(self, pod: Object) -> bool:
        held = self._client.get("v1", "Pod", pod["metadata"]["name"], pod["metadata"]["namespace"])
        return held is not None and held["metadata"]["uid"] == pod["metadata"]["uid"]

    def _until(self, seconds: float, holds: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() >= deadline or self._stopping.wait(scaled(_RETRY_SECONDS)):
                return False
        return True

    def _taint(self, node: Object) -> None:
        taint = {"key": node_scaling.DELETION_TAINT, "value": str(int(time.time())), "effect": "NoSchedule"}
        self._set_taints(node, lambda held: [*held, taint])

    def _untaint(self, node: Object) -> None:
        with contextlib.suppress(ApiError, OSError):  # its cluster may be stopping; then no pod is scheduled either
            self._set_taints(node, lambda held: held)

    def _set_taints(self, node: Object, change: Callable[[list[Object]], list[Object]]) -> None:
        name = node["metadata"]["name"]
        held = self._client.get("v1", "Node", name)
        if held is None:
            return
        others = [t for t in held["spec"].get("taints") or [] if t["key"] != node_scaling.DELETION_TAINT]
        self._client.merge_patch("v1", "Node", name, None, {"spec": {"taints": change(others)}})

    def _tell(self, about: Object, kind: str, reason: str, message: str) -> None:
        metadata = about["metadata"]
        namespace = metadata.get("namespace", "default")
        involved = {"apiVersion": "v1", "kind": "Pod" if "namespace" in metadata else "Node"}
        names = {key: metadata[key] for key in ("name", "namespace", "uid") if key in metadata}
        now = now_text()
        body: Object = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{metadata['name']}.", "namespace": namespace},
            "involvedObject": {**involved, **names},
            "reason": reason,
            "message": message,
            "type": kind,
            "source": {"component": node_scaling.COMPONENT},
            "reportingComponent": node_scaling.COMPONENT,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        with contextlib.suppress(ApiError, ClusterError):  # nobody waits for an Event
            self._client.request("POST", f"/api/v1/namespaces/{namespace}/events", body=body)


def _path(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
