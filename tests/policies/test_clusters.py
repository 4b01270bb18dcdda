"""What Gateways need of the cluster and its network."""

from __future__ import annotations

from typing import Any

import pytest

from policies.clusters import CLUSTER_GATEWAY_API, PROXY_ONLY_SUBNET
from tests.policies.harness import UNKNOWN, Made, run
from tests.policies.objects import GLOBAL, cluster, gateway, subnet


@pytest.mark.parametrize(
    ("changes", "rule", "text"),
    [
        ({"gatewayApiConfig": None}, "gateway-api", "gatewayApiConfig.channel is missing"),
        ({"gatewayApiConfig__channel": "CHANNEL_DISABLED"}, "gateway-api", "no GatewayClasses"),
        ({"addonsConfig__httpLoadBalancing__disabled": True}, "http-load-balancing", "disabled is true"),
        ({"networkingMode": "ROUTES"}, "networking-mode", "Write VPC_NATIVE."),
        ({"minMasterVersion": "1.30.5-gke.100"}, "version", "1.34.0-gke.1626000"),
        ({"gatewayApiConfig__channel": UNKNOWN}, "undecided", "gatewayApiConfig.channel is '(unknown)'"),
        ({"gatewayApiConfig": UNKNOWN}, "undecided", "gatewayApiConfig.channel is '(unknown)'"),
        ({"addonsConfig": UNKNOWN}, "undecided", "addonsConfig.httpLoadBalancing.disabled is '(unknown)'"),
    ],
)
def test_clusters_that_cannot_serve_gateways(changes: dict[str, Any], rule: str, text: str) -> None:
    """Incident: the Gateway API is off by default, and its classes took 45 minutes to appear."""
    result = run(CLUSTER_GATEWAY_API, cluster(**changes))
    assert result.rules == [rule]
    assert text in result.only


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"addonsConfig": None},
        {"minMasterVersion": UNKNOWN, "name": UNKNOWN},
        {"gatewayApiConfig": None, "enableAutopilot": True},
    ],
)
def test_fitting_clusters_pass(changes: dict[str, Any]) -> None:
    """Autopilot brings the Gateway API; unknown versions and names decide nothing here."""
    assert not run(CLUSTER_GATEWAY_API, cluster(**changes)).violations
    assert not run(CLUSTER_GATEWAY_API, Made("gcp:redis/cluster:Cluster", "a", {})).violations


@pytest.mark.parametrize(
    ("stack", "text"),
    [
        ([subnet(purpose="PRIVATE")], "declares no REGIONAL_MANAGED_PROXY subnet in us-east5,"),
        ([subnet(purpose=None)], "declares no REGIONAL_MANAGED_PROXY subnet"),
        ([subnet(region="us-central1")], "there is one in us-central1 only"),
        ([subnet(role="BACKUP")], "role is 'BACKUP'"),
        ([subnet(ipCidrRange="10.9.0.0/28")], "Write a /23 range (at least /26)."),
    ],
)
def test_regional_gateways_without_proxies(stack: list[Made], text: str) -> None:
    """Such a Gateway never gets an address."""
    result = run(PROXY_ONLY_SUBNET, cluster(), gateway(), *stack)
    assert result.rules == ["proxy-only-subnet"]
    assert text in result.only


@pytest.mark.parametrize("field", ["purpose", "region", "role"])
def test_a_subnet_that_cannot_be_judged_is_not_taken_for_right(field: str) -> None:
    """Purpose, region and role decide, and the only subnet has one that is not known."""
    result = run(PROXY_ONLY_SUBNET, cluster(), gateway(), subnet(**{field: UNKNOWN}))
    assert result.rules == ["undecided"]
    assert f"Subnetwork 'proxies': {field} is '(unknown)'" in result.only


@pytest.mark.parametrize(
    "stack",
    [
        [cluster(), gateway(), subnet()],
        [cluster(location=UNKNOWN), gateway(), subnet(region="us-central1")],
        [cluster(), gateway()],
        [cluster(), gateway(GLOBAL), subnet(purpose="PRIVATE")],
        [cluster(location="us-east5-b"), gateway(), subnet(), subnet("nodes", purpose=UNKNOWN)],
    ],
)
def test_near_misses_pass(stack: list[Made]) -> None:
    """Networks of somebody else, global Gateways, and one right subnet among unknown ones."""
    assert not run(PROXY_ONLY_SUBNET, *stack).violations
