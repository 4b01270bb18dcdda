"""Whether pods find the CPU, memory and boot disk they need on the nodes they select.

Owns the join of a pod's requests, and of the weights that KServe loads for it, with machine types and node pools of the stack.
What a node leaves for pods is `rules.node_room`'s knowledge. Not a policy of its own: `workloads.py` and `memory.py` ask. Pools
with local SSDs for ephemeral storage are not judged, nor weights whose size the model's name does not tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from policies.framework import Report
from policies.node_pools import pools, read_pool
from policies.pods import PodTemplate
from policies.reading import Field
from policies.resources import Resource
from rules import compute_class, kserve, memory, node_room, quantity, tpu
from rules.finding import Finding
from rules.network import NODE_POOL_LABEL

DISK_SIZES: Final = (("nodeConfig", "bootDisk", "sizeGb"), ("nodeConfig", "diskSizeGb"))
LOCAL_DISKS: Final = ("ephemeralStorageLocalSsdConfig", "ephemeralStorageConfig")

Pool = tuple[Resource, Field]


def too_large(pod: Field, accelerator: str, topology: str, chips: int) -> list[Finding]:
    """Whether every machine type that the pod selects is too small for its requests of CPU and memory."""
    machines = [m for m in tpu.machines_for(accelerator, topology) if m.chips_per_vm == chips]
    cpu, space = (asked(pod, name) for name in ("cpu", "memory"))
    found = [node_room.check_requests(machine, cpu, space) for machine in machines]
    if not found or not all(found):
        return []
    return [replace(each, path=f"containers[].resources.requests.{each.path}") for each in found[-1]]


def unknown_requests(pod: Field) -> Iterator[Field]:
    """Requests of CPU, memory and boot disk whose amount nobody knows yet."""
    for container in pod.at("containers").items():
        for side in ("requests", "limits"):
            for name in ("cpu", "memory", node_room.EPHEMERAL_STORAGE):
                field = container.at("resources", side, name)
                if field.unknown:
                    yield field


def asked(pod: Field, name: str) -> float:
    """The sum of what a pod's containers ask for of a resource, in its base unit; what is not known counts nothing."""
    total = 0.0
    for container in pod.at("containers").items():
        for side in ("requests", "limits"):  # a limit without a request is a request too
            value = container.at("resources", side, name).value
            if isinstance(value, (str, int, float)) and not isinstance(value, bool):
                total += float(quantity.number(str(value)) or 0)
                break
    return total


def declared_pools(resources: Iterable[Resource]) -> list[Pool]:
    """The node pools of the stack, each with the resource it is written in."""
    return [(resource, pool) for resource in resources for pool, _ in pools(resource)]


def judge_disk(template: PodTemplate, declared: list[Pool], report: Report) -> None:
    """Reports the pool with the largest boot disk when no pool that the pods select has one that is large enough."""
    needed, what = _needed(template)
    if not needed:
        return
    found: list[tuple[int, Resource, Finding]] = []
    unknown: list[tuple[Resource, Field]] = []
    for resource, pool in _selected(template.pod, declared):
        if any(not pool.at("nodeConfig", name).missing for name in LOCAL_DISKS):
            return
        size = _size(pool)
        if size.unknown:
            unknown.append((resource, size))
            continue
        disk = size.get(int) or node_room.DEFAULT_BOOT_DISK_GB
        findings = node_room.check_disk(needed, disk, f"{template.resource.label} {what}", size.path)
        if not findings:
            return
        found.append((disk, resource, findings[0]))
    if unknown:
        resource, size = unknown[0]
        report.undecided(size, f"whether {template.resource.label} {what} there", resource)
    elif found:
        _, resource, finding = max(found, key=lambda each: each[0])
        report.finding(finding, resource)


def _needed(template: PodTemplate) -> tuple[float, str]:
    """GiB of boot disk, and the words for them; 0 where nothing is asked for and nothing known."""
    requested = asked(template.pod, node_room.EPHEMERAL_STORAGE) / node_room.GIB
    loaded = _loaded(template)
    if loaded > requested:
        return loaded, f"loads {loaded:.0f} GiB of weights or more"
    return requested, f"asks for {requested:.0f} GiB"


def _loaded(template: PodTemplate) -> float:
    """GiB that KServe's storage initializer loads for the pod, at least."""
    if template.service is None:
        return 0.0
    spec = template.service.spec
    uri = spec.at("model", "uri").get(str) or ""
    if spec.at("storageInitializer", "enabled").value is False or not uri.startswith(
        kserve.STORAGE_INITIALIZER_SCHEMES
    ):
        return 0.0
    return memory.weights_gib(uri) or 0.0


def _selected(pod: Field, declared: list[Pool]) -> Iterator[Pool]:
    """The TPU pools whose nodes the pod's selector takes, as far as labels of GKE's are in it."""
    name, group, accelerator, topology = (
        pod.at("nodeSelector", label).get(str)
        for label in (NODE_POOL_LABEL, compute_class.LABEL, tpu.TPU_ACCELERATOR_LABEL, tpu.TPU_TOPOLOGY_LABEL)
    )
    for resource, pool in declared:
        facts = read_pool(pool, pool.at("location"))
        machine = tpu.machine_type(facts.machine_type or "")
        if machine is None or machine.node_label != accelerator or topology not in machine.topologies:
            continue
        if facts.topology is not None and facts.topology != topology:
            continue
        if name is not None and pool.at("name").get(str) not in {name, None}:
            continue
        label = pool.at("nodeConfig", "labels", compute_class.LABEL)
        if group is None or label.unknown or label.get(str) == group:
            yield resource, pool


def _size(pool: Field) -> Field:
    """The field of the boot disk's size: the one that is written, else the one that should be."""
    fields = [pool.at(*path).of(int) for path in DISK_SIZES]
    return next((field for field in fields if not field.missing), fields[0])
