"""Values of documentation that were never replaced."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.harness import UNKNOWN, Made
from tests.policies.objects import cluster, gateway, route


def armor(*ranges: Any, **changes: Any) -> Made:
    """A Cloud Armor policy that lets these pass."""
    rules = [
        {"priority": 1000, "action": "allow", "match": {"config": {"srcIpRanges": list(ranges)}}},
        {"priority": 2147483647, "action": "deny(403)", "match": {"config": {"srcIpRanges": ["*"]}}},
    ]
    return Made("gcp:compute/regionSecurityPolicy:RegionSecurityPolicy", "edge", {"rules": rules, **changes})


def armor_rule(*ranges: Any) -> Made:
    """A rule as a resource of its own."""
    props = {"securityPolicy": "edge", "match": {"config": {"srcIpRanges": list(ranges)}}}
    return Made("gcp:compute/securityPolicyRule:SecurityPolicyRule", "rule", props)


def networks(*ranges: Any) -> Made:
    """A cluster that these reach."""
    blocks = [{"cidrBlock": each, "displayName": "office"} for each in ranges]
    return cluster(masterAuthorizedNetworksConfig={"cidrBlocks": blocks})


def channel(address: Any, kind: str = "gcp:monitoring/notificationChannel:NotificationChannel") -> Made:
    """A channel for alerts."""
    return Made(kind, "on-call", {"type": "email", "labels": {"email_address": address}})


def listening(hostname: Any) -> Made:
    """A Gateway for that name."""
    made = gateway()
    listeners = [{"name": "https", "port": 443, "protocol": "HTTPS", "hostname": hostname}]
    return Made(made.token, made.name, {**made.props, "spec": {**made.props["spec"], "listeners": listeners}})


def routed(*hostnames: Any) -> Made:
    """A route for these names."""
    made = route()
    return Made(made.token, made.name, {**made.props, "spec": {**made.props["spec"], "hostnames": list(hostnames)}})


CASES: Final[Cases] = {
    "placeholders-left": [
        fail(
            "placeholder-range",
            "rules[0].match.config.srcIpRanges is '203.0.113.0/24': this is a range of documentation",
            armor("203.0.113.0/24"),
        ),
        fail("placeholder-range", "Write the ranges of your clients.", armor("34.0.0.0/24", "198.51.100.7/32")),
        fail(
            "placeholder-range",
            "'192.0.2.0/25, 2001:db8:1::/48': these are ranges",
            armor_rule("192.0.2.0/25", "2001:db8:1::/48"),
        ),
        fail("placeholder-range", "the control plane lets in none of yours", networks("203.0.113.0/24")),
        fail("placeholder-host", "spec.listeners[0].hostname is 'models.example.com'", listening("models.example.com")),
        fail("placeholder-host", "Write the host name that your clients use.", routed("a.acme.io", "*.example.org")),
        fail("placeholder-host", "'models.acme.test'", listening("models.acme.test")),
        fail("placeholder-email", "alerts that are sent there reach nobody", channel("on-call@example.com")),
        missing("", "", armor(rules=None)),
        missing("", "", cluster(masterAuthorizedNetworksConfig={"cidrBlocks": []})),
        missing("", "", listening(None)),
        missing("", "", channel(None)),
        unknown("", "", armor(UNKNOWN)),
        unknown("", "", networks(UNKNOWN)),
        unknown("", "", listening(UNKNOWN)),
        unknown("", "", channel(UNKNOWN)),
        unknown("placeholder-range", "'203.0.113.0/24'", armor(UNKNOWN, "203.0.113.0/24")),
        good(armor_rule("34.98.12.0/24"), routed("models.acme.io")),
        good(armor("34.98.12.0/24"), networks("35.1.0.0/16"), channel("on-call@acme.io"), listening("models.acme.io")),
        near(armor("*"), armor_rule("0.0.0.0/0", "::/0")),
        near(armor("203.0.112.0/24", "203.0.0.0/16", "192.0.3.0/24", "2001:db9::/32", "not-a-range")),
        near(listening("models.myexample.com"), routed("example.com.acme.io", "test")),
        near(channel("example.com@acme.io")),
        near(channel("on-call@example.com", "gcp:other/notificationChannel:NotificationChannel")),
        near(Made("gcp:other/securityPolicy:SecurityPolicy", "a", armor("203.0.113.0/24").props)),
    ],
}
