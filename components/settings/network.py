"""The VPC: its address ranges, or the name of one that exists; the way out to the internet."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic.alias_generators import to_camel

from components.settings.base import Cidr, Section
from components.settings.checks import check_cidr, findings, refuse
from rules import cluster, network

ResourceName = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")]
"""A name as Compute Engine takes it (RFC 1035)."""


def check_proxy_cidr(value: str) -> str:
    """A range that is large enough for a proxy-only subnet."""
    findings(cluster.check_proxy_only_range(check_cidr(value)), "")
    return value


class ExistingNetwork(Section):
    """A VPC that somebody else looks after; it needs a way out to the internet, such as Cloud NAT."""

    network: ResourceName
    """Name of the VPC."""
    subnet: ResourceName
    """Name of the subnet in the stack's region that nodes get their addresses from."""
    pod_range: ResourceName
    """Name of that subnet's secondary range for pods."""
    service_range: ResourceName
    """Name of that subnet's secondary range for Services."""
    project_id: Annotated[str, Field(pattern=r"^[a-z][-a-z0-9]{4,28}[a-z0-9]$")] | None = None
    """Project of the VPC where it is another one (Shared VPC); firewall rules and the proxy-only subnet are made there. Its
    owner grants two roles first, without which GKE refuses the cluster; N is the number of this stack's project:
    roles/container.hostServiceAgentUser on the project to service-N@container-engine-robot.iam.gserviceaccount.com, and
    roles/compute.networkUser on the subnet to that account and to N@cloudservices.gserviceaccount.com."""
    proxy_subnet: Literal["made", "existing"] = "made"
    """Whether the region's proxy-only subnet is made here or exists: a VPC has one ACTIVE one per region."""


class Nat(Section):
    """How private nodes reach the internet for images and weights."""

    static_addresses: Annotated[int, Field(ge=0, le=network.NAT_MOST_ADDRESSES)] = 0
    """How many static addresses to go out by, for partners that allow addresses one by one; 0 lets Google choose."""
    log: Literal["errors", "all", "off"] = "errors"
    """Which connections are logged: dropped ones, all, or none."""
    minimum_ports: Annotated[int, Field(ge=network.NAT_LEAST_PORTS, le=network.NAT_MOST_PORTS)] | None = None
    """Source ports that each node has at least, a power of two; more let more downloads run at once."""
    dynamic_ports: bool = False
    """Give busy nodes more ports while others need fewer."""

    @model_validator(mode="after")
    def _ports_are_a_power_of_two(self) -> Self:
        ports = self.minimum_ports
        if ports is not None and ports & (ports - 1):
            reason = "Cloud NAT hands out ports in powers of two"
            refuse("minimumPorts", ports, reason, f"{1 << ports.bit_length() - 1} or {1 << ports.bit_length()}")
        return self


class Network(Section):
    """Address ranges of the VPC, none of which may overlap another nor a peered network; or the name of an existing VPC."""

    node_cidr: Cidr = "10.0.0.0/20"
    """Primary range of the node subnet: one address a node and internal load balancer."""
    pod_cidr: Cidr = "10.4.0.0/14"
    """Secondary range for pods: GKE gives each node a /24. Stacks of one project need one each for alerts on health checks to be
    told apart."""
    service_cidr: Cidr = "10.8.0.0/20"
    """Secondary range for Services."""
    proxy_cidr: Annotated[str, AfterValidator(check_proxy_cidr)] = "10.129.0.0/23"
    """Proxy-only subnet of the region's Envoy load balancers; /26 at least, /23 recommended. Of an existing one: its range."""
    flow_logs: bool = False
    """Log a sample of the nodes' traffic; costs by volume."""
    nat: Nat = Nat()
    """The way out to the internet."""
    existing: ExistingNetwork | None = None
    """A VPC to use instead of making one."""

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if self.existing is not None:
            for name in ("node_cidr", "pod_cidr", "service_cidr", "flow_logs", "nat"):
                if name in self.model_fields_set:
                    reason = "with network.existing the subnet, its ranges and its way out are somebody else's"
                    refuse(to_camel(name), getattr(self, name), reason, "no such setting, or leave existing out")
            if self.existing.proxy_subnet == "existing" and "proxy_cidr" not in self.model_fields_set:
                reason = "firewall and namespace let in the load balancer by the range of that proxy-only subnet"
                refuse("proxyCidr", None, reason, "the range of the region's proxy-only subnet, such as 10.129.0.0/23")
        seen: dict[str, ipaddress.IPv4Network] = {}
        for name, block in self.ranges().items():
            for other, taken in seen.items():
                if block.overlaps(taken):
                    refuse(name, str(block), f"overlaps {other} {taken}", "a range of its own")
            seen[name] = block
        return self

    def ranges(self) -> Mapping[str, ipaddress.IPv4Network]:
        """The ranges that are known here, by the name of their setting."""
        names = ["proxy_cidr"] if self.existing else ["node_cidr", "pod_cidr", "service_cidr", "proxy_cidr"]
        return {to_camel(name): ipaddress.IPv4Network(getattr(self, name)) for name in names}
