"""Pools grow for pods that fit nowhere else, in the order of their class and within their limits."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import pytest

from rules import node_scaling
from sandbox.clock import SPEED
from sandbox.cluster.runtime import ClusterRuntime
from sandbox.cluster.spec import NodePoolSpec
from sandbox.node import nodes
from sandbox.node.autoscaler import Autoscaler, expected, fits, grown, unschedulable
from tests.sandbox.support import StartCluster, eventually

Object = dict[str, Any]

CLASS = "cloud.google.com/compute-class"
TPU = {"key": "google.com/tpu", "operator": "Exists"}
GROWING = NodePoolSpec(
    name="a", machine_type="ct6e-standard-4t", zones=("us-east5-b",), nodes_per_zone=0, limits=(0, 1)
)
MEMBER = dataclasses.replace(GROWING, labels={CLASS: "v6e"}, taints=((CLASS, "v6e", "NoSchedule"),))


def pod(name: str = "p", chips: int = 4, tolerations: list[Object] | None = None, **selector: str) -> Object:
    """A pod that the scheduler found no node for."""
    limits = {"limits": {"google.com/tpu": str(chips)}} if chips else {}
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": name},
        "spec": {
            "nodeSelector": selector,
            "tolerations": [TPU] if tolerations is None else tolerations,
            "containers": [{"name": "main", "image": "example.com/server:1", "resources": limits}],
        },
        "status": {"conditions": [condition]},
    }


def of_class(name: str = "p") -> Object:
    """A pod that wants class v6e."""
    made = pod(name, tolerations=[TPU, {"key": CLASS, "operator": "Equal", "value": "v6e", "effect": "NoSchedule"}])
    made["spec"]["nodeSelector"] = {CLASS: "v6e"}
    return made


def test_only_pods_without_a_place_count() -> None:
    """A pod that starts slowly, or waits for a volume, is no reason for a TPU."""
    waiting, placed, new = pod(), pod(), pod()
    placed["spec"]["nodeName"] = "n"
    new["status"] = {}
    assert unschedulable([waiting, placed, new]) == [waiting]


@pytest.mark.parametrize(
    ("asked", "spec", "expected"),
    [
        (pod(), GROWING, True),
        (pod(chips=8), GROWING, False),
        (pod(tolerations=[]), GROWING, False),
        (pod(other="label"), GROWING, False),
        (pod(chips=0), GROWING, True),
        (pod(), MEMBER, False),
        (of_class(), MEMBER, True),
        (of_class(), GROWING, False),
    ],
)
def test_what_a_new_node_would_take(asked: Object, spec: NodePoolSpec, expected: bool) -> None:
    """Labels, taints and chips as the scheduler will see them; growing for anything else would help nobody."""
    assert fits(asked, spec) == expected


def test_growth_is_by_slices_within_limits() -> None:
    """A slice of four hosts comes whole, and a full pool does not grow."""
    slices = dataclasses.replace(GROWING, tpu_topology="4x4", limits=(0, 4), slice_nodes=4)
    assert grown({"a": slices}, [pod()], {}) == {"a": 4}
    full = dataclasses.replace(slices, nodes_per_zone=4)
    assert grown({"a": full}, [pod()], {}) == {}
    assert grown({"a": dataclasses.replace(GROWING, limits=None)}, [pod()], {}) == {}
    assert grown({"a": dataclasses.replace(GROWING, limits=(0, 3))}, [pod("x"), pod("y")], {}) == {"a": 2}


def test_a_class_says_which_pool_comes_first() -> None:
    """The second pool grows only when the first is full; pools outside the class never do."""
    pools = {"a": MEMBER, "b": dataclasses.replace(MEMBER, name="b"), "c": GROWING}
    order = {"v6e": ["b", "a"]}
    assert grown(pools, [of_class("x")], order) == {"b": 1}
    assert grown(pools, [of_class("x"), of_class("y")], order) == {"b": 1, "a": 1}


def test_a_pool_gets_back_what_it_gave_up() -> None:
    """Before it grows, and also where it has no more room."""
    smaller = dataclasses.replace(GROWING, nodes_per_zone=2, limits=(0, 2), absent=("gke-a-1",))
    assert grown({"a": smaller}, [pod("x")], {}) == {"a": 2}
    wider = dataclasses.replace(smaller, limits=(0, 3))
    assert grown({"a": wider}, [pod("x"), pod("y")], {}) == {"a": 3}


def test_a_pod_that_a_node_has_room_for_makes_no_pool_grow() -> None:
    """Between a node's first moment and the scheduler's next look, a second node would be one too many."""
    spec = dataclasses.replace(GROWING, nodes_per_zone=1)
    ((name, zone),) = nodes.virtual_machines("test", spec)
    node = nodes.node_object(spec, name, zone, project="p", address="10.0.0.2", pod_cidr="10.64.0.0/24")
    first, second, bound = pod("x"), pod("y"), pod("z")
    assert expected([first, second], [bound], [node]) == {"x": name}
    bound["spec"] |= {"nodeName": name}
    assert expected([first], [bound], [node]) == {}
    first["spec"]["affinity"] = {"podAntiAffinity": {}}
    assert expected([first], [], [node]) == {}
    node["spec"]["unschedulable"] = True
    assert expected([second], [], [node]) == {}


def test_pools_grow_in_a_real_cluster(start_cluster: StartCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two servers on a class of two empty pools: one node each, and the size stays when the pool is applied again."""
    monkeypatch.setenv(SPEED, "20")
    runtime = start_cluster(gateway_api=False)
    first, second = (dataclasses.replace(MEMBER, name=name) for name in ("first", "second"))
    runtime.apply_node_pool(first)
    runtime.apply_node_pool(second)
    spec = {"priorities": [{"nodepools": ["second"]}, {"nodepools": ["first"]}], "whenUnsatisfiable": "DoNotScaleUp"}
    made = {"apiVersion": "cloud.google.com/v1", "kind": "ComputeClass", "metadata": {"name": "v6e"}, "spec": spec}
    runtime.client.create(made)

    def pool_of(name: str) -> str | None:
        found = runtime.client.get("v1", "Pod", name, "default")
        node = (found or {}).get("spec", {}).get("nodeName")
        held = runtime.client.get("v1", "Node", node) if node else None
        return None if held is None else held["metadata"]["labels"]["cloud.google.com/gke-nodepool"]

    for name, pool in (("x", "second"), ("y", "first")):
        wanted = of_class(name)
        del wanted["status"], wanted["metadata"]["uid"]
        runtime.client.create(wanted)
        eventually(lambda name=name, pool=pool: pool_of(name) == pool, f"pod {name} on pool {pool}")
    runtime.apply_node_pool(first)
    assert pool_of("y") == "first"


def events(runtime: ClusterRuntime, name: str) -> list[tuple[str, str]]:
    """What the autoscaler said of a node or pod, by reason and text, as it was written; a list comes by random names."""
    written = sorted(runtime.client.list("v1", "Event"), key=lambda each: int(each["metadata"]["resourceVersion"]))
    return [
        (each["reason"], each["message"])
        for each in written
        if each["involvedObject"]["name"] == name and each["source"].get("component") == node_scaling.COMPONENT
    ]


def test_pools_shrink_in_a_real_cluster(start_cluster: StartCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's node goes ten minutes after the server, not below the minimum, and applying the pool again brings none back."""
    monkeypatch.setenv(SPEED, "120")
    runtime = start_cluster(gateway_api=False)
    least = NodePoolSpec(
        name="least", machine_type="e2-standard-4", zones=("us-east5-b",), nodes_per_zone=2, limits=(1, 2)
    )
    tpu = dataclasses.replace(GROWING, name="tpu")
    runtime.apply_node_pool(least)
    runtime.apply_node_pool(tpu)
    server = pod("server")
    del server["status"], server["metadata"]["uid"]
    runtime.client.create(server)
    eventually(lambda: runtime.node_count("tpu") == 1, "the pool has grown for the server")
    eventually(lambda: runtime.node_count("least") == 1, "the pool that is larger than needed has shrunk", timeout=60)
    assert runtime.node_count("tpu") == 1
    (node,) = [n["metadata"]["name"] for n in runtime.client.list("v1", "Node") if nodes.pool_of(n) == "tpu"]
    runtime.client.delete("v1", "Pod", "server", "default")
    eventually(lambda: runtime.node_count("tpu") == 0, "the empty node has gone", timeout=60)
    eventually(lambda: runtime.client.get("v1", "Node", node) is None, "its Node has gone")
    told = [("ScaleDown", node_scaling.MARKED), ("ScaleDown", node_scaling.REMOVED)]
    eventually(lambda: events(runtime, node) == told, "both Events are there")
    runtime.apply_node_pool(dataclasses.replace(least, nodes_per_zone=2))
    runtime.apply_node_pool(dataclasses.replace(tpu, nodes_per_zone=1))
    assert (runtime.node_count("least"), runtime.node_count("tpu")) == (1, 0)


class Pauses:
    """An event that ends the loop at its first pause, and keeps its length."""

    def __init__(self) -> None:
        self.lengths: list[float] = []

    def wait(self, seconds: float) -> bool:
        """Set at once."""
        self.lengths.append(seconds)
        return True


@pytest.mark.parametrize(("speed", "pause"), [("1", node_scaling.SCAN_SECONDS), ("1000", 1.0)])
def test_looks_are_a_second_apart_at_least(monkeypatch: pytest.MonkeyPatch, speed: str, pause: float) -> None:
    """Each lists all pods and nodes: twenty a second kept the API server busy with nothing else."""
    monkeypatch.setenv(SPEED, speed)
    pauses = Pauses()
    scaler = Autoscaler(cast("Any", None), "c", dict, lambda _spec: None)
    setattr(scaler, "_stopping", pauses)  # noqa: B010 - the alternative is to measure time
    scaler.start()
    eventually(lambda: pauses.lengths, "it pauses")
    assert pauses.lengths == [pause]
