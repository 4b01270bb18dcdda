"""TPU node pools: machine type, topology, zone, placement and boot disk, before anyone waits for a pool that fails.

Reads `gcp:container/nodePool:NodePool` and the pools written inside a cluster. What is wrong is `rules.node_pool`'s
knowledge. A zone that is merely not on the list warns, because the list drifts; so does a machine type without TPU.
"""

from __future__ import annotations

from typing import Any, Final

from pulumi_policy import EnforcementLevel, Severity

from policies.framework import Report, at, resource_policy
from policies.inputs import INPUTS
from policies.reading import Field, Unknown, plain
from policies.remediation import single_host_placement
from policies.resources import Resource
from rules.cluster import is_zone
from rules.finding import Finding
from rules.machine_zones import check_machine
from rules.node_pool import MACHINE_TYPE, TOPOLOGY, TpuNodePool, check_node_pool, is_tpu_pool
from rules.tpu import TPU_TOPOLOGY_LABEL, ZONES_DATE

NODE_POOL: Final = "gcp:container/nodePool:NodePool"
CLUSTER: Final = "gcp:container/cluster:Cluster"
EXTRA_ZONES: Final = "extra_zones"
"""Argument of a component around a node pool: zones whose list nobody has to repeat in the pack's configuration."""
_CONFIG: Final[dict[str, dict[str, Any]]] = {
    "extraZones": {
        "type": "array",
        "items": {"type": "string"},
        "description": f"Zones known to have TPU node pools although the list of {ZONES_DATE} lacks them. Zones that the "
        f"component around a pool carries in its argument `{EXTRA_ZONES}` need not be repeated here.",
    }
}

_TEXTS: Final = {
    "machine_type": (MACHINE_TYPE,),
    "topology": (TOPOLOGY,),
    "placement_type": ("placementPolicy.type",),
    "placement_policy_name": ("placementPolicy.policyName",),
    "boot_disk_type": ("nodeConfig.diskType", "nodeConfig.bootDisk.diskType"),
    "upgrade_strategy": ("upgradeSettings.strategy",),
    "version": ("version",),
}
_NUMBERS: Final = {
    "node_count": ("nodeCount", "initialNodeCount"),
    "max_node_count": ("autoscaling.maxNodeCount",),
    "total_max_node_count": ("autoscaling.totalMaxNodeCount",),
}
_FLAGS: Final = {
    "flex_start": ("nodeConfig.flexStart",),
    "spot": ("nodeConfig.spot",),
    "auto_repair": ("management.autoRepair",),
}
_MATTERS: Final = {
    MACHINE_TYPE: "whether this is a TPU pool",
    TOPOLOGY: "whether the machine type makes this slice",
    "placementPolicy.type": "whether the slice's hosts are placed together",
    "nodeLocations": "whether the zone has this TPU",
    "location": "whether the zone has this TPU",
    "nodeConfig.diskType": "whether the machine type boots from this disk",
    "nodeConfig.bootDisk.diskType": "whether the machine type boots from this disk",
    "nodeCount": "whether the pool is one whole slice",
    "autoscaling.maxNodeCount": "whether the pool can grow to one whole slice",
}


def pools(resource: Resource) -> list[tuple[Field, Field]]:
    """The node pools a resource declares, each with the field of its location."""
    if resource.token == NODE_POOL:
        return [(resource.props, resource.at("location"))]
    if resource.token == CLUSTER:
        return [(pool, resource.at("location")) for pool in resource.at("nodePools").items()]
    return []


def read_pool(pool: Field, location: Field) -> TpuNodePool:
    """The pool's facts; names of those nobody knows are in its `unknown`."""
    values: dict[str, Any] = {}
    unknown: set[str] = set()
    for table, kind in ((_TEXTS, str), (_NUMBERS, int), (_FLAGS, bool)):
        for name, paths in table.items():
            for path in paths:
                field = pool.at(*path.split(".")).of(kind)
                if field.unknown:
                    unknown.add(name)
                elif field.known and name not in values:
                    values[name] = field.value
    _read_place(pool, location, values, unknown)
    return TpuNodePool(**values, unknown=frozenset(unknown))


def _read_place(pool: Field, location: Field, values: dict[str, Any], unknown: set[str]) -> None:
    place = location.of(str)
    names = [zone.of(str) for zone in pool.at("nodeLocations").items()]
    if any(zone.unknown for zone in names):
        unknown.add("zones")
    elif names:
        values["zones"] = tuple(str(zone.value) for zone in names)
    elif place.unknown:
        unknown.add("location")
    elif place.known and is_zone(str(place.value)):
        values["zones"] = (place.value,)
    if place.known:
        values["location"] = place.value


def extra_zones(resource: Resource, report: Report) -> tuple[str, ...]:
    """Zones that somebody knows to work: the pack's configuration, and the `extra_zones` of the component around a pool.

    A program that carries them on the component needs no second list in the pack's configuration.
    """
    listed: Any = report.config.get("extraZones") or ()
    above = Field("", plain(INPUTS.of(resource.parent) or {})).at(EXTRA_ZONES)
    carried = [zone.get(str) for zone in above.items()]
    return (*(str(zone) for zone in listed), *(zone for zone in carried if zone is not None))


def _findings(resource: Resource, report: Report) -> list[tuple[Field, TpuNodePool, Finding]]:
    extra = extra_zones(resource, report)
    found: list[tuple[Field, TpuNodePool, Finding]] = []
    for pool, location in pools(resource):
        facts = read_pool(pool, location)
        found += [(pool, facts, finding) for finding in check_node_pool(facts, extra)]
        if facts.machine_type is not None and not is_tpu_pool(facts) and facts.knows("machine_type", "zones"):
            machine = check_machine(facts.machine_type, facts.zones)
            found += [(pool, facts, at(finding, MACHINE_TYPE)) for finding in machine]
    return found


def _check(resource: Resource, report: Report) -> None:
    for pool, location in pools(resource):
        if pool.unknown:
            report.undecided(pool, "whether this is a TPU pool", resource)
            continue
        _check_unknowns(pool, location, read_pool(pool, location), report, resource)
    for pool, _, finding in _findings(resource, report):
        if finding.certain:
            report.finding(finding.under(pool.path), resource)


def _check_unknowns(pool: Field, location: Field, facts: TpuNodePool, report: Report, resource: Resource) -> None:
    machine = pool.at(*MACHINE_TYPE.split(".")).of(str)
    if machine.unknown:
        report.undecided(machine, _MATTERS[MACHINE_TYPE], resource)
        return
    labelled = pool.at("nodeConfig", "labels", TPU_TOPOLOGY_LABEL)
    if not (is_tpu_pool(facts) or ("topology" in facts.unknown and not labelled.missing)):
        return
    for name, path in (("topology", TOPOLOGY), ("placement_type", "placementPolicy.type")):
        if name in facts.unknown:
            report.undecided(_first_unknown(pool.at(*path.split("."))), _MATTERS[path], resource)
    if "zones" in facts.unknown:
        report.undecided(_first_unknown(pool.at("nodeLocations")), _MATTERS["nodeLocations"], resource)
    elif "location" in facts.unknown:
        report.undecided(location, _MATTERS["location"], resource)
    for path in _TEXTS["boot_disk_type"]:
        _undecided_at(pool, path, str, report, resource)
    if facts.topology is not None and not pool.at("placementPolicy").missing:
        for path in ("nodeCount", "autoscaling.maxNodeCount"):
            _undecided_at(pool, path, int, report, resource)


def _undecided_at(pool: Field, path: str, kind: type, report: Report, resource: Resource) -> None:
    field = pool.at(*path.split(".")).of(kind)
    if field.unknown:
        report.undecided(field, _MATTERS[path], resource)


def _first_unknown(field: Field) -> Field:
    return next(field.unknowns(), Field(field.path, Unknown("it is of the wrong type")))


def _warn(resource: Resource, report: Report) -> None:
    for pool, _, finding in _findings(resource, report):
        if not finding.certain:
            report.finding(finding.under(pool.path), resource)


TPU_NODE_POOL: Final = resource_policy(
    name="tpu-node-pool",
    title="TPU node pools exist as GKE builds them",
    description="Machine type, topology, zone, placement and boot disk of a TPU node pool must fit together.",
    remediation="Take machine type and topology from one row of the TPU table, in a zone that has them; write COMPACT "
    "placement for multi-host slices only.",
    severity=Severity.HIGH,
    tags=["tpu", "gke"],
    kinds=["NodePool", "Cluster"],
    check=_check,
    config=_CONFIG,
    fix=single_host_placement,
)

TPU_ZONE_UNLISTED: Final = resource_policy(
    name="tpu-not-listed",
    title="Zones and machine types that are not on the list",
    description="The zone or machine type is not on our dated list, which is not complete for it.",
    remediation="Check Google's current list, then name the zone: in the settings (extraTpuZones), which the component "
    "around the pool carries, or in extraZones of the pack's configuration.",
    severity=Severity.LOW,
    tags=["tpu", "gke"],
    kinds=["NodePool", "Cluster"],
    check=_warn,
    enforcement=EnforcementLevel.ADVISORY,
    config=_CONFIG,
)
