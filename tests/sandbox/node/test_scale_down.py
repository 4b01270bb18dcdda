"""Waiting times, evictions and what is said of them, as GKE's autoscaler has them, on a clock that the test moves."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from rules import node_scaling
from sandbox.clock import SPEED
from sandbox.cluster.spec import NodePoolSpec
from sandbox.kube.client import ApiError, Client
from sandbox.node import nodes
from sandbox.node.scale_down import ScaleDown

Object = dict[str, Any]

POOL = NodePoolSpec(name="cpu", machine_type="e2-standard-4", zones=("us-east5-b",), nodes_per_zone=2, limits=(0, 4))
FIRST, SECOND = [
    nodes.node_object(POOL, name, zone, project="p", address="10.0.0.2", pod_cidr="10.64.0.0/24")
    for name, zone in nodes.virtual_machines("test", POOL)
]


@dataclass
class Api:
    """An API server of this test's objects; `refuse` is the answer to evictions."""

    pods: list[Object] = field(default_factory=list[Object])
    refuse: int | None = None
    taints: dict[str, list[Object]] = field(default_factory=dict[str, list[Object]])
    told: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    def list(self, _version: str, kind: str) -> list[Object]:
        """All pods; no PodDisruptionBudget."""
        return self.pods if kind == "Pod" else []

    def get(self, _version: str, kind: str, name: str, _namespace: str | None = None) -> Object | None:
        """A node with its taints, or a pod."""
        if kind == "Node":
            return {"metadata": {"name": name}, "spec": {"taints": self.taints.get(name, [])}}
        return next((pod for pod in self.pods if pod["metadata"]["name"] == name), None)

    def merge_patch(self, _version: str, _kind: str, name: str, _namespace: str | None, patch: Object) -> None:
        """Sets taints."""
        self.taints[name] = patch["spec"]["taints"]

    def request(self, _method: str, path: str, body: Object) -> None:
        """Takes Events and evictions."""
        if path.endswith("/events"):
            self.told.append((body["involvedObject"]["name"], body["reason"], body["message"]))
            return
        if self.refuse is not None:
            raise ApiError(self.refuse, "TooManyRequests", "the disruption budget needs 1 healthy pods")
        self.pods = [pod for pod in self.pods if pod["metadata"]["name"] != body["metadata"]["name"]]


class Stage:
    """A pool of two nodes, and a clock in GKE's seconds."""

    def __init__(self, *pods: Object) -> None:
        self.api = Api(list(pods))
        self.removed: list[set[str]] = []
        self.time = 0.0
        self.scale_down = ScaleDown(
            cast(Client, self.api), self._remove, threading.Event(), now=lambda: self.time / 1000
        )

    def _remove(self, pool: str, names: frozenset[str]) -> None:
        assert pool == "cpu"
        self.removed.append(set(names))

    def look(self, after: float, found: tuple[Object, ...] = (FIRST, SECOND)) -> None:
        """One look, so many seconds of GKE after the last."""
        self.time += after
        self.scale_down.look({"cpu": POOL}, found, self.api.pods)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SPEED, "1000")


def pod(node: Object, name: str, owner: str | None = "ReplicaSet") -> Object:
    """A small pod on a node."""
    owners = [{"kind": owner, "name": "o", "controller": True}] if owner else []
    return {
        "metadata": {"name": name, "namespace": "default", "uid": name, "ownerReferences": owners},
        "spec": {"nodeName": node["metadata"]["name"], "containers": [{"name": "main"}]},
        "status": {"phase": "Running"},
    }


def name_of(node: Object) -> str:
    """Its name."""
    return node["metadata"]["name"]


def test_a_node_goes_after_ten_minutes_without_a_break() -> None:
    """A pod in between begins the ten minutes anew, for its own node only."""
    stage = Stage()
    stage.look(0)
    stage.look(590)
    assert stage.removed == []
    stage.api.pods = [pod(FIRST, "p", owner=None)]
    stage.look(5)
    stage.api.pods = []
    stage.look(10)
    assert stage.removed == [{name_of(SECOND)}]
    stage.look(590, (FIRST,))
    assert len(stage.removed) == 1
    stage.look(20, (FIRST,))
    assert stage.removed[1:] == [{name_of(FIRST)}]


def test_nothing_goes_for_ten_minutes_after_nodes_were_added() -> None:
    """The ten minutes of what is not needed run meanwhile."""
    stage = Stage()
    stage.look(0)
    stage.time += 500
    stage.scale_down.scaled_up()
    stage.look(590)
    assert stage.removed == []
    stage.look(20)
    assert len(stage.removed) == 2


def test_pods_are_evicted_first() -> None:
    """Both Events of the node, and the pod's between them; one node with pods at a time."""
    stage = Stage(pod(FIRST, "server"), pod(SECOND, "blocker", owner=None))
    stage.look(0)
    stage.look(610)
    node = name_of(FIRST)
    assert stage.removed == [{node}]
    assert stage.api.told == [
        (node, "ScaleDown", node_scaling.MARKED),
        ("server", "ScaleDown", node_scaling.EVICTED),
        (node, "ScaleDown", node_scaling.REMOVED),
    ]
    assert stage.api.taints[node][0]["key"] == "ToBeDeletedByClusterAutoscaler"


def test_a_node_whose_pod_cannot_be_evicted_stays() -> None:
    """It is as before, it says why, and its ten minutes begin anew."""
    stage = Stage(pod(FIRST, "server"), pod(SECOND, "blocker", owner=None))
    stage.api.refuse = 429
    stage.look(0)
    stage.look(610)
    node = name_of(FIRST)
    assert stage.removed == []
    assert stage.api.taints[node] == []
    assert stage.api.told[-2:] == [
        ("server", "ScaleDownFailed", "failed to delete pod for ScaleDown"),
        (
            node,
            "ScaleDownFailed",
            "failed to drain and delete node: failed to evict pod default/server within allowed timeout",
        ),
    ]
    stage.api.refuse = None
    stage.look(10)
    assert stage.removed == []


def test_a_pod_that_came_meanwhile_saves_its_node() -> None:
    """What was bound after the look and before the taint is not killed."""
    stage = Stage()
    stage.look(0)
    stage.time += 610
    late = pod(FIRST, "late")
    stage.api.pods = [late]
    stage.scale_down.look({"cpu": POOL}, (FIRST,), [])
    assert stage.removed == []
    assert stage.api.told[-1][2].endswith("new pods were scheduled to it: default/late")
