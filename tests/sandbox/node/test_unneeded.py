"""Nodes go only when no pod needs them, never below a pool's minimum, and a slice goes whole."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from rules import node_scaling
from sandbox.cluster.spec import NodePoolSpec
from sandbox.node import nodes
from sandbox.node.unneeded import unneeded

Object = dict[str, Any]

TPU = NodePoolSpec(name="tpu", machine_type="ct6e-standard-4t", zones=("us-east5-b",), nodes_per_zone=2, limits=(0, 4))
CPU = NodePoolSpec(name="cpu", machine_type="e2-standard-4", zones=("us-east5-b",), nodes_per_zone=2, limits=(0, 4))
SLICE = dataclasses.replace(TPU, tpu_topology="2x4", limits=(0, 2), slice_nodes=2)
FIXED = dataclasses.replace(CPU, name="fixed", limits=None)


def made(*specs: NodePoolSpec) -> list[Object]:
    """The Nodes of these pools."""
    found: list[Object] = []
    for spec in specs:
        for name, zone in nodes.virtual_machines("test", spec):
            found.append(nodes.node_object(spec, name, zone, project="p", address="10.0.0.2", pod_cidr="10.64.0.0/24"))
    return found


def pod(node: Object, name: str = "p", owner: str | None = "ReplicaSet", **spec: Any) -> Object:
    """A pod on a node, which requests a little and tolerates TPU nodes."""
    owners = [{"kind": owner, "name": "o", "controller": True}] if owner else []
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": name,
            "labels": {"app": name},
            "ownerReferences": owners,
        },
        "spec": {
            "nodeName": node["metadata"]["name"],
            "containers": [{"name": "main", "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}],
            "tolerations": [{"key": "google.com/tpu", "operator": "Exists"}],
            **spec,
        },
        "status": {"phase": "Running"},
    }


def gone(
    specs: list[NodePoolSpec], pods: list[Object], budgets: list[Object] | None = None, **changes: Any
) -> list[set[str]]:
    """The nodes that could go, unit by unit."""
    found = changes.get("found") or made(*specs)
    return [set(unit.names) for unit in unneeded({s.name: s for s in specs}, found, pods, budgets or [])]


def names(found: list[Object]) -> list[str]:
    """The nodes' names."""
    return [node["metadata"]["name"] for node in found]


def test_empty_nodes_go_and_pools_of_fixed_size_stay() -> None:
    """A DaemonSet's, a kubelet's own and an ended pod are no reason for a node."""
    first, second = made(TPU)
    mirror = pod(first, "m", owner=None)
    mirror["metadata"]["annotations"] = {node_scaling.MIRROR_ANNOTATION: "x"}
    ended = pod(second, "e", owner="Job")
    ended["status"]["phase"] = "Succeeded"
    pods = [pod(first, "d", owner="DaemonSet"), mirror, ended]
    assert sorted(map(sorted, gone([TPU, FIXED], pods))) == sorted([name] for name in names([first, second]))


def test_no_pool_falls_below_its_minimum() -> None:
    """Per zone, and counted over all that go at once."""
    assert len(gone([dataclasses.replace(TPU, limits=(1, 4))], [])) == 1
    assert gone([dataclasses.replace(TPU, limits=(2, 4))], []) == []
    zones = dataclasses.replace(CPU, zones=("us-east5-a", "us-east5-b"), limits=(1, 4))
    found = made(zones)
    assert len(gone([zones], [])) == 2
    one_zone = [node for node in found if node["metadata"]["labels"]["topology.kubernetes.io/zone"] == "us-east5-a"]
    assert len(gone([zones], [], found=one_zone)) == 1


def test_a_slice_goes_whole() -> None:
    """One pod on one of its nodes keeps all of them."""
    found = made(SLICE)
    assert gone([SLICE], []) == [set(names(found))]
    assert gone([dataclasses.replace(SLICE, limits=(1, 2))], []) == []
    server = pod(found[0], containers=[{"name": "vllm", "resources": {"limits": {"google.com/tpu": "4"}}}])
    assert gone([SLICE], [server]) == []


def test_pods_that_fit_elsewhere_move() -> None:
    """The fuller node stays; a node keeps its pods where no other has room, or where they use half of it."""
    found = made(CPU)
    assert gone([CPU], [pod(found[0])]) == [{names(found)[1]}]
    both = [pod(found[0], "a"), pod(found[0], "b"), pod(found[1], "c")]
    assert gone([CPU], both) == [{names(found)[1]}]
    used: Object = {"containers": [{"name": "main", "resources": {"requests": {"cpu": "3", "memory": "1Gi"}}}]}
    assert gone([CPU], [pod(found[0], "a", **used), pod(found[1], "b", **used)]) == []
    large: Object = {"containers": [{"name": "main", "resources": {"requests": {"cpu": "1500m", "memory": "5Gi"}}}]}
    assert gone([CPU], [pod(found[0], "a", **used), pod(found[1], "b", **large)]) == []
    assert gone([CPU], [pod(found[0], "a"), pod(found[1], "b", nodeSelector={"no": "where"})]) != []
    assert gone([CPU], [pod(found[n], str(n), nodeSelector={"no": "where"}) for n in (0, 1)]) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"annotations": {node_scaling.SAFE_TO_EVICT: "false"}}, "safe-to-evict is false"),
        ({"ownerReferences": []}, "no controller would replace it"),
        ({"namespace": "kube-system"}, "a system pod without a PodDisruptionBudget"),
        ({"volumes": [{"name": "cache", "emptyDir": {}}]}, "local storage: cache"),
        ({"volumes": [{"name": "disk", "hostPath": {"path": "/"}}]}, "local storage: disk"),
        ({"volumes": [{"name": "shm", "emptyDir": {"medium": "Memory"}}]}, None),
        (
            {"volumes": [{"name": "c", "emptyDir": {}}], "annotations": {node_scaling.SAFE_VOLUMES: "b, c"}},
            None,
        ),
        ({"ownerReferences": [], "annotations": {node_scaling.SAFE_TO_EVICT: "true"}}, None),
        ({}, None),
    ],
)
def test_pods_that_keep_their_node(change: Object, why: str | None) -> None:
    """What cannot be moved safely keeps its node, and says why."""
    found = made(CPU)
    kept = pod(found[0], "kept", **({"volumes": change["volumes"]} if "volumes" in change else {}))
    kept["metadata"] |= {key: value for key, value in change.items() if key != "volumes"}
    said = node_scaling.keeps_node(kept, allowances=[])
    assert (said is None) == (why is None)
    assert why is None or why in (said or "")
    blocker = pod(found[1], "blocker", owner=None)
    assert gone([CPU], [kept, blocker]) == ([] if why else [{names(found)[0]}])


@pytest.mark.parametrize(("allowed", "count"), [(0, 0), (1, 1)])
def test_a_disruption_budget_decides(allowed: int, count: int) -> None:
    """Of the pod's own namespace, and only what selects it."""
    found = made(CPU)
    pods = [pod(found[0], "served"), pod(found[1], "blocker", owner=None)]
    budget = {
        "metadata": {"namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "served"}}},
        "status": {"disruptionsAllowed": allowed},
    }
    assert len(gone([CPU], pods, [budget])) == count
    other = {**budget, "metadata": {"namespace": "other"}, "status": {"disruptionsAllowed": 0}}
    assert len(gone([CPU], pods, [other])) == 1


def test_nodes_that_are_marked_stay() -> None:
    """By the annotation that people set."""
    found = made(CPU)
    found[0]["metadata"]["annotations"] = {node_scaling.SCALE_DOWN_DISABLED: "true"}
    assert gone([CPU], [], found=found) == [{names(found)[1]}]


def test_a_pool_without_some_of_its_nodes() -> None:
    """The named ones go and not the last ones; a pool whose last ones went is simply smaller."""
    three = dataclasses.replace(CPU, nodes_per_zone=3)
    first, second, third = (name for name, _ in nodes.virtual_machines("test", three))
    middle = nodes.without("test", three, [second])
    assert [name for name, _ in nodes.virtual_machines("test", middle)] == [first, third]
    assert (middle.nodes_per_zone, middle.node_count) == (3, 2)
    last = nodes.without("test", middle, [third])
    assert (last.nodes_per_zone, last.absent, last.node_count) == (1, (), 1)
