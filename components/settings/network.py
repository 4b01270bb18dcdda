"""Address ranges of the VPC."""

from __future__ import annotations

import ipaddress
from typing import Self

from pydantic import model_validator
from pydantic.alias_generators import to_camel

from components.settings.base import Cidr, Section
from components.settings.checks import refuse


class Network(Section):
    """Address ranges of the VPC. None may overlap another, nor a network that is peered with this one."""

    node_cidr: Cidr = "10.0.0.0/20"
    """Primary range of the node subnet: one address a node and internal load balancer."""
    pod_cidr: Cidr = "10.4.0.0/14"
    """Secondary range for pods: GKE gives each node a /24."""
    service_cidr: Cidr = "10.8.0.0/20"
    """Secondary range for Services."""
    proxy_cidr: Cidr = "10.129.0.0/23"
    """Proxy-only subnet of the region's Envoy load balancers; /26 at least, /23 recommended."""

    @model_validator(mode="after")
    def _ranges_are_apart(self) -> Self:
        ranges = {name: ipaddress.ip_network(getattr(self, name)) for name in type(self).model_fields}
        seen: dict[str, ipaddress.IPv4Network | ipaddress.IPv6Network] = {}
        for name, block in ranges.items():
            for other, taken in seen.items():
                if block.overlaps(taken):
                    refuse(to_camel(name), str(block), f"overlaps {to_camel(other)} {taken}", "a range of its own")
            seen[name] = block
        smallest = 26
        if ranges["proxy_cidr"].prefixlen > smallest:
            reason = "a proxy-only subnet needs 64 addresses or more"
            refuse("proxyCidr", self.proxy_cidr, reason, f"a range of /{smallest} or wider; /23 is recommended")
        return self
