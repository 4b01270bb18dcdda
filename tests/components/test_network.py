"""The VPC: made here or somebody else's, its way out, and what the load balancer needs of it."""

from __future__ import annotations

from typing import Any

import pytest

from components.loading import SettingsError
from tests.committed import committed
from tests.components.recording import Graph, build

FIREWALL = "gcp:compute/firewall:Firewall"
SUBNET = "gcp:compute/subnetwork:Subnetwork"
NAT = "gcp:compute/routerNat:RouterNat"
EXISTING = {"network": "shared", "subnet": "gke", "podRange": "gke-pods", "serviceRange": "gke-services"}


def built(stack: str = "dev", **network: Any) -> Graph:
    """The graph with these settings under `network`."""
    settings = committed(stack)
    settings["network"] = network
    return build(settings)


def test_load_balancer_reaches_servers_and_endpoint_pickers(graph: Graph) -> None:
    """Organisation policies remove GKE's own rules; without this one every backend is unhealthy and nothing says why."""
    rule = graph.one(FIREWALL, "network-load-balancer").inputs
    proxies = graph.one(SUBNET, "network-proxies").inputs["ipCidrRange"]
    assert {"35.191.0.0/16", "130.211.0.0/22", proxies} == set(rule["sourceRanges"])
    assert {"8000", "9002", "9003"} <= set(rule["allows"][0]["ports"])
    assert rule["direction"] == "INGRESS"


def test_firewall_rules_are_for_the_clusters_nodes_alone(graph: Graph) -> None:
    """In a VPC that others use too, a rule without a target opens its ports on every machine."""
    tag = f"{graph.one('gcp:container/cluster:Cluster', 'cluster').inputs['name']}-nodes"
    rules = graph.of_type("gcp:compute/firewall:Firewall")
    pools = graph.of_type("gcp:container/nodePool:NodePool")
    assert len(rules) >= 2
    assert len(pools) >= 2
    assert {tuple(rule.inputs["targetTags"]) for rule in rules} == {(tag,)}
    assert {tuple(pool.inputs["nodeConfig"]["tags"]) for pool in pools} == {(tag,)}


def test_an_existing_network_is_used_and_not_made() -> None:
    """By name: no VPC, subnet, router or NAT of our own, but the rules and the proxies that only we know to need."""
    graph = built(existing=EXISTING)
    for kind in ("network:Network", "router:Router", "routerNat:RouterNat"):
        assert graph.of_type(f"gcp:compute/{kind}") == []
    (proxies,) = graph.of_type(SUBNET)
    assert proxies.inputs["network"] == "projects/tpu-inference-dev/global/networks/shared"
    assert (proxies.inputs["purpose"], proxies.inputs["role"]) == ("REGIONAL_MANAGED_PROXY", "ACTIVE")
    assert {rule.name for rule in graph.of_type(FIREWALL)} == {"network-load-balancer", "network-webhooks"}
    cluster = graph.one("gcp:container/cluster:Cluster").inputs
    assert cluster["network"] == "projects/tpu-inference-dev/global/networks/shared"
    assert cluster["subnetwork"] == "projects/tpu-inference-dev/regions/us-east5/subnetworks/gke"
    assert cluster["ipAllocationPolicy"] == {
        "clusterSecondaryRangeName": "gke-pods",
        "servicesSecondaryRangeName": "gke-services",
    }


def test_a_shared_vpc_gets_its_rules_in_the_host_project() -> None:
    """A firewall rule in the service project would belong to no network."""
    graph = built(existing={**EXISTING, "projectId": "network-host"})
    for resource in (*graph.of_type(FIREWALL), *graph.of_type(SUBNET)):
        assert resource.inputs["project"] == "network-host"
        assert resource.inputs["network"] == "projects/network-host/global/networks/shared"
    cluster = graph.one("gcp:container/cluster:Cluster").inputs
    assert cluster["subnetwork"] == "projects/network-host/regions/us-east5/subnetworks/gke"


def test_an_existing_proxy_subnet_is_not_made_again() -> None:
    """A VPC has one ACTIVE proxy-only subnet per region: a second one is refused after minutes."""
    graph = built(existing={**EXISTING, "proxySubnet": "existing"}, proxyCidr="10.200.0.0/23")
    assert graph.of_type(SUBNET) == []
    assert "10.200.0.0/23" in graph.one(FIREWALL, "network-load-balancer").inputs["sourceRanges"]
    gateway = graph.manifests_of("Gateway")[0]
    assert graph.waits_for(gateway, graph.one("gcp:container/cluster:Cluster"))


def test_internal_gateways_live_in_the_existing_subnet() -> None:
    """Their address is from the nodes' subnet, whoever made it."""
    settings = committed("dev")
    settings["network"] = {"existing": EXISTING}
    settings["gateway"] |= {"className": "gke-l7-rilb"}
    address = build(settings).one("gcp:compute/address:Address").inputs
    assert address["subnetwork"] == "projects/tpu-inference-dev/regions/us-east5/subnetworks/gke"


def test_static_addresses_of_the_way_out() -> None:
    """Partners that allow addresses one by one see these and no others."""
    graph = built(nat={"staticAddresses": 2, "minimumPorts": 4096, "dynamicPorts": True, "log": "off"})
    nat = graph.one(NAT).inputs
    addresses = [a for a in graph.of_type("gcp:compute/address:Address") if a.name.startswith("network-nat")]
    assert [address.inputs["name"] for address in addresses] == ["inference-dev-nat-0", "inference-dev-nat-1"]
    assert nat["natIpAllocateOption"] == "MANUAL_ONLY"
    assert len(nat["natIps"]) == 2
    assert (nat["minPortsPerVm"], nat["enableDynamicPortAllocation"]) == (4096, True)
    assert nat["logConfig"]["enable"] is False


def test_the_way_out_by_default(dev: Graph) -> None:
    """Google's addresses, dropped connections logged."""
    nat = dev.one(NAT).inputs
    assert nat["natIpAllocateOption"] == "AUTO_ONLY"
    assert nat["logConfig"] == {"enable": True, "filter": "ERRORS_ONLY"}
    assert not {"natIps", "minPortsPerVm", "enableDynamicPortAllocation"} & nat.keys()


def test_flow_logs_are_a_choice(dev: Graph) -> None:
    """They cost by volume."""
    assert "logConfig" not in dev.one(SUBNET, "network-nodes").inputs
    logs = built(flowLogs=True).one(SUBNET, "network-nodes").inputs["logConfig"]
    assert logs["aggregationInterval"] == "INTERVAL_10_MIN"
    assert 0 < logs["flowSampling"] <= 1


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            {"proxyCidr": "10.129.0.0/27"},
            "network.proxyCidr: '10.129.0.0/27': a regional Gateway's proxies need at least 64 addresses. Write a /23 range",
        ),
        (
            {"existing": EXISTING, "podCidr": "10.4.0.0/14"},
            "network.podCidr: '10.4.0.0/14': with network.existing the subnet, its ranges and its way out are somebody else's",
        ),
        ({"existing": EXISTING, "nat": {"log": "all"}}, "network.nat"),
        (
            {"nat": {"minimumPorts": 100}},
            "network.nat.minimumPorts: 100: Cloud NAT hands out ports in powers of two. Write 64 or",
        ),
        ({"nodeCidr": "10.4.0.0/20"}, "overlaps nodeCidr 10.4.0.0/20"),
        ({"existing": {**EXISTING, "network": "Shared_VPC"}}, "network.existing.network"),
    ],
)
def test_wrong_networks_are_refused(network: dict[str, Any], message: str) -> None:
    """Field, value, reason, remedy."""
    with pytest.raises(SettingsError) as refused:
        built(**network)
    assert message in str(refused.value)
