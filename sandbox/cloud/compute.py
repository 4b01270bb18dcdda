"""Compute Engine's network resources: networks, subnetworks, routers, NATs, firewall rules, addresses."""

from __future__ import annotations

import ipaddress
from typing import Final, cast

from typing_extensions import override

from sandbox.cloud import names
from sandbox.cloud.errors import CloudError, bad_request, in_use, invalid_field, not_found
from sandbox.cloud.kind import Kind, Properties, Resource, View

NETWORKS: Final = "compute.networks"
SUBNETWORKS: Final = "compute.subnetworks"
ROUTERS: Final = "compute.routers"
NATS: Final = "compute.routers.nats"
FIREWALLS: Final = "compute.firewalls"
ADDRESSES: Final = "compute.addresses"
CLUSTERS: Final = "container.clusters"


def self_link(path: str) -> str:
    """The full URL of a compute resource."""
    return names.COMPUTE + path


def network_of(resource: Resource) -> str:
    """The path of the network a resource is attached to; empty when it names none."""
    link = str(resource.properties.get("network") or "")
    return names.network_path(resource.project, link) if link else ""


class ComputeKind(Kind):
    """What all Compute Engine resources share."""

    api = "compute.googleapis.com"

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        names.check_compute_name(resource.name)

    @override
    def complete(self, view: View, resource: Resource) -> Properties:
        return {"selfLink": self_link(resource.id), "creationTimestamp": resource.created}

    @staticmethod
    def require_network(view: View, resource: Resource) -> Resource:
        """The network the resource names; 404 when there is none."""
        path = network_of(resource)
        network = view.find(NETWORKS, path)
        if network is None:
            raise not_found(path)
        return network


class Networks(ComputeKind):
    """VPC networks."""

    type = NETWORKS

    @override
    def complete(self, view: View, resource: Resource) -> Properties:
        number = str(names.number_of(resource.id, 19))
        return {
            "selfLink": self_link(resource.id),
            "gatewayIpv4": "",
            "networkId": number,
            "numericId": number,
            "routingMode": "REGIONAL",
            "mtu": 1460,
            "internalIpv6Range": "",
        }

    @override
    def validate_delete(self, view: View, resource: Resource) -> None:
        for kind in (SUBNETWORKS, FIREWALLS, ROUTERS, ADDRESSES, CLUSTERS):
            for user in view.all(kind, resource.project):
                if network_of(user) == resource.id:
                    raise in_use(resource.id, user.id)


class Routers(ComputeKind):
    """Cloud Routers."""

    type = ROUTERS

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        super().validate(view, resource, old)
        self.require_network(view, resource)

    @override
    def validate_delete(self, view: View, resource: Resource) -> None:
        for nat in view.all(NATS, resource.project):
            if nat.id.rsplit("/", 1)[0] == _nat_parent(resource):
                raise in_use(resource.id, nat.id)


def _nat_parent(router: Resource) -> str:
    return f"{router.project}/{router.properties.get('region')}/{router.name}"


class Nats(ComputeKind):
    """Cloud NAT configurations, which live inside a router."""

    type = NATS

    @override
    def lock(self, resource: Resource) -> str:
        return f"{ROUTERS}|{resource.id.rsplit('/', 1)[0]}"

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        super().validate(view, resource, old)
        region = resource.properties.get("region")
        router = (
            f"projects/{resource.project}/regions/{region}/routers/{names.last(str(resource.properties.get('router')))}"
        )
        if view.find(ROUTERS, router) is None:
            raise not_found(router)
        manual = resource.properties.get("natIpAllocateOption") == "MANUAL_ONLY"
        if not manual and resource.properties.get("natIps"):
            raise invalid_field("resource.nats[0].natIps", "[...]", "NAT IPs must be empty with AUTO_ONLY allocation.")

    @override
    def complete(self, view: View, resource: Resource) -> Properties:
        return {
            "natIpAllocateOption": "AUTO_ONLY",
            "minPortsPerVm": 0,
            "enableDynamicPortAllocation": False,
            "endpointTypes": ["ENDPOINT_TYPE_VM"],
            "autoNetworkTier": "PREMIUM",
        }


class Firewalls(ComputeKind):
    """VPC firewall rules."""

    type = FIREWALLS

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        super().validate(view, resource, old)
        self.require_network(view, resource)
        rule = resource.properties
        if bool(rule.get("allows")) == bool(rule.get("denies")):
            raise bad_request("Exactly one of 'allowed' and 'denied' must be specified for a firewall rule.", "invalid")
        egress = rule.get("direction") == "EGRESS"
        sources = [rule.get(name) for name in ("sourceRanges", "sourceTags", "sourceServiceAccounts")]
        if egress and any(sources):
            raise invalid_field("resource.direction", "EGRESS", "Sources cannot be specified for an EGRESS rule.")
        for field in ("sourceRanges", "destinationRanges"):
            for block in cast(list[str], rule.get(field) or []):
                if ":" not in block:
                    parse_range(f"resource.{field}", block, strict=False)

    @override
    def complete(self, view: View, resource: Resource) -> Properties:
        computed: Properties = {**super().complete(view, resource), "direction": "INGRESS", "enableLogging": False}
        rule = resource.properties
        if rule.get("direction") != "EGRESS" and not rule.get("sourceTags") and not rule.get("sourceServiceAccounts"):
            computed["sourceRanges"] = ["0.0.0.0/0"]
        if rule.get("direction") == "EGRESS":
            computed["destinationRanges"] = ["0.0.0.0/0"]
        return computed


class Addresses(ComputeKind):
    """Regional static addresses."""

    type = ADDRESSES

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        super().validate(view, resource, old)
        if resource.properties.get("subnetwork"):
            region = str(resource.properties.get("region"))
            path = names.subnetwork_path(resource.project, region, str(resource.properties["subnetwork"]))
            if view.find(SUBNETWORKS, path) is None:
                raise not_found(path)
        wanted = resource.properties.get("address")
        if wanted and old is None:
            for other in view.all(ADDRESSES, resource.project):
                if other.id != resource.id and other.state().get("address") == wanted:
                    raise CloudError(409, f"IP address '{wanted}' is already in use by '{other.id}'", "alreadyExists")

    @override
    def complete(self, view: View, resource: Resource) -> Properties:
        labels = cast(dict[str, str], resource.properties.get("labels") or {})
        return {
            **super().complete(view, resource),
            "address": self._draw(view, resource),
            "addressId": names.number_of(resource.id, 18),
            "addressType": "EXTERNAL",
            "networkTier": "PREMIUM",
            "ipVersion": "",
            "labelFingerprint": "42WmSpB8rSM=",
            "labels": labels,
            "purpose": "",
            "prefixLength": 0,
            "users": [],
        }

    @staticmethod
    def _draw(view: View, resource: Resource) -> str:
        if resource.properties.get("addressType") == "INTERNAL" and resource.properties.get("subnetwork"):
            region = str(resource.properties.get("region"))
            path = names.subnetwork_path(resource.project, region, str(resource.properties["subnetwork"]))
            subnetwork = view.find(SUBNETWORKS, path)
            if subnetwork is not None:
                block = parse_range("ipCidrRange", subnetwork.properties.get("ipCidrRange"))
                return str(block[2 + names.number_of(resource.id, 9) % max(1, block.num_addresses - 4)])
        # 203.0.113.0/24 is reserved for documentation (RFC 5737): an address that never answers.
        return f"203.0.113.{1 + names.number_of(resource.id, 6) % 254}"


def parse_range(field: str, value: object, *, strict: bool = True) -> ipaddress.IPv4Network:
    """The IPv4 range in `value`; unless `strict`, host bits may be set.

    Raises:
        CloudError: 400, naming the field.
    """
    if not value:
        raise bad_request(f"Required field '{field}' not specified", "required")
    try:
        return ipaddress.IPv4Network(str(value), strict=strict)
    except ValueError:
        why = "Must be an IPv4 range in CIDR notation whose host bits are zero, such as 10.0.0.0/20."
        raise invalid_field(field, value, why) from None


KINDS: Final[tuple[Kind, ...]] = (Networks(), Routers(), Nats(), Firewalls(), Addresses())
