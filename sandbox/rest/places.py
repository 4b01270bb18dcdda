"""Zones and regions of the REST face: which there are, and what a region's quotas are.

A zone exists where `rules` lists a machine for it, or something of the sandbox is in it. Quotas are the sandbox's own: their
use follows from what exists, and nothing is refused because of them (`quotaExceeded` in a fault script does that).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from rules import machine_zones, tpu
from sandbox.cloud import compute, nodepools
from sandbox.cloud.container import CLUSTERS, POOLS, node_zones
from sandbox.cloud.errors import CloudError, bad_request
from sandbox.cloud.kind import Resource
from sandbox.cloud.names import COMPUTE, region_of
from sandbox.cloud.regions import default_zones
from sandbox.cloud.settings import text
from sandbox.node.machines import machine
from sandbox.rest.request import Body, Request, compute_item, compute_list, one, page

COMPUTE_API: Final = "compute.googleapis.com"
_LIMITS: Final = {"CPUS": 1000, "N2_CPUS": 500, "C3_CPUS": 500, "STATIC_ADDRESSES": 8}
TPU_LIMIT: Final = 256
"""Chips of one family in one region."""


def known_zones(request: Request) -> list[str]:
    """All zones."""
    listed = {*machine_zones.listed_zones(), *(z for m in tpu.MACHINE_TYPES.values() for z in tpu.zones(m.generation))}
    used = {zone for cluster in request.cloud.all(CLUSTERS, request.project) for zone in node_zones(cluster)}
    regions = {region_of(zone) for zone in listed | used}
    return sorted(listed | used | {zone for region in regions for zone in default_zones(region)})


def require_zone(request: Request) -> str:
    """The zone of the request; CloudError 400 when there is no such zone."""
    zone = request.path["zone"]
    request.cloud.require_api(request.project, COMPUTE_API)
    if zone not in known_zones(request):
        raise bad_request(f"Invalid value for field 'zone': '{zone}'. Unknown zone.", "invalid")
    return zone


def require_region(request: Request) -> str:
    """The region of the request; CloudError 400 when there is no such region."""
    region = request.path["region"]
    request.cloud.require_api(request.project, COMPUTE_API)
    if region not in {region_of(zone) for zone in known_zones(request)}:
        raise bad_request(f"Invalid value for field 'region': '{region}'. Unknown region.", "invalid")
    return region


def zones(request: Request) -> Body:
    """`zones.list` and `zones.get`."""
    request.cloud.require_api(request.project, COMPUTE_API)
    path = f"projects/{request.project}/zones"
    items = [
        compute_item("compute#zone", f"{path}/{zone}", status="UP", region=_region_link(request, region_of(zone)))
        for zone in known_zones(request)
    ]
    if "zone" in request.path:
        return one(items, request.path["zone"], path)
    return compute_list(request, "compute#zone", path, items)


def regions(request: Request) -> Body:
    """`regions.list` and `regions.get`, with quotas."""
    request.cloud.require_api(request.project, COMPUTE_API)
    path = f"projects/{request.project}/regions"
    by_region: dict[str, list[str]] = {}
    for zone in known_zones(request):
        by_region.setdefault(region_of(zone), []).append(zone)
    items = [
        compute_item(
            "compute#region",
            f"{path}/{region}",
            status="UP",
            zones=[f"{COMPUTE}projects/{request.project}/zones/{zone}" for zone in names],
            quotas=_quotas(request, region),
        )
        for region, names in sorted(by_region.items())
    ]
    if "region" in request.path:
        return one(items, request.path["region"], path)
    return compute_list(request, "compute#region", path, items)


def tpu_quota(request: Request) -> Body:
    """`quotaInfos.list` and `quotaInfos.get` of Cloud Quotas: chips by region and TPU family, which no region shows."""
    request.cloud.require_api(request.project, COMPUTE_API)
    if "quota" not in request.path:
        return page(request, "quotaInfos", [_tpu_quota(request)])
    name = request.path["quota"]
    if name != _TPU_QUOTA:
        raise CloudError(404, f"Quota info '{name}' was not found. The sandbox has {_TPU_QUOTA}.", "notFound")
    return _tpu_quota(request)


def _tpu_quota(request: Request) -> Body:
    families = sorted({family(machine.name) for machine in tpu.MACHINE_TYPES.values()})
    places = sorted(
        {region_of(zone) for machine in tpu.MACHINE_TYPES.values() for zone in tpu.zones(machine.generation)}
    )
    infos = [
        {
            "dimensions": {"region": region, "tpu_family": name.upper()},
            "details": {"value": str(TPU_LIMIT)},
            "applicableLocations": [region],
        }
        for region in places
        for name in families
    ]
    return {
        "name": f"projects/{request.project}/locations/global/services/{COMPUTE_API}/quotaInfos/{_TPU_QUOTA}",
        "quotaId": _TPU_QUOTA,
        "metric": "compute.googleapis.com/tpus_per_tpu_family",
        "service": COMPUTE_API,
        "dimensions": ["region", "tpu_family"],
        "dimensionsInfos": infos,
    }


_TPU_QUOTA: Final = "TPUS-PER-TPU-FAMILY-per-project-region"
"""The id under which Cloud Quotas knows the chips a project may have (operators' reports, 2026-08)."""


def family(machine_type: str) -> str:
    """The machine family, which is also the accelerator type of TPU machines: `ct6e`."""
    return machine_type.partition("-")[0]


def _quotas(request: Request, region: str) -> list[Body]:
    use = dict.fromkeys(_LIMITS, 0.0)
    for pool, cluster in _pools(request):
        size = machine(nodepools.machine_of(pool))
        metric = {"n2": "N2_CPUS", "c3": "C3_CPUS"}.get(size.family, "CPUS")
        here = region_of(nodepools.zones_of(pool, cluster)[0]) == region
        if here and not size.chips and pool.status != "ERROR":
            use[metric] += size.cpu * request.cloud.node_count(pool)
    addresses = request.cloud.all(compute.ADDRESSES, request.project)
    use["STATIC_ADDRESSES"] = float(len([item for item in addresses if text(item.properties, "region") == region]))
    return [{"metric": name, "limit": float(_LIMITS[name]), "usage": used} for name, used in use.items()]


def _pools(request: Request) -> Iterable[tuple[Resource, Resource]]:
    for pool in request.cloud.all(POOLS, request.project):
        cluster = request.cloud.find(CLUSTERS, nodepools.cluster_path(pool.id))
        if cluster is not None:
            yield pool, cluster


def _region_link(request: Request, region: str) -> Any:
    return f"{COMPUTE}projects/{request.project}/regions/{region}"
