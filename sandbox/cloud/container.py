"""GKE clusters: what the API checks, what it fills in, and the control plane behind them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from typing_extensions import override

from sandbox.cloud import cluster_options, compute, names, subnetworks, versions
from sandbox.cloud.errors import bad_request
from sandbox.cloud.kind import Kind, Properties, Resource, View
from sandbox.cloud.regions import default_zones
from sandbox.cloud.settings import block, flag, text

CLUSTERS: Final = "container.clusters"
POOLS: Final = "container.nodePools"

_NAME: Final = re.compile(r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$")


def channel_of(properties: Properties) -> str:
    """The cluster's release channel; REGULAR when it names none, as GKE decides."""
    return text(properties, "releaseChannel", "channel") or "REGULAR"


def version_of(cluster: Resource) -> str:
    """The version the control plane runs: the one it has, unless the request demands a later one."""
    current = str(cluster.outputs.get("masterVersion", ""))
    requested = text(cluster.properties, "minMasterVersion")
    if current and not requested:
        return current
    target = versions.resolve(requested, channel_of(cluster.properties))
    return current if current and _sortable(current) >= _sortable(target) else target


def node_zones(cluster: Resource) -> list[str]:
    """The zones a cluster's nodes are in unless a pool says otherwise."""
    location = text(cluster.properties, "location")
    chosen = cast(list[str], cluster.properties.get("nodeLocations") or [])
    if names.is_zone(location):
        return sorted({location, *chosen})
    return sorted(chosen) or default_zones(location)


class ContainerKind(Kind):
    """How the Kubernetes Engine API speaks of its resources, and keeps those that could not be made."""

    api = "container.googleapis.com"
    keeps_failed = True

    @override
    def exists_message(self, resource: Resource) -> str:
        return f"Already exists: {resource.id}."

    @override
    def missing_message(self, resource_id: str) -> str:
        return f"Not found: {resource_id}."


class Clusters(ContainerKind):
    """Clusters. Creating one starts a real API server; see `sandbox.cloud.clusters`."""

    type = CLUSTERS

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        wanted = resource.properties
        if not _NAME.match(resource.name):
            raise bad_request(
                f'Invalid value for field "cluster.name": "{resource.name}". Name must start with a lowercase letter '
                "followed by up to 39 lowercase letters, numbers, or hyphens, and cannot end with a hyphen."
            )
        location = text(wanted, "location")
        if not names.is_location(location):
            raise bad_request(f'Location "{location}" does not exist.')
        if old is None and not flag(wanted, "enableAutopilot") and not int(wanted.get("initialNodeCount") or 0):
            raise bad_request("Cluster.initial_node_count must be greater than zero.")
        versions.resolve(text(wanted, "minMasterVersion"), channel_of(wanted))
        _check_workload_identity(resource)
        subnetwork = _check_network(view, resource)
        _check_control_plane_range(wanted, subnetwork)
        _check_gateway(wanted)
        cluster_options.check(wanted, location)

    @override
    def complete(self, view: View, resource: Resource) -> Properties:
        wanted = resource.properties
        version = version_of(resource)
        subnetwork = _subnetwork(view, resource)
        pods, services = _pod_ranges(wanted, subnetwork)
        zones = node_zones(resource)
        location = text(wanted, "location")
        zonal = names.is_zone(location)
        return {
            "selfLink": f"{names.CONTAINER}{resource.id}",
            "operation": "",
            "masterVersion": version,
            "nodeVersion": version,
            "nodeLocations": [zone for zone in zones if not (zonal and zone == location)],
            "network": f"projects/{resource.project}/global/networks/default",
            "networkingMode": "VPC_NATIVE",
            "clusterIpv4Cidr": pods,
            "servicesIpv4Cidr": services,
            "defaultMaxPodsPerNode": 110,
            "labelFingerprint": "a9dc16a7",
            "releaseChannel": {"channel": channel_of(wanted)},
            "datapathProvider": "",
            "databaseEncryption": {"state": "DECRYPTED", "keyName": ""},
            "loggingService": "logging.googleapis.com/kubernetes",
            "monitoringService": "monitoring.googleapis.com/kubernetes",
            "tpuIpv4CidrBlock": "",
            "ipAllocationPolicy": {
                "clusterIpv4CidrBlock": pods,
                "servicesIpv4CidrBlock": services,
                "stackType": "IPV4",
            },
            "addonsConfig": {"httpLoadBalancing": {"disabled": False}, "networkPolicyConfig": {"disabled": True}},
        }

    @override
    def apply(self, view: View, resource: Resource, old: Resource | None, report: Callable[[str], None]) -> Properties:
        started = view.clusters.start(resource, version_of(resource), report)
        endpoint = str(started["endpoint"])
        return {
            **started,
            **cluster_options.completed(resource.properties, endpoint),
            "privateClusterConfig": {"privateEndpoint": endpoint, "publicEndpoint": endpoint, "peeringName": ""},
        }

    @override
    def remove(self, view: View, resource: Resource, options: Mapping[str, Any]) -> None:
        view.clusters.delete(resource, version_of(resource))


def _check_workload_identity(cluster: Resource) -> None:
    pool = text(cluster.properties, "workloadIdentityConfig", "workloadPool")
    own = f"{cluster.project}.svc.id.goog"
    if pool and pool != own:
        raise bad_request(f'Currently, the only supported identity namespace is the cluster project\'s default "{own}"')


def _subnetwork(view: View, cluster: Resource) -> Resource | None:
    link = text(cluster.properties, "subnetwork")
    if not link:
        return None
    region = names.region_of(text(cluster.properties, "location"))
    return view.find(compute.SUBNETWORKS, names.subnetwork_path(cluster.project, region, link))


def _check_network(view: View, cluster: Resource) -> Resource | None:
    link = text(cluster.properties, "network") or "default"
    path = names.network_path(cluster.project, link)
    if view.find(compute.NETWORKS, path) is None:
        raise bad_request(f'Network "{names.last(link)}" does not exist.')
    subnetwork = _subnetwork(view, cluster)
    link = text(cluster.properties, "subnetwork")
    region = names.region_of(text(cluster.properties, "location"))
    if link and subnetwork is None:
        raise bad_request(f'Subnetwork "{names.last(link)}" does not exist in region "{region}".')
    if subnetwork is not None:
        if compute.network_of(subnetwork) != path:
            raise bad_request(f'Subnetwork "{subnetwork.name}" does not belong to network "{names.last(path)}".')
        _check_secondary_ranges(cluster, subnetwork, names.last(path))
    return subnetwork


def _check_secondary_ranges(cluster: Resource, subnetwork: Resource, network: str) -> None:
    policy = block(cluster.properties, "ipAllocationPolicy")
    secondary = cast(list[dict[str, Any]], subnetwork.properties.get("secondaryIpRanges") or [])
    offered = [str(item.get("rangeName")) for item in secondary]
    for what, key in (("Pods", "clusterSecondaryRangeName"), ("Services", "servicesSecondaryRangeName")):
        wanted = policy.get(key)
        if wanted and wanted not in offered:
            known = f" It has {', '.join(offered)}." if offered else " It has no secondary ranges."
            raise bad_request(
                f'{what} secondary range "{wanted}" does not exist in network "{network}", '
                f'subnetwork "{subnetwork.name}".{known}'
            )


def _pod_ranges(wanted: Properties, subnetwork: Resource | None) -> tuple[str, str]:
    policy = block(wanted, "ipAllocationPolicy")
    ranges = cast(list[dict[str, Any]], subnetwork.properties.get("secondaryIpRanges") or []) if subnetwork else []
    by_name = {str(item.get("rangeName")): str(item.get("ipCidrRange")) for item in ranges}
    pods = by_name.get(str(policy.get("clusterSecondaryRangeName"))) or "10.4.0.0/14"
    services = by_name.get(str(policy.get("servicesSecondaryRangeName"))) or "34.118.224.0/20"
    return pods, services


def _check_control_plane_range(wanted: Properties, subnetwork: Resource | None) -> None:
    value = text(wanted, "privateClusterConfig", "masterIpv4CidrBlock")
    if not value:
        return
    try:
        chosen = ipaddress.IPv4Network(value)
    except ValueError:
        raise bad_request(f'Invalid master CIDR block "{value}". Write a range such as 172.16.0.0/28.') from None
    if chosen.prefixlen != 28:
        raise bad_request(f'Invalid master CIDR block "{value}": the netmask must be /28.')
    for taken in subnetworks.ranges_of(subnetwork) if subnetwork else []:
        if chosen.overlaps(taken):
            raise bad_request(
                f'The given master CIDR block "{value}" overlaps with an existing range "{taken}" of the subnetwork.'
            )


def _check_gateway(wanted: Properties) -> None:
    """https://cloud.google.com/kubernetes-engine/docs/how-to/deploying-gateways#requirements, read 2026-08."""
    if text(wanted, "gatewayApiConfig", "channel") in {"", "CHANNEL_DISABLED"}:
        return
    if text(wanted, "networkingMode") == "ROUTES":
        raise bad_request("Gateway API requires a VPC-native cluster. Set networkingMode to VPC_NATIVE.")
    addons = block(wanted, "addonsConfig")
    balancing = cast(dict[str, Any], addons.get("httpLoadBalancing") or {})
    if balancing.get("disabled"):
        raise bad_request(
            "Gateway API requires the HTTP load balancing add-on. Set addonsConfig.httpLoadBalancing.disabled to false."
        )


def _sortable(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
