"""Nodes carry what people select and tolerate."""

from __future__ import annotations

import dataclasses

from sandbox.cluster.spec import NodePoolSpec
from sandbox.node.nodes import node_object, virtual_machines

TPU = NodePoolSpec(
    name="tpu", machine_type="ct6e-standard-4t", zones=("us-east5-b",), nodes_per_zone=1, labels={"team": "inference"}
)


def made(spec: NodePoolSpec) -> dict[str, dict[str, object]]:
    """The Node of a pool's first VM."""
    name, zone = next(virtual_machines("c", spec))
    return node_object(spec, name, zone, project="p", address="10.128.0.2", pod_cidr="10.64.0.0/24")


def test_single_host_tpu_node_is_labelled_without_a_topology_in_the_pool() -> None:
    """A single-host pool must not set tpu_topology, yet its nodes carry the label pods select."""
    node = made(TPU)
    labels = node["metadata"]["labels"]
    assert isinstance(labels, dict)
    expected = {
        "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
        "cloud.google.com/gke-tpu-topology": "2x2",
        "cloud.google.com/gke-nodepool": "tpu",
        "node.kubernetes.io/instance-type": "ct6e-standard-4t",
        "topology.kubernetes.io/zone": "us-east5-b",
        "topology.kubernetes.io/region": "us-east5",
        "team": "inference",
    }
    assert expected.items() <= labels.items()
    allocatable = node["status"]["allocatable"]
    assert isinstance(allocatable, dict)
    assert allocatable["google.com/tpu"] == "4"


def test_disks_are_attached_by_the_control_plane() -> None:
    """Incident: without a kubelet's annotation kube-controller-manager attached no disk, and Multi-Attach was never seen."""
    annotations = made(TPU)["metadata"]["annotations"]
    assert annotations == {"volumes.kubernetes.io/controller-managed-attach-detach": "true"}


def test_taint_is_there_once_whether_the_pool_names_it_or_not() -> None:
    """GKE taints TPU nodes itself; a pool that repeats the taint must not make it invalid by doubling it."""
    taint = {"key": "google.com/tpu", "value": "present", "effect": "NoSchedule"}
    assert made(TPU)["spec"]["taints"] == [taint]
    repeated = dataclasses.replace(TPU, taints=(("google.com/tpu", "present", "NoSchedule"),))
    assert made(repeated)["spec"]["taints"] == [taint]


def test_cpu_nodes_have_no_taint_and_no_chips() -> None:
    """Ordinary pools take everything."""
    node = made(dataclasses.replace(TPU, name="system", machine_type="e2-standard-4"))
    assert "taints" not in node["spec"]
    allocatable = node["status"]["allocatable"]
    assert isinstance(allocatable, dict)
    assert "google.com/tpu" not in allocatable


def test_pods_get_more_of_a_larger_boot_disk() -> None:
    """Requests of ephemeral storage are scheduled against the pool's own disk."""
    room = [
        int(str(made(dataclasses.replace(TPU, boot_disk_gb=size))["status"]["allocatable"]["ephemeral-storage"]))  # pyright: ignore[reportIndexIssue]
        for size in (100, 500)
    ]
    assert [size // 1024**3 for size in room] == [43, 339]


def test_node_names_are_stable_and_differ_by_pool_and_zone() -> None:
    """A restarted agent must find its nodes by the same names."""
    wide = dataclasses.replace(TPU, zones=("us-east5-a", "us-east5-b"), nodes_per_zone=2)
    names = [name for name, _ in virtual_machines("c", wide)]
    assert names == [name for name, _ in virtual_machines("c", wide)]
    assert len(set(names)) == 4
    assert not set(names) & {name for name, _ in virtual_machines("c", dataclasses.replace(wide, name="other"))}
