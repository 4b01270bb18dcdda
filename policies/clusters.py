"""What Gateways need of the cluster and its network: the Gateway API, the load balancing add-on, a proxy-only subnet.

Cluster switches are judged by inputs, because a provider fills unset outputs in later. The subnet is judged over the
stack, and only if the stack declares subnets: otherwise the network is somebody else's and nothing can be said.
"""

from __future__ import annotations

from typing import Final

from pulumi_policy import Severity

from policies.framework import Report, resource_policy, stack_policy
from policies.node_pools import CLUSTER
from policies.reading import Field
from policies.resources import Resource
from rules import cluster as rules
from rules.finding import Finding
from rules.gateway import GATEWAY_GROUP, PROXY_ONLY_PURPOSE, is_regional_class

SUBNETWORK: Final = "gcp:compute/subnetwork:Subnetwork"


def _check_cluster(resource: Resource, report: Report) -> None:
    if resource.token != CLUSTER:
        return
    autopilot = resource.at("enableAutopilot").get(bool)
    channel = resource.at("gatewayApiConfig", "channel").of(str)
    if channel.unknown:
        report.undecided(channel, "whether the cluster runs GKE's Gateway controller", resource)
    elif not (autopilot and channel.missing):
        report.findings(rules.check_gateway_api_channel(channel.get(str)), resource)
    disabled = resource.at("addonsConfig", "httpLoadBalancing", "disabled").of(bool)
    if disabled.unknown:
        report.undecided(disabled, "whether anything programs the Gateways' load balancers", resource)
    report.findings(rules.check_http_load_balancing(disabled.get(bool)), resource)
    mode = resource.at("networkingMode").of(str)
    if mode.unknown:
        report.undecided(mode, "whether load balancers reach the pods by alias addresses", resource)
    report.findings(rules.check_networking_mode(mode.get(str)), resource)
    report.findings(rules.check_version(resource.at("minMasterVersion").get(str)), resource)


def _check_subnets(resources: list[Resource], report: Report) -> None:
    subnets = [r for r in resources if r.token == SUBNETWORK]
    gateways = [r for r in resources if r.group == GATEWAY_GROUP and r.kind == "Gateway"]
    regional = [g for g in gateways if is_regional_class(g.at("spec", "gatewayClassName").get(str) or "")]
    if not subnets or not regional:
        return
    for subnet in subnets:
        if subnet.at("purpose").get(str) == PROXY_ONLY_PURPOSE:
            _check_proxy_only(subnet, report)
    region, where = _region(resources)
    proxies = [s for s in subnets if s.at("purpose").get(str) == PROXY_ONLY_PURPOSE]
    fitting = [s for s in proxies if region is None or s.at("region").of(str).value in (None, region)]
    if fitting:
        return
    unclear = [(s, s.at("purpose")) for s in subnets if s.at("purpose").unknown]
    unclear += [(s, s.at("region")) for s in proxies if s.at("region").of(str).unknown]
    for subnet, field in unclear:
        why = f"whether there is a {PROXY_ONLY_PURPOSE} subnet{where}, without which {regional[0].label} never gets an address"
        report.undecided(field, why, subnet)
    if unclear:
        return
    elsewhere = ", ".join(str(s.at("region").get(str)) for s in proxies)
    for gateway in regional:
        hint = f"; there is one in {elsewhere} only" if elsewhere else ""
        report.finding(
            Finding(
                path="spec.gatewayClassName",
                value=gateway.at("spec", "gatewayClassName").value,
                reason=f"the stack declares no {PROXY_ONLY_PURPOSE} subnet{where}{hint}, and without one a regional "
                "Gateway never gets an address",
                remedy=f"Declare a Subnetwork with purpose {PROXY_ONLY_PURPOSE}, role ACTIVE and a /23 range in the "
                "cluster's network and region.",
                rule="proxy-only-subnet",
            ),
            gateway,
        )


def _check_proxy_only(subnet: Resource, report: Report) -> None:
    cidr, role = subnet.at("ipCidrRange").get(str), subnet.at("role").of(str)
    if cidr is not None:
        report.findings(rules.check_proxy_only_range(cidr), subnet)
    if role.unknown:
        report.undecided(role, "whether the load balancers' proxies run in this subnet", subnet)
    else:
        report.findings(rules.check_proxy_only_role(role.get(str)), subnet)


def _region(resources: list[Resource]) -> tuple[str | None, str]:
    """The region of the stack's only cluster, and how a message says it."""
    locations: set[str] = set()
    for resource in resources:
        location: Field = resource.at("location").of(str)
        if resource.token == CLUSTER and location.known:
            locations.add(rules.region_of(str(location.value)))
    if len(locations) != 1:
        return None, ""
    region = locations.pop()
    return region, f" in {region}"


CLUSTER_GATEWAY_API: Final = resource_policy(
    name="cluster-gateway-api",
    title="The cluster can serve Gateways",
    description="A cluster behind Gateways needs the Gateway API, HTTP load balancing and VPC-native networking.",
    remediation="Set gatewayApiConfig.channel to CHANNEL_STANDARD and leave the HttpLoadBalancing add-on on.",
    severity=Severity.HIGH,
    tags=["gateway", "gke"],
    kinds=["Cluster"],
    check=_check_cluster,
)

PROXY_ONLY_SUBNET: Final = stack_policy(
    name="proxy-only-subnet",
    title="Regional Gateways have a proxy-only subnet",
    description="A regional Gateway runs on proxies, which need a subnet of their own in the region.",
    remediation="Declare one Subnetwork with purpose REGIONAL_MANAGED_PROXY, role ACTIVE and a /23 range.",
    severity=Severity.HIGH,
    tags=["gateway", "network"],
    kinds=["Gateway", "Subnetwork", "Cluster"],
    check=_check_subnets,
)
