"""Subnetworks: which ranges may lie side by side, and what proxy-only ones need."""

from __future__ import annotations

import ipaddress
from typing import Any, Final, cast

from typing_extensions import override

from sandbox.cloud import names
from sandbox.cloud.compute import CLUSTERS, SUBNETWORKS, ComputeKind, network_of, parse_range
from sandbox.cloud.errors import bad_request, in_use, invalid_field
from sandbox.cloud.kind import Properties, Resource, View

_PROXY_PURPOSES: Final = {"REGIONAL_MANAGED_PROXY", "GLOBAL_MANAGED_PROXY"}


class Subnetworks(ComputeKind):
    """Subnetworks, proxy-only ones included.

    Proxy-only rules: https://cloud.google.com/load-balancing/docs/proxy-only-subnets (at least /26, one ACTIVE per
    region and network), read 2026-08.
    """

    type = SUBNETWORKS

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        super().validate(view, resource, old)
        network = self.require_network(view, resource)
        if network.properties.get("autoCreateSubnetworks"):
            raise bad_request(
                f"Cannot create a subnetwork in an auto-mode network '{network.id}'. "
                "Set autoCreateSubnetworks to false on the network."
            )
        own = [("ipCidrRange", parse_range("ipCidrRange", resource.properties.get("ipCidrRange")))]
        for secondary in _secondary(resource):
            label = f"secondaryIpRanges[{secondary.get('rangeName')}]"
            own.append((label, parse_range(label, secondary.get("ipCidrRange"))))
        self._check_proxy(view, resource, own[0][1])
        self._check_overlap(view, resource, own)

    @staticmethod
    def _check_proxy(view: View, resource: Resource, primary: ipaddress.IPv4Network) -> None:
        purpose = str(resource.properties.get("purpose") or "PRIVATE")
        role = resource.properties.get("role")
        if purpose not in _PROXY_PURPOSES:
            if role:
                raise invalid_field("resource.role", role, f"Role is only valid for purpose {sorted(_PROXY_PURPOSES)}.")
            return
        if role not in {"ACTIVE", "BACKUP"}:
            raise bad_request(f"Required field 'resource.role' not specified for purpose {purpose}.", "required")
        if primary.prefixlen > 26:
            raise invalid_field(
                "resource.ipCidrRange", primary, "A proxy-only subnetwork must be /26 or larger (64 addresses)."
            )
        for other in view.all(SUBNETWORKS, resource.project):
            same_place = other.id != resource.id and network_of(other) == network_of(resource)
            same_region = other.properties.get("region") == resource.properties.get("region")
            same_use = other.properties.get("purpose") == purpose and other.properties.get("role") == role == "ACTIVE"
            if same_place and same_region and same_use:
                raise bad_request(
                    f"An active proxy-only subnetwork already exists in region '{resource.properties.get('region')}' "
                    f"of this network: '{other.id}'. Only one subnetwork with purpose {purpose} can have role ACTIVE.",
                    "invalid",
                )

    @staticmethod
    def _check_overlap(view: View, resource: Resource, own: list[tuple[str, ipaddress.IPv4Network]]) -> None:
        for index, (label, block) in enumerate(own):
            for other_label, other in own[:index]:
                if block.overlaps(other):
                    raise bad_request(f"Invalid IPCidrRange: {block} ({label}) conflicts with {other} ({other_label}).")
        for neighbour in view.all(SUBNETWORKS, resource.project):
            if neighbour.id == resource.id or network_of(neighbour) != network_of(resource):
                continue
            for taken in ranges_of(neighbour):
                for _, block in own:
                    if block.overlaps(taken):
                        region = neighbour.properties.get("region")
                        raise bad_request(
                            f"Invalid IPCidrRange: {block} conflicts with existing subnetwork "
                            f"'{neighbour.name}' in region '{region}'.",
                            "badRequest",
                        )

    @override
    def complete(self, view: View, resource: Resource) -> Properties:
        primary = parse_range("ipCidrRange", resource.properties.get("ipCidrRange"))
        proxy = resource.properties.get("purpose") in _PROXY_PURPOSES
        return {
            **super().complete(view, resource),
            "gatewayAddress": "" if proxy else str(primary[1]),
            "subnetworkId": names.number_of(resource.id, 15),
            "fingerprint": "",
            "purpose": "PRIVATE",
            "stackType": "IPV4_ONLY",
            "privateIpGoogleAccess": False,
            "privateIpv6GoogleAccess": "DISABLE_GOOGLE_ACCESS",
            "ipv6CidrRange": "",
            "ipv6GceEndpoint": "",
            "state": "READY",
            "secondaryIpRanges": [],
        }

    @override
    def validate_delete(self, view: View, resource: Resource) -> None:
        for cluster in view.all(CLUSTERS, resource.project):
            region = names.region_of(str(cluster.properties.get("location", "")))
            link = str(cluster.properties.get("subnetwork") or "")
            if link and names.subnetwork_path(resource.project, region, link) == resource.id:
                raise in_use(resource.id, cluster.id)


def ranges_of(subnetwork: Resource) -> list[ipaddress.IPv4Network]:
    """Every range a subnetwork owns, the secondary ones included."""
    blocks = [str(subnetwork.properties.get("ipCidrRange"))]
    blocks += [str(item.get("ipCidrRange")) for item in _secondary(subnetwork)]
    return [ipaddress.IPv4Network(block) for block in blocks]


def _secondary(subnetwork: Resource) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], subnetwork.properties.get("secondaryIpRanges") or [])
