"""What the platform asks of its GKE cluster and of the network around a regional Gateway.

Owns the switches without which Gateways, pools or TPUs silently do nothing. Does not own cluster hardening.
Sources: GKE's Gateway guides (configure-gateway-resources, gatewayclass-capabilities) and load balancing's
proxy-only-subnets page, 2026; google provider documentation of `gateway_api_config`.
"""

from __future__ import annotations

import ipaddress

from rules import versions
from rules.finding import Finding
from rules.gateway import (
    GATEWAY_API_CHANNEL,
    PROXY_ONLY_MINIMUM_PREFIX,
    PROXY_ONLY_RECOMMENDED_PREFIX,
    PROXY_ONLY_ROLE,
)


def region_of(location: str) -> str:
    """The region of a zone or region name."""
    parts = location.split("-")
    return "-".join(parts[:2])


def is_zone(location: str) -> bool:
    """Whether a location name is that of a zone (`us-east5-b`) rather than a region (`us-east5`)."""
    return location.count("-") >= 2


def check_gateway_api_channel(channel: str | None) -> list[Finding]:
    """Whether a Standard cluster with this `gatewayApiConfig.channel` runs the Gateway controller; None is unset."""
    if channel == GATEWAY_API_CHANNEL:
        return []
    return [
        Finding(
            path="gatewayApiConfig.channel",
            value=channel,
            reason=(
                "the cluster then has no GatewayClasses, so Gateways stay without an address; turned on later, the "
                "classes can take 45 minutes to appear"
            ),
            remedy=f"Write {GATEWAY_API_CHANNEL}.",
            rule="gateway-api",
        )
    ]


def check_http_load_balancing(disabled: bool | None) -> list[Finding]:
    """Whether the HttpLoadBalancing add-on, which programs Gateways, is left on."""
    if not disabled:
        return []
    return [
        Finding(
            path="addonsConfig.httpLoadBalancing.disabled",
            value=True,
            reason="without this add-on nothing programs the load balancers of Gateways",
            remedy="Write false or leave it out.",
            rule="http-load-balancing",
        )
    ]


def check_networking_mode(mode: str | None) -> list[Finding]:
    """Whether the cluster is VPC-native; unset is, for new clusters."""
    if mode in {None, "VPC_NATIVE"}:
        return []
    return [
        Finding(
            path="networkingMode",
            value=mode,
            reason="Gateways reach pods through network endpoint groups, which only VPC-native clusters have",
            remedy="Write VPC_NATIVE.",
            rule="networking-mode",
        )
    ]


def check_version(version: str | None, path: str = "minMasterVersion") -> list[Finding]:
    """Whether a cluster of that version takes TPU v6e and InferencePool backends; None leaves it to the channel."""
    if version is None or version in {"latest", "-"}:
        return []
    try:
        if versions.at_least(version, versions.MINIMUM_INFERENCE_GATEWAY):
            return []
    except ValueError as error:
        return [Finding(path=path, value=version, reason="it is no GKE version", remedy=str(error), rule="version")]
    return [
        Finding(
            path=path,
            value=version,
            reason="GKE's Gateway controller takes InferencePool backends only from "
            f"{versions.MINIMUM_INFERENCE_GATEWAY} (and TPU v6e from {versions.MINIMUM_V6E})",
            remedy=f"Write {versions.MINIMUM_OWNED_INFERENCE_POOL_CRD} or newer; GKE then brings that CRD.",
            rule="version",
        )
    ]


def check_proxy_only_range(cidr: str) -> list[Finding]:
    """Whether a proxy-only subnet's range is large enough."""
    try:
        prefix = ipaddress.ip_network(cidr, strict=False).prefixlen
    except ValueError:
        reason, prefix = "it is no address range", PROXY_ONLY_MINIMUM_PREFIX + 1
    else:
        reason = "a regional Gateway's proxies need at least 64 addresses"
    if prefix <= PROXY_ONLY_MINIMUM_PREFIX:
        return []
    return [
        Finding(
            path="ipCidrRange",
            value=cidr,
            reason=reason,
            remedy=f"Write a /{PROXY_ONLY_RECOMMENDED_PREFIX} range (at least /{PROXY_ONLY_MINIMUM_PREFIX}).",
            rule="proxy-only-subnet",
        )
    ]


def check_proxy_only_role(role: str | None) -> list[Finding]:
    """Whether a proxy-only subnet is the one in use."""
    if role == PROXY_ONLY_ROLE:
        return []
    return [
        Finding(
            path="role",
            value=role,
            reason="only the ACTIVE proxy-only subnet of a region serves Gateways",
            remedy=f"Write {PROXY_ONLY_ROLE}.",
            rule="proxy-only-subnet",
        )
    ]
