"""Cloud Armor and SSL policies of a region: what is refused, what is filled in, what can change in place."""

from __future__ import annotations

from typing import Any

import pytest

from components.edge import security_rules
from components.light import spelled
from sandbox.plugin.values import Properties
from tests.sandbox.gcp.driver import PROJECT
from tests.sandbox.gcp.test_refusals import refused
from tests.sandbox.gcp.world import World

ANYBODY = {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}}
DEFAULT = {"action": "allow", "priority": 2147483647, "match": ANYBODY}


def policy(*rules: Properties) -> Properties:
    """Inputs of a security policy."""
    return {"name": "edge", "region": "us-east5", "type": "CLOUD_ARMOR", "rules": [*rules, DEFAULT]}


def throttle(**limit: Any) -> Properties:
    """A rule that limits everybody's requests."""
    options = {"conformAction": "allow", "exceedAction": "deny(429)", "enforceOnKey": "IP", **limit}
    return {"action": "throttle", "priority": 1000, "match": ANYBODY, "rateLimitOptions": options}


def test_the_programs_own_policy(world: World) -> None:
    """An allow list of more ranges than one rule takes, with a limit, is accepted as the program writes it."""
    world.apis()
    ranges = tuple(f"10.{number}.0.0/16" for number in range(12))
    inputs = {**policy(), "rules": spelled(security_rules(ranges, 60))}
    made = world.engine.create("RegionSecurityPolicy", "edge", inputs)
    assert made.id == f"projects/{PROJECT}/regions/us-east5/securityPolicies/edge"


def test_without_rules_everybody_passes(world: World) -> None:
    """Compute Engine adds the default rule."""
    world.apis()
    made = world.engine.create("RegionSecurityPolicy", "edge", {"name": "edge", "region": "us-east5"})
    assert [rule["action"] for rule in made.state["rules"]] == ["allow"]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"action": "allow", "priority": 2147483647, "match": ANYBODY}, "Cannot have rules with the same priorities"),
        (throttle(rateLimitThreshold={"count": 1, "intervalSec": 45}), "intervalSec': '45'. Must be one of 10, 30, 60"),
        ({"action": "throttle", "priority": 1, "match": ANYBODY}, "Rate limit options are for the actions throttle"),
        (
            {
                "action": "allow",
                "priority": 1,
                "match": {
                    "versionedExpr": "SRC_IPS_V1",
                    "config": {"srcIpRanges": [f"10.0.{n}.0/24" for n in range(11)]},
                },
            },
            "The number of IP ranges per rule must be at most 10.",
        ),
    ],
)
def test_rules(world: World, rule: Properties, text: str) -> None:
    """Rules that the API refuses, in its words."""
    world.apis()
    assert text in refused(world, "RegionSecurityPolicy", policy(rule))


def test_rules_without_a_default(world: World) -> None:
    """A policy has to say what happens to all others."""
    world.apis()
    inputs = {**policy(), "rules": [{"action": "allow", "priority": 1, "match": ANYBODY}]}
    assert "must have a default rule with priority 2147483647" in refused(world, "RegionSecurityPolicy", inputs)


def test_ssl_policy(world: World) -> None:
    """Profile and minimum version default to the weakest, as on Compute Engine; features are for CUSTOM alone."""
    world.apis()
    made = world.engine.create("RegionSslPolicy", "front", {"name": "front", "region": "us-east5"})
    assert (made.state["profile"], made.state["minTlsVersion"]) == ("COMPATIBLE", "TLS_1_0")
    inputs = {"name": "other", "region": "us-east5", "profile": "MODERN", "customFeatures": ["TLS_AES_128_GCM_SHA256"]}
    assert "Custom features are for the CUSTOM profile" in refused(world, "RegionSslPolicy", inputs)
