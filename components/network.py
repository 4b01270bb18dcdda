"""The VPC: where nodes, pods, Services and the region's load balancer proxies have their addresses.

Owns the network, the node subnet with its secondary ranges, the proxy-only subnet without which a regional Gateway never
gets an address, the router and NAT through which private nodes pull images and weights, and two firewall rules: one lets
Google's health checks and the load balancer's proxies reach the pods, the other the control plane their webhooks. Does not
own the Gateway's address (see gateway.py) nor rules that GKE makes itself: those for the load balancer are known to be
removed by organisation policies, and with them the health of every backend, so a rule stands here where a preview shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.google import Firewall, Network, Router, RouterNat, Subnetwork
from rules import gateway, network


@dataclass(frozen=True, kw_only=True)
class PlatformNetworkArgs:
    """Arguments of PlatformNetwork.

    Attributes:
        name: Prefix of the names of everything in it.
        region: Region of the subnets.
        node_cidr: Primary range of the node subnet.
        pod_cidr: Secondary range for pods.
        service_cidr: Secondary range for Services.
        proxy_cidr: Range of the proxy-only subnet, /26 or wider.
        serving_ports: TCP ports of servers and endpoint pickers, opened to health checks and proxies.
        control_plane_cidr: Range of the cluster's control plane.
        webhook_ports: TCP ports of webhooks, opened to the control plane.
    """

    name: str
    region: str
    node_cidr: str
    pod_cidr: str
    service_cidr: str
    proxy_cidr: str
    serving_ports: tuple[int, ...]
    control_plane_cidr: str
    webhook_ports: tuple[int, ...]


class PlatformNetwork(pulumi.ComponentResource):
    """The VPC with all that a private, VPC-native cluster and a regional Gateway need of it."""

    POD_RANGE = "pods"
    SERVICE_RANGE = "services"

    network: Network
    subnet: Subnetwork
    proxy_subnet: Subnetwork
    nat: RouterNat
    webhooks: Firewall

    def __init__(self, name: str, args: PlatformNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:index:Network", name, vars(args), opts)
        child = pulumi.ResourceOptions(parent=self)

        self.network = Network(name, name=args.name, auto_create_subnetworks=False, opts=child)
        self.subnet = Subnetwork(
            f"{name}-nodes",
            name=f"{args.name}-nodes",
            region=args.region,
            network=self.network.id,
            ip_cidr_range=args.node_cidr,
            private_ip_google_access=True,
            secondary_ip_ranges=[
                {"range_name": self.POD_RANGE, "ip_cidr_range": args.pod_cidr},
                {"range_name": self.SERVICE_RANGE, "ip_cidr_range": args.service_cidr},
            ],
            opts=child,
        )
        self.proxy_subnet = Subnetwork(
            f"{name}-proxies",
            name=f"{args.name}-proxies",
            region=args.region,
            network=self.network.id,
            ip_cidr_range=args.proxy_cidr,
            purpose=gateway.PROXY_ONLY_PURPOSE,
            role=gateway.PROXY_ONLY_ROLE,
            opts=child,
        )
        router = Router(name, name=args.name, region=args.region, network=self.network.id, opts=child)
        self.nat = RouterNat(
            name,
            name=args.name,
            region=args.region,
            router=router.name,
            nat_ip_allocate_option="AUTO_ONLY",
            source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES",
            log_config={"enable": True, "filter": "ERRORS_ONLY"},
            opts=child,
        )

        def allow(purpose: str, sources: Sequence[str], ports: Sequence[int]) -> Firewall:
            return Firewall(
                f"{name}-{purpose}",
                name=f"{args.name}-{purpose}",
                network=self.network.id,
                direction="INGRESS",
                source_ranges=[*sources],
                allows=[{"protocol": "tcp", "ports": [str(port) for port in ports]}],
                opts=child,
            )

        allow("load-balancer", [*network.HEALTH_CHECK_RANGES, args.proxy_cidr], args.serving_ports)
        self.webhooks = allow("webhooks", [args.control_plane_cidr], args.webhook_ports)
        self.register_outputs({"network": self.network.id, "subnet": self.subnet.id})
