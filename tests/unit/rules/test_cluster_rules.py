"""Maintenance windows, keys, principals, firewall rules and what a secret looks like."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import encryption, firewall, isolation, maintenance, secrets

DAYS = st.sets(st.sampled_from(maintenance.DAYS), min_size=1)


@given(DAYS, st.integers(4, 24), st.integers(0, 400))
def test_every_32_days_have_the_hours_that_are_promised(days: set[str], hours: int, offset: int) -> None:
    """Counted day by day from any date, never less than `available_hours` says."""
    first = date(2026, 1, 1) + timedelta(days=offset)
    span = [first + timedelta(days=number) for number in range(maintenance.PERIOD_DAYS)]
    counted = sum(maintenance.DAYS[day.weekday()] in days for day in span) * hours
    assert counted >= maintenance.available_hours(days, hours)


@given(DAYS, st.integers(4, 24))
def test_the_remedy_of_a_short_window_is_enough(days: set[str], hours: int) -> None:
    """Who does what the message says is not refused again."""
    for finding in maintenance.check_window(sorted(days), hours):
        if "hours: " in finding.remedy:
            longer = int(finding.remedy.split("hours: ")[1].split(",")[0])
            assert maintenance.check_window(days, longer) == []


@given(DAYS)
def test_the_first_window_is_on_one_of_its_days(days: set[str]) -> None:
    """A recurrence that begins on another day begins with a window that nobody asked for."""
    assert maintenance.DAYS[maintenance.first_day(days).weekday()] in days


def test_no_more_than_three_times_without_any_upgrade() -> None:
    """GKE refuses the fourth; those with a smaller scope do not count."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    spans = [("NO_UPGRADES", begin + timedelta(days=n), begin + timedelta(days=n + 1)) for n in range(0, 8, 2)]
    assert [finding.path for finding in maintenance.check_exclusions(spans)] == ["[3].scope"]
    minor = [("NO_MINOR_UPGRADES", begin, begin + timedelta(days=150))] * 5
    assert maintenance.check_exclusions(minor) == []


def test_keys_are_of_the_clusters_region() -> None:
    """A zonal cluster takes keys of its region, not of its zone, and none is global."""
    key = "projects/p/locations/{}/keyRings/r/cryptoKeys/k"
    assert encryption.check_key(key.format("us-east5"), "us-east5-b", "x") == []
    for location in ("us-east5-b", "global", "us"):
        (finding,) = encryption.check_key(key.format(location), "us-east5-b", "x")
        assert "us-east5" in finding.remedy
    assert encryption.check_key("key", "us-east5", "x")[0].reason == "it names no key"


def test_service_agents() -> None:
    """The project's number is in the address of GKE's agent."""
    number = encryption.gke_agent_number("service-42@container-engine-robot.iam.gserviceaccount.com")
    assert number == "42"
    assert encryption.compute_agent(number) == "service-42@compute-system.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("secret", "version"),
    [
        ("hf", "projects/p/secrets/hf/versions/latest"),
        ("projects/other/secrets/hf", "projects/other/secrets/hf/versions/latest"),
    ],
)
def test_full_names_of_secrets(secret: str, version: str) -> None:
    """A secret of another project keeps that project."""
    assert secrets.version_name("p", secret, "latest") == version


@given(st.text(max_size=60))
def test_a_token_is_never_repeated(text: str) -> None:
    """What names a token shows four characters of it."""
    token = "hf_" + "Q7" * 20
    found = secrets.token_in(f"{text} {token}")
    assert found is not None
    assert len(found) <= 5


@pytest.mark.parametrize(
    "text", ["hf_token", "sk-learn", "hf://Qwen/Qwen2.5-3B-Instruct", "gh_pages", "eyJ", "ghp_short", "tokens"]
)
def test_names_are_no_tokens(text: str) -> None:
    """Too short, or without the form."""
    assert secrets.token_in(text) is None


@pytest.mark.parametrize(
    ("ports", "word"),
    [(None, "every port"), (["20-23"], "SSH"), (["10250"], "kubelet"), (["1-65535"], "SSH"), (["31000"], "node ports")],
)
def test_ports_that_nobody_outside_needs(ports: list[str] | None, word: str) -> None:
    """Named, so that the reader knows what was open."""
    (finding,) = firewall.check_open(["0.0.0.0/0"], "tcp", ports, "allows[0]")
    assert word in finding.reason


def test_ports_of_servers_may_be_open() -> None:
    """A rule for everybody on 443 is how a web server is reached; junk opens nothing."""
    assert firewall.check_open(["0.0.0.0/0"], "tcp", ["443", "8000", "x", "5-y"], "p") == []
    assert firewall.check_open(["10.0.0.0/8"], "all", None, "p") == []


def test_policies_that_close_a_namespace_to_health_checks() -> None:
    """Only those for every pod close it; anything that covers Google's ranges opens it."""
    deny = {"podSelector": {}, "policyTypes": ["Ingress"]}
    assert isolation.check_load_balancer_ingress([deny])
    assert isolation.check_load_balancer_ingress([{"podSelector": {"matchLabels": {"a": "b"}}}]) == []
    for cidr in ("35.191.0.0/16", "0.0.0.0/0"):
        allow = {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": cidr}}]}]}
        assert isolation.check_load_balancer_ingress([deny, allow]) == []
