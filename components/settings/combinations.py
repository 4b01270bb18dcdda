"""Settings that are right each for itself and cannot work together: checks across all groups of a stack.

Owns what no group can see alone: who needs managed Prometheus, which names the platform's own objects have, how many nodes a
range of addresses has room for. Does not own whether a model fits its pool (`model_placement.py`).
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from components.settings.checks import findings, refuse
from components.settings.model_routing import EndpointPicker
from rules import autoscaling, edge, machine_zones, monitoring, quantity, secrets, system_pool

if TYPE_CHECKING:
    from components.settings.stack import Settings

DEFAULT_PODS_PER_NODE: Final = 110
"""GKE's own, of which a node takes 256 addresses: twice as many as its pods, in a power of two."""


def check_combinations(settings: Settings) -> None:
    """Refuses the first combination that cannot work."""
    _metrics_are_collected(settings)
    _pods_are_read(settings)
    _control_plane_has_nodes(settings)
    _system_pool_has_room(settings)
    _pods_have_addresses(settings)
    _quota_has_room(settings)
    _egress_is_restricted(settings)
    _names_are_free(settings)


def _egress_is_restricted(settings: Settings) -> None:
    isolation = settings.isolation
    inside = {name: block for name, block in settings.network.ranges().items() if name in {"podCidr", "serviceCidr"}}
    for index, service in enumerate(settings.services):
        if service.egress and (isolation.egress == "open" or not isolation.network_policies):
            off = "isolation.egress is open" if isolation.egress == "open" else "isolation.networkPolicies is off"
            where = ", ".join(rule.where for rule in service.egress)
            reason = f"{off}, and its pods may reach everything already"
            refuse(f"services[{index}].egress", where, reason, "isolation.egress: restricted, or leave egress out")
        for number, rule in enumerate(service.egress):
            for name, block in inside.items():
                if rule.cidr is not None and ipaddress.IPv4Network(rule.cidr).subnet_of(block):
                    reason = (
                        f"it is in network.{name} {block}, and network policies know pods by namespace, not address"
                    )
                    refuse(f"services[{index}].egress[{number}].cidr", rule.cidr, reason, "namespace: NAME")


def _metrics_are_collected(settings: Settings) -> None:
    wants = {
        "monitoring.enabled": settings.monitoring.enabled,
        "autoscaling through the Custom Metrics Stackdriver Adapter": settings.reads_managed_prometheus,
    }
    asking = [name for name, wanted in wants.items() if wanted]
    if asking and not settings.cluster.managed_prometheus:
        reason = f"{asking[0]} reads metrics that only managed Prometheus collects, whose kinds the cluster then lacks"
        refuse("cluster.managedPrometheus", False, reason, "true, or leave that out")
    for index, service in enumerate(settings.services):
        if service.alerts and not settings.monitoring.enabled:
            metrics = ", ".join(alert.metric for alert in service.alerts)
            reason = "nobody is told while monitoring is off"
            refuse(f"services[{index}].alerts", metrics, reason, "monitoring.enabled: true, or leave alerts out")


def _pods_are_read(settings: Settings) -> None:
    for index, service in enumerate(settings.services):
        metrics = service.autoscaling.metrics if service.autoscaling else ()
        for number, metric in enumerate(metrics):
            if metric.source != "pods":
                continue
            field = f"services[{index}].autoscaling.metrics[{number}].source"
            cluster = settings.cluster
            findings(autoscaling.check_native_metrics(cluster.release_channel, cluster.minimum_version), field)
            if service.scheme == "HTTPS":
                reason = "GKE reads metrics of pods by plain HTTP, and this server speaks HTTPS"
                refuse(field, metric.source, reason, "managed-prometheus")


def _control_plane_has_nodes(settings: Settings) -> None:
    if not settings.cluster.regional and machine_zones.is_ai_zone(settings.zone):
        reason = f"{settings.zone} is an AI zone, without the machines that a cluster of that zone begins with"
        refuse("cluster.regional", False, reason, "true; the TPU nodes stay in their zone")


def _system_pool_has_room(settings: Settings) -> None:
    """The nodes without TPU hold the controllers, the endpoint pickers, and the services at their smallest."""
    wanted = list(system_pool.CONTROLLERS) if settings.models else []
    for model in settings.models:
        picker = model.endpoint_picker or EndpointPicker()
        count = picker.replicas * len(model.service_names)
        wanted.append(_pods(f"the endpoint picker of {model.name}", count, picker.cpu, picker.memory))
    for service in settings.services:
        asked = service.resources.requests
        wanted.append(_pods(f"the server of {service.name}", service.fewest_replicas, asked.cpu, asked.memory))
    pool = settings.system_pool
    findings(system_pool.check_system_pool(pool.machine_type, pool.nodes, wanted), "systemPool.machineType")


def _pods(what: str, count: int, cpu: str, memory: str) -> system_pool.Wanted:
    return system_pool.Wanted(
        what=what, count=count, millicpu=int(_number(cpu) * 1000), memory_mib=int(_number(memory) / 1024**2)
    )


def _pods_have_addresses(settings: Settings) -> None:
    if settings.network.existing is not None:
        return
    # A cluster begins with a node in each of its zones, and replaces a node of the system pool with one more there.
    nodes = settings.system_pool.nodes + (3 if settings.cluster.regional else 1)
    needed = nodes * _addresses(DEFAULT_PODS_PER_NODE)
    for pool in settings.tpu_pools:
        needed += pool.nodes * _addresses(pool.max_pods_per_node or DEFAULT_PODS_PER_NODE)
    block = ipaddress.IPv4Network(settings.network.pod_cidr)
    if needed > block.num_addresses:
        prefix = 32 - (needed - 1).bit_length()
        reason = (
            f"its nodes take {needed} addresses for pods, and it has {block.num_addresses}; GKE adds no further node"
        )
        refuse("network.podCidr", settings.network.pod_cidr, reason, f"a /{prefix} or wider")


def _quota_has_room(settings: Settings) -> None:
    quota = settings.isolation.quota
    if quota is None:
        return
    wanted = _wanted(settings)
    pods = sum(count for count, _, _ in wanted)
    if quota.pods is not None and quota.pods < pods:
        reason = f"servers and endpoint pickers are {pods} pods"
        refuse("isolation.quota.pods", quota.pods, reason, f"{pods} or more, and room for updates")
    cores = math.ceil(sum(count * cpu for count, cpu, _ in wanted))
    if quota.cpu is not None and (quantity.number(quota.cpu) or 0) < cores:
        reason = f"servers and endpoint pickers ask for {cores} vCPUs, and a pod beyond the quota is refused"
        instead = f"{cores} or more, and room for updates, or less under resources of models"
        refuse("isolation.quota.cpu", quota.cpu, reason, instead)
    gib = math.ceil(sum(count * memory for count, _, memory in wanted) / 1024**3)
    if quota.memory is not None and (quantity.number(quota.memory) or 0) < gib * 1024**3:
        reason = f"servers and endpoint pickers ask for {gib} GiB, and a pod beyond the quota is refused"
        instead = f"{gib}Gi or more, and room for updates, or less under resources of models"
        refuse("isolation.quota.memory", quota.memory, reason, instead)


def _wanted(settings: Settings) -> list[tuple[int, Decimal, Decimal]]:
    """What runs in the namespace when all of it is in use: number of pods, cores and bytes that each asks for at least."""
    found: list[tuple[int, Decimal, Decimal]] = []
    for service in settings.services:
        asked = service.resources.requests
        found.append((service.most_replicas, _number(asked.cpu), _number(asked.memory)))
    for model in settings.models:
        pool = settings.pool(model.pool)
        cpu = model.resources.millicpu(pool.machine, pool.machine.chips_per_vm) or 0
        memory = model.resources.memory_mib(pool.machine, pool.machine.chips_per_vm) or 0
        found.append((model.slices * pool.slice_nodes, Decimal(cpu) / 1000, Decimal(memory) * 1024**2))
        picker = model.endpoint_picker or EndpointPicker()
        found.append((picker.replicas * len(model.service_names), _number(picker.cpu), _number(picker.memory)))
    return found


def _number(text: str) -> Decimal:
    return quantity.number(text) or Decimal(0)


def _addresses(pods: int) -> int:
    """Addresses that GKE keeps for a node of that many pods."""
    return 1 << (2 * pods - 1).bit_length()


def _names_are_free(settings: Settings) -> None:
    redirect = f"{settings.gateway.name}-redirect"
    accounts: Mapping[str, str] = {
        "default": "the namespace's own ServiceAccount",
        secrets.SYNC_ACCOUNT: "the ServiceAccount that may read the stack's secrets",
        monitoring.READER: "the ServiceAccount that may read metrics",
    }
    for index, service in enumerate(settings.services):
        if service.name in accounts:
            reason = f"{accounts[service.name]} has this name, and the service's pods would run as it"
            refuse(f"services[{index}].name", service.name, reason, "a name of its own")
        if service.name == redirect:
            refuse(f"services[{index}].name", redirect, "the Gateway's redirect has this name", "a name of its own")
    for index, model in enumerate(settings.models):
        if redirect in model.service_names:
            refuse(f"models[{index}].name", redirect, "the Gateway's redirect has this name", "a name of its own")
    tls = settings.gateway.tls
    of_gateway = {f"{settings.gateway.name}-tls", *(tls.secrets if tls else ())}
    for index, pull in enumerate(settings.secrets.image_pull):
        if pull.name in {edge.IAP_SECRET, monitoring.READER, *of_gateway}:
            reason = "the platform has a Secret of this name for something else"
            refuse(f"secrets.imagePull[{index}].name", pull.name, reason, "a name of its own")
