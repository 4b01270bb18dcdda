"""Machine and accelerator types of a zone, as Compute Engine and Cloud TPU list them. The facts are `rules`'."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from rules import machine_types, machine_zones, tpu
from sandbox.cloud.errors import CloudError
from sandbox.cloud.names import COMPUTE
from sandbox.node.machines import machine
from sandbox.rest.places import COMPUTE_API, family, known_zones, require_zone
from sandbox.rest.request import Body, Request, compute_aggregated, compute_item, compute_list, one, page

_TPU_API: Final = "tpu.googleapis.com"


def machine_type_items(request: Request) -> Body:
    """`machineTypes.list`, `machineTypes.get` and, without a zone, `machineTypes.aggregatedList`."""
    return _zonal(request, "machineType", _machine_types)


def accelerator_type_items(request: Request) -> Body:
    """`acceleratorTypes.list`, `.get` and `.aggregatedList` of Compute Engine: `ct6e`."""
    return _zonal(request, "acceleratorType", _accelerator_types)


def _zonal(request: Request, kind: str, rows: Callable[[Request], list[Body]]) -> Body:
    """The rows of a zone, one of them, or those of every zone."""
    if "zone" not in request.path:
        scopes = {f"zones/{each.path['zone']}": rows(each) for each in _in_every_zone(request)}
        return compute_aggregated(request, f"compute#{kind}AggregatedList", f"{kind}s", scopes)
    zone = require_zone(request)
    path = f"projects/{request.project}/zones/{zone}/{kind}s"
    if "name" in request.path:
        return one(rows(request), request.path["name"], path)
    return compute_list(request, f"compute#{kind}", path, rows(request))


def tpu_accelerator_types(request: Request) -> Body:
    """`acceleratorTypes.list` and `acceleratorTypes.get` of Cloud TPU: `v6e-8`, with its topology."""
    zone = request.path["zone"]
    request.cloud.require_api(request.project, _TPU_API)
    if zone not in known_zones(request):
        raise CloudError(404, f"Location {zone} is not found or access is unauthorized.", "notFound")
    path = f"projects/{request.project}/locations/{zone}/acceleratorTypes"
    items = [
        {"name": f"{path}/{name}", "type": name, "acceleratorConfigs": [{"type": kind, "topology": topology}]}
        for name, kind, topology in _slices(zone)
    ]
    if "name" not in request.path:
        return page(request, "acceleratorTypes", items)
    found = next((item for item in items if item["type"] == request.path["name"]), None)
    if found is None:
        raise CloudError(404, f"Resource '{path}/{request.path['name']}' was not found", "notFound")
    return found


def tpu_locations(request: Request) -> Body:
    """`locations.list` and `locations.get` of Cloud TPU."""
    request.cloud.require_api(request.project, _TPU_API)
    zones = sorted({zone for kind in tpu.MACHINE_TYPES.values() for zone in tpu.zones(kind.generation)})
    path = f"projects/{request.project}/locations"
    items = [{"name": f"{path}/{zone}", "locationId": zone} for zone in zones]
    if "zone" not in request.path:
        return page(request, "locations", items)
    found = next((item for item in items if item["locationId"] == request.path["zone"]), None)
    if found is None:
        raise CloudError(404, f"Location {request.path['zone']} is not found or access is unauthorized.", "notFound")
    return found


def _in_every_zone(request: Request) -> Iterator[Request]:
    request.cloud.require_api(request.project, COMPUTE_API)
    return (replace(request, path={**request.path, "zone": zone}) for zone in known_zones(request))


def _machine_types(request: Request) -> list[Body]:
    zone = request.path["zone"]
    general = [name for kind in machine_zones.families(zone) for name in machine_types.names(kind)]
    path = f"projects/{request.project}/zones/{zone}/machineTypes"
    return [
        _machine_type(path, zone, name) for name in sorted([*general, *(kind.name for kind in _tpu_machines(zone))])
    ]


def _accelerator_types(request: Request) -> list[Body]:
    where = f"projects/{request.project}/zones/{request.path['zone']}"
    return [
        compute_item(
            "compute#acceleratorType",
            f"{where}/acceleratorTypes/{name}",
            description=name,
            zone=f"{COMPUTE}{where}",
            maximumCardsPerInstance=most,
        )
        for name, most in sorted(_accelerators(request.path["zone"]).items())
    ]


def _tpu_machines(zone: str) -> Iterator[tpu.MachineType]:
    return (kind for kind in tpu.MACHINE_TYPES.values() if zone in tpu.zones(kind.generation))


def _accelerators(zone: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for kind in _tpu_machines(zone):
        found[family(kind.name)] = max(found.get(family(kind.name), 0), kind.chips_per_vm)
    return found


_NAMES: Final = {"v6e": ("v6e", "V6E"), "v5e": ("v5litepod", "V5LITE_POD")}
"""First part of an accelerator type, and the type in its configuration; of generations whose names count chips."""


def _slices(zone: str) -> list[tuple[str, str, str]]:
    """Name, type and topology of every slice whose name is certain."""
    found: dict[tuple[str, int], tuple[str, str, str]] = {}
    for kind in _tpu_machines(zone):
        for topology in (*kind.single_host, *kind.multi_host) if kind.generation in _NAMES else ():
            prefix, word = _NAMES[kind.generation]
            size = tpu.chips(topology)
            found.setdefault((prefix, size), (f"{prefix}-{size}", word, topology))
    return [found[key] for key in sorted(found)]


def _machine_type(path: str, zone: str, name: str) -> Body:
    size, kind = machine(name), tpu.machine_type(name)
    known = kind is None or bool(kind.vcpus and kind.memory_gib)
    shape = {"guestCpus": size.cpu, "memoryMb": int(size.memory_gib * 1024)} if known else {}
    words = [f"{size.cpu} vCPUs, {size.memory_gib:g} GB RAM"] if known else []
    words += [f"{size.chips} TPU chips"] if size.chips else []
    chips = {"accelerators": [{"guestAcceleratorType": family(name), "guestAcceleratorCount": size.chips}]}
    return compute_item(
        "compute#machineType",
        f"{path}/{name}",
        description=", ".join(words),
        **shape,
        imageSpaceGb=0,
        maximumPersistentDisks=128,
        maximumPersistentDisksSizeGb="263168",
        zone=zone,
        isSharedCpu=name in machine_types.SHARED_CORE,
        **(chips if size.chips else {}),
    )
