"""The VPC: where nodes, pods, Services and the region's load balancer proxies have their addresses.

Owns the network, the node subnet with its secondary ranges, the proxy-only subnet without which a regional Gateway never
gets an address, the router and NAT through which private nodes pull images and weights, and two firewall rules: one lets
Google's health checks and the load balancer's proxies reach the pods, the other the control plane their webhooks. Does not
own the Gateway's address (see gateway.py) nor rules that GKE makes itself: those for the load balancer are known to be
removed by organisation policies, and with them the health of every backend, so a rule stands here where a preview shows it.
In a network that exists already only the firewall rules are made, and the proxy-only subnet unless it exists as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pulumi

from components.google import Address, Firewall, Network, Router, RouterNat, Subnetwork
from components.naming import node_tag
from rules import gateway, network

_LOGGED = {"errors": "ERRORS_ONLY", "all": "ALL"}


@dataclass(frozen=True, kw_only=True)
class ExistingNetworkArgs:
    """A network that is not made here.

    Attributes:
        project: Its project.
        network: Its name.
        subnet: Name of the node subnet.
        pod_range: Name of the subnet's secondary range for pods.
        service_range: Name of the subnet's secondary range for Services.
        has_proxy_subnet: Whether the region's proxy-only subnet exists as well.
    """

    project: str
    network: str
    subnet: str
    pod_range: str
    service_range: str
    has_proxy_subnet: bool


@dataclass(frozen=True, kw_only=True)
class NatArgs:
    """The way out to the internet.

    Attributes:
        static_addresses: How many static addresses it goes out by; 0 for Google's choice.
        log: Which connections are logged: errors, all or off.
        minimum_ports: Source ports a node has at least; None for Cloud NAT's default.
        dynamic_ports: Whether nodes get more ports while they need them.
    """

    static_addresses: int = 0
    log: str = "errors"
    minimum_ports: int | None = None
    dynamic_ports: bool = False


@dataclass(frozen=True, kw_only=True)
class PlatformNetworkArgs:
    """Arguments of PlatformNetwork.

    Attributes:
        name: Prefix of the names of everything in it: the cluster's name, whose nodes the firewall rules are for.
        region: Region of the subnets.
        node_cidr: Primary range of the node subnet.
        pod_cidr: Secondary range for pods.
        service_cidr: Secondary range for Services.
        proxy_cidr: Range of the proxy-only subnet, /26 or wider.
        serving_ports: TCP ports of servers and endpoint pickers, opened to health checks and proxies.
        control_plane_cidr: Range of the cluster's control plane.
        webhook_ports: TCP ports of webhooks, opened to the control plane.
        flow_logs: Whether a sample of the nodes' traffic is logged.
        nat: The way out to the internet.
        existing: A network to use instead of making one; the first three ranges then mean nothing.
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
    flow_logs: bool = False
    nat: NatArgs
    existing: ExistingNetworkArgs | None = None


class PlatformNetwork(pulumi.ComponentResource):
    """The VPC with all that a private, VPC-native cluster and a regional Gateway need of it.

    Attributes:
        network_id: Id of the VPC.
        subnet_id: Id of the node subnet.
        pod_range: Name of the secondary range for pods.
        service_range: Name of the secondary range for Services.
        before_cluster: What a cluster waits for, and outlives nothing of: nodes need a way out, webhooks their rule.
        proxies: What a regional Gateway waits for.
    """

    POD_RANGE = "pods"
    SERVICE_RANGE = "services"

    network_id: pulumi.Input[str]
    subnet_id: pulumi.Input[str]
    pod_range: str
    service_range: str
    before_cluster: list[pulumi.Resource]
    proxies: list[pulumi.Resource]

    def __init__(self, name: str, args: PlatformNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        nested = {key: None if value is None else asdict(value) for key, value in _nested(args).items()}
        super().__init__("platform:index:Network", name, {**vars(args), **nested}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self._child, self._name, self._args = child, name, args
        self.before_cluster = []

        if args.existing is None:
            self._make()
        else:
            self._use(args.existing)
        has_proxies = args.existing is not None and args.existing.has_proxy_subnet
        self.proxies = [] if has_proxies else [self._proxy_subnet()]
        self._allow("load-balancer", [*network.HEALTH_CHECK_RANGES, args.proxy_cidr], args.serving_ports)
        self.before_cluster.append(self._allow("webhooks", [args.control_plane_cidr], args.webhook_ports))
        self.register_outputs({"network": self.network_id, "subnet": self.subnet_id})

    @property
    def _project(self) -> str | None:
        return self._args.existing.project if self._args.existing else None

    def _use(self, existing: ExistingNetworkArgs) -> None:
        self.network_id = f"projects/{existing.project}/global/networks/{existing.network}"
        self.subnet_id = f"projects/{existing.project}/regions/{self._args.region}/subnetworks/{existing.subnet}"
        self.pod_range, self.service_range = existing.pod_range, existing.service_range

    def _make(self) -> None:
        args, name, child = self._args, self._name, self._child
        made = Network(name, name=args.name, auto_create_subnetworks=False, opts=child)
        subnet = Subnetwork(
            f"{name}-nodes",
            name=f"{args.name}-nodes",
            region=args.region,
            network=made.id,
            ip_cidr_range=args.node_cidr,
            private_ip_google_access=True,
            secondary_ip_ranges=[
                {"range_name": self.POD_RANGE, "ip_cidr_range": args.pod_cidr},
                {"range_name": self.SERVICE_RANGE, "ip_cidr_range": args.service_cidr},
            ],
            log_config={
                "aggregation_interval": network.FLOW_LOG_INTERVAL,
                "flow_sampling": network.FLOW_LOG_SAMPLING,
                "metadata": "INCLUDE_ALL_METADATA",
            }
            if args.flow_logs
            else None,
            opts=child,
        )
        self.network_id, self.subnet_id = made.id, subnet.id
        self.pod_range, self.service_range = self.POD_RANGE, self.SERVICE_RANGE
        self.before_cluster.append(self._nat())

    def _nat(self) -> RouterNat:
        args, name, child = self._args, self._name, self._child
        wanted = args.nat
        router = Router(name, name=args.name, region=args.region, network=self.network_id, opts=child)
        addresses = [
            Address(f"{name}-nat-{number}", name=f"{args.name}-nat-{number}", region=args.region, opts=child)
            for number in range(wanted.static_addresses)
        ]
        return RouterNat(
            name,
            name=args.name,
            region=args.region,
            router=router.name,
            nat_ip_allocate_option="MANUAL_ONLY" if addresses else "AUTO_ONLY",
            nat_ips=[address.id for address in addresses] or None,
            source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES",
            min_ports_per_vm=wanted.minimum_ports,
            enable_dynamic_port_allocation=wanted.dynamic_ports or None,
            log_config={"enable": wanted.log != "off", "filter": _LOGGED.get(wanted.log, "ERRORS_ONLY")},
            opts=child,
        )

    def _proxy_subnet(self) -> Subnetwork:
        return Subnetwork(
            f"{self._name}-proxies",
            name=f"{self._args.name}-proxies",
            project=self._project,
            region=self._args.region,
            network=self.network_id,
            ip_cidr_range=self._args.proxy_cidr,
            purpose=gateway.PROXY_ONLY_PURPOSE,
            role=gateway.PROXY_ONLY_ROLE,
            opts=self._child,
        )

    def _allow(self, purpose: str, sources: Sequence[str], ports: Sequence[int]) -> Firewall:
        return Firewall(
            f"{self._name}-{purpose}",
            name=f"{self._args.name}-{purpose}",
            project=self._project,
            network=self.network_id,
            direction="INGRESS",
            source_ranges=[*sources],
            target_tags=[node_tag(self._args.name)],
            allows=[{"protocol": "tcp", "ports": [str(port) for port in ports]}],
            opts=self._child,
        )


def _nested(args: PlatformNetworkArgs) -> dict[str, NatArgs | ExistingNetworkArgs | None]:
    return {"nat": args.nat, "existing": args.existing}
