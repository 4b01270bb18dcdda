"""Pools grow for pods that fit nowhere else, in the order of their class and within their limits."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from sandbox.clock import SPEED
from sandbox.cluster.spec import NodePoolSpec
from sandbox.node.autoscaler import fits, grown, unschedulable
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
        "metadata": {"name": name, "namespace": "default"},
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
        del wanted["status"]
        runtime.client.create(wanted)
        eventually(lambda name=name, pool=pool: pool_of(name) == pool, f"pod {name} on pool {pool}")
    runtime.apply_node_pool(first)
    assert pool_of("y") == "first"
