"""Machine and accelerator types of a zone, as Compute Engine and Cloud TPU list them. The facts are `rules`'."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rules import machine_types, machine_zones, tpu
from sandbox.cloud.errors import CloudError
from sandbox.cloud.names import COMPUTE
from sandbox.node.machines import machine
from sandbox.rest.places import family, known_zones, require_zone
from sandbox.rest.request import Body, Request, compute_item, compute_list, one, page

_TPU_API: Final = "tpu.googleapis.com"


def machine_type_items(request: Request) -> Body:
    """`machineTypes.list` and `machineTypes.get`."""
    zone = require_zone(request)
    path = f"projects/{request.project}/zones/{zone}/machineTypes"
    items = [_machine_type(path, zone, name) for name in _machine_types(zone)]
    if "name" in request.path:
        return one(items, request.path["name"], path)
    return compute_list(request, "compute#machineType", path, items)


def accelerator_type_items(request: Request) -> Body:
    """`acceleratorTypes.list` and `acceleratorTypes.get` of Compute Engine: `ct6e`."""
    zone = require_zone(request)
    path = f"projects/{request.project}/zones/{zone}/acceleratorTypes"
    items = [
        compute_item(
            "compute#acceleratorType",
            f"{path}/{name}",
            description=name,
            zone=f"{COMPUTE}projects/{request.project}/zones/{zone}",
            maximumCardsPerInstance=most,
        )
        for name, most in sorted(_accelerators(zone).items())
    ]
    if "name" in request.path:
        return one(items, request.path["name"], path)
    return compute_list(request, "compute#acceleratorType", path, items)


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
    """`locations.list` of Cloud TPU."""
    request.cloud.require_api(request.project, _TPU_API)
    zones = sorted({zone for kind in tpu.MACHINE_TYPES.values() for zone in tpu.zones(kind.generation)})
    path = f"projects/{request.project}/locations"
    return page(request, "locations", [{"name": f"{path}/{zone}", "locationId": zone} for zone in zones])


def _machine_types(zone: str) -> list[str]:
    general = [name for kind in machine_zones.families(zone) for name in machine_types.names(kind)]
    return sorted([*general, *(kind.name for kind in _tpu_machines(zone))])


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
