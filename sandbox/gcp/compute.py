"""Compute Engine's network resources as the official provider treats them."""

from __future__ import annotations

import ipaddress
from typing import Final

from sandbox.gcp.resource import Properties, ResourceType, known


def _shrinks(old: Properties, new: Properties, path: str) -> bool:
    """A subnetwork's range can grow in place; anything else replaces it (`isShrinkageIpCidr`)."""
    if path != "ipCidrRange":
        return False
    before, after = old.get("ipCidrRange"), new.get("ipCidrRange")
    if not known(before) or not known(after):
        return True
    try:
        return not ipaddress.IPv4Network(str(before)).subnet_of(ipaddress.IPv4Network(str(after)))
    except ValueError:
        return True


def _subnetwork(inputs: Properties) -> list[tuple[str, str]]:
    if "ipCidrRange" not in inputs and "reservedInternalRange" not in inputs:
        return [("ipCidrRange", 'Missing required argument. The argument "ip_cidr_range" is required')]
    return []


NETWORK: Final = ResourceType(
    type="gcp:compute/network:Network",
    kind="compute.networks",
    noun="Network",
    id="projects/{project}/global/networks/{name}",
    imports=("{project}/{name}", "{name}"),
    defaults={
        "autoCreateSubnetworks": True,
        "deleteDefaultRoutesOnCreate": False,
        "networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL",
    },
    force_new=frozenset(
        {"name", "project", "description", "autoCreateSubnetworks", "internalIpv6Range", "enableUlaInternalIpv6"}
        | {"networkProfile", "deleteDefaultRoutesOnCreate"}
    ),
    computed=frozenset({"routingMode", "mtu", "internalIpv6Range", "bgpBestPathSelectionMode", "bgpInterRegionCost"}),
    enums={
        "routingMode": ("REGIONAL", "GLOBAL"),
        "networkFirewallPolicyEnforcementOrder": ("BEFORE_CLASSIC_FIREWALL", "AFTER_CLASSIC_FIREWALL"),
    },
)

SUBNETWORK: Final = ResourceType(
    type="gcp:compute/subnetwork:Subnetwork",
    kind="compute.subnetworks",
    noun="Subnetwork",
    id="projects/{project}/regions/{region}/subnetworks/{name}",
    imports=("{project}/{region}/{name}", "{region}/{name}", "{name}"),
    scope=("project", "region"),
    force_new=frozenset(
        {"name", "project", "region", "network", "description", "purpose", "reservedInternalRange", "ipCollection"}
        | {"externalIpv6Prefix", "internalIpv6Prefix"}
    ),
    computed=frozenset(
        {"purpose", "privateIpGoogleAccess", "privateIpv6GoogleAccess", "stackType", "secondaryIpRanges"}
        | {"ipCidrRange", "externalIpv6Prefix", "internalIpv6Prefix"}
    ),
    links=frozenset({"network"}),
    enums={"role": ("ACTIVE", "BACKUP"), "stackType": ("IPV4_ONLY", "IPV4_IPV6", "IPV6_ONLY")},
    checks=_subnetwork,
    replaces=_shrinks,
)

ROUTER: Final = ResourceType(
    type="gcp:compute/router:Router",
    kind="compute.routers",
    noun="Router",
    id="projects/{project}/regions/{region}/routers/{name}",
    imports=("{project}/{region}/{name}", "{region}/{name}", "{name}"),
    scope=("project", "region"),
    required=("network",),
    force_new=frozenset({"name", "project", "region", "network", "encryptedInterconnectRouter"}),
    links=frozenset({"network"}),
)

ROUTER_NAT: Final = ResourceType(
    type="gcp:compute/routerNat:RouterNat",
    kind="compute.routers.nats",
    noun="RouterNat",
    id="{project}/{region}/{router}/{name}",
    imports=(
        "projects/{project}/regions/{region}/routers/{router}/{name}",
        "{region}/{router}/{name}",
        "{router}/{name}",
    ),
    scope=("project", "region"),
    defaults={
        "icmpIdleTimeoutSec": 30,
        "tcpEstablishedIdleTimeoutSec": 1200,
        "tcpTimeWaitTimeoutSec": 120,
        "tcpTransitoryIdleTimeoutSec": 30,
        "type": "PUBLIC",
        "udpIdleTimeoutSec": 30,
    },
    force_new=frozenset({"name", "project", "region", "router", "initialNatIps", "endpointTypes", "type"}),
    computed=frozenset(
        {"minPortsPerVm", "enableDynamicPortAllocation", "endpointTypes", "autoNetworkTier", "natIpAllocateOption"}
        | {"enableEndpointIndependentMapping"}
    ),
    links=frozenset({"router"}),
    sets=frozenset({"natIps", "drainNatIps", "subnetworks"}),
    enums={
        "natIpAllocateOption": ("MANUAL_ONLY", "AUTO_ONLY"),
        "sourceSubnetworkIpRangesToNat": (
            "ALL_SUBNETWORKS_ALL_IP_RANGES",
            "ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES",
            "LIST_OF_SUBNETWORKS",
        ),
        "logConfig.filter": ("ERRORS_ONLY", "TRANSLATIONS_ONLY", "ALL"),
    },
)

FIREWALL: Final = ResourceType(
    type="gcp:compute/firewall:Firewall",
    kind="compute.firewalls",
    noun="Firewall",
    id="projects/{project}/global/firewalls/{name}",
    imports=("{project}/{name}", "{name}"),
    defaults={"priority": 1000},
    force_new=frozenset({"name", "project", "network", "direction"}),
    computed=frozenset({"direction", "sourceRanges", "destinationRanges", "enableLogging"}),
    links=frozenset({"network"}),
    sets=frozenset(
        {"allows", "denies", "sourceRanges", "destinationRanges", "sourceTags", "targetTags"}
        | {"sourceServiceAccounts", "targetServiceAccounts"}
    ),
    enums={"direction": ("INGRESS", "EGRESS")},
)

ADDRESS: Final = ResourceType(
    type="gcp:compute/address:Address",
    kind="compute.addresses",
    noun="Address",
    id="projects/{project}/regions/{region}/addresses/{name}",
    imports=("{project}/{region}/{name}", "{region}/{name}", "{name}"),
    scope=("project", "region"),
    defaults={"addressType": "EXTERNAL"},
    force_new=frozenset(
        {"name", "project", "region", "address", "addressType", "description", "networkTier", "purpose", "subnetwork"}
        | {"network", "prefixLength", "ipVersion", "ipv6EndpointType", "ipCollection"}
    ),
    computed=frozenset({"address", "networkTier", "purpose", "subnetwork", "prefixLength", "ipVersion"}),
    links=frozenset({"network", "subnetwork"}),
    enums={"addressType": ("INTERNAL", "EXTERNAL"), "networkTier": ("PREMIUM", "STANDARD")},
    labels="labels",
)

TYPES: Final = (NETWORK, SUBNETWORK, ROUTER, ROUTER_NAT, FIREWALL, ADDRESS)
