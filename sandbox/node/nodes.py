"""Node objects of node pools, as GKE registers them.

Owns names, labels, taints, capacity and conditions, as plain values. Does not own talking to the API server: `pools`.
Labels and taints of TPU nodes come from `rules.tpu`; the others are those GKE 1.33 nodes carry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from rules import network, node_room, tpu
from sandbox.cluster.spec import NodePoolSpec
from sandbox.node.machines import Machine, machine
from sandbox.node.status import now_text

Object = dict[str, Any]

POOL_LABEL = network.NODE_POOL_LABEL
PODS_PER_NODE = 110
ATTACHED_BY_THE_CONTROL_PLANE = {"volumes.kubernetes.io/controller-managed-attach-detach": "true"}
"""How a kubelet says that its node's disks are attached by kube-controller-manager, which leaves other nodes alone (Kubernetes
1.34, `enableControllerAttachDetach`, on by default)."""
_KUBERNETES = "v1.34.3"
_HEALTHY = {
    "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    "Ready": ("True", "KubeletReady", "kubelet is posting ready status"),
}


def pool_of(node: Object) -> str | None:
    """The node pool a Node belongs to."""
    return node["metadata"].get("labels", {}).get(POOL_LABEL)


def internal_ip(node: Object) -> str:
    """The VM's address."""
    addresses: list[Object] = node.get("status", {}).get("addresses", [])
    return next((item["address"] for item in addresses if item["type"] == "InternalIP"), "10.128.0.2")


def is_ready(node: Object) -> bool:
    """Whether the Node's condition Ready is True."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in node.get("status", {}).get("conditions", []))


def virtual_machines(cluster: str, spec: NodePoolSpec) -> Iterator[tuple[str, str]]:
    """(node name, zone) of each VM of the pool; the same for the same pool, as a managed instance group's template."""
    for zone in spec.zones:
        for index in range(spec.nodes_per_zone):
            name = _vm(cluster, spec, zone, index)
            if name not in spec.absent:
                yield name, zone


def without(cluster: str, spec: NodePoolSpec, names: Collection[str]) -> NodePoolSpec:
    """The pool without some of its VMs; it has fewer per zone where the last ones of all zones are gone."""
    absent, size = {*spec.absent, *names}, spec.nodes_per_zone
    while size and absent >= (last := {_vm(cluster, spec, zone, size - 1) for zone in spec.zones}):
        absent -= last
        size -= 1
    return replace(spec, nodes_per_zone=size, absent=tuple(sorted(absent)))


def _vm(cluster: str, spec: NodePoolSpec, zone: str, index: int) -> str:
    group = hashlib.sha256(f"{cluster}/{spec.name}".encode()).hexdigest()[:8]
    member = hashlib.sha256(f"{cluster}/{spec.name}/{zone}/{index}".encode()).hexdigest()[:4]
    return f"gke-{cluster[:20]}-{spec.name[:20]}-{group}-{member}"


def labels(spec: NodePoolSpec, shape: Machine, name: str, zone: str) -> dict[str, str]:
    """The labels of one node: the pool's own and those GKE adds."""
    region = zone.rpartition("-")[0]
    found = {
        **spec.labels,
        POOL_LABEL: spec.name,
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/instance-type": shape.name,
        "beta.kubernetes.io/os": "linux",
        "cloud.google.com/gke-boot-disk": shape.boot_disk,
        "cloud.google.com/gke-container-runtime": "containerd",
        "cloud.google.com/gke-max-pods-per-node": str(PODS_PER_NODE),
        "cloud.google.com/gke-os-distribution": "cos",
        "cloud.google.com/gke-provisioning": "spot" if spec.spot else "standard",
        "cloud.google.com/machine-family": shape.family,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": shape.name,
        "topology.gke.io/zone": zone,
        "topology.kubernetes.io/region": region,
        "topology.kubernetes.io/zone": zone,
    }
    if spec.spot:
        found["cloud.google.com/gke-spot"] = "true"
    if shape.tpu_label is not None:
        found[tpu.TPU_ACCELERATOR_LABEL] = shape.tpu_label
        found[tpu.TPU_TOPOLOGY_LABEL] = spec.tpu_topology or _own_topology(shape)
    return found


def _own_topology(shape: Machine) -> str:
    kind = tpu.machine_type(shape.name)
    return kind.single_host[0] if kind is not None and kind.single_host else f"1x{shape.chips}"


def taints(spec: NodePoolSpec, shape: Machine) -> list[Object]:
    """The taints of one node: the pool's own and GKE's on TPU nodes."""
    found = [{"key": key, "value": value, "effect": effect} for key, value, effect in spec.taints]
    own: Object = {"key": tpu.TPU_TAINT_KEY, "value": tpu.TPU_TAINT_VALUE, "effect": tpu.TPU_TAINT_EFFECT}
    if shape.chips and own not in found:
        found.append(own)
    return found


def conditions(now: str) -> list[Object]:
    """What a healthy kubelet reports."""
    return [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
        for kind, (status, reason, message) in _HEALTHY.items()
    ]


def node_object(spec: NodePoolSpec, name: str, zone: str, *, project: str, address: str, pod_cidr: str) -> Object:
    """The Node of one VM, Ready from the start."""
    shape = machine(spec.machine_type)
    own_taints = taints(spec, shape)
    capacity = {
        "cpu": str(shape.cpu),
        "memory": f"{int(shape.memory_gib * 1024 * 1024)}Ki",
        node_room.EPHEMERAL_STORAGE: f"{node_room.disk_bytes(spec.boot_disk_gb) // 1024}Ki",
        "pods": str(PODS_PER_NODE),
    }
    allocatable = capacity | {
        "cpu": f"{shape.allocatable_millicpu}m",
        "memory": f"{shape.allocatable_mib * 1024}Ki",
        node_room.EPHEMERAL_STORAGE: str(node_room.allocatable_disk_bytes(spec.boot_disk_gb)),
    }
    if shape.chips:
        capacity[tpu.TPU_RESOURCE] = allocatable[tpu.TPU_RESOURCE] = str(shape.chips)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": labels(spec, shape, name, zone),
            "annotations": dict(ATTACHED_BY_THE_CONTROL_PLANE),
        },
        "spec": {
            "podCIDR": pod_cidr,
            "podCIDRs": [pod_cidr],
            "providerID": f"gce://{project}/{zone}/{name}",
            **({"taints": own_taints} if own_taints else {}),
        },
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "capacity": capacity,
            "allocatable": allocatable,
            "conditions": conditions(now_text()),
            "nodeInfo": {
                "architecture": "amd64",
                "operatingSystem": "linux",
                "osImage": "Container-Optimized OS from Google (simulated)",
                "kernelVersion": "6.12.0+",
                "containerRuntimeVersion": "containerd://2.1.5",
                "kubeletVersion": _KUBERNETES,
                "kubeProxyVersion": "",
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
            },
        },
    }
