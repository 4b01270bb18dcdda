"""The committed stacks pass the pack, at their first preview and in an update."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Final

import pytest
from pulumi_policy import EnforcementLevel

from policies import exemptions
from policies.check.settings import load
from policies.pack import POLICIES
from tests.committed import committed
from tests.components.recording import build
from tests.policies.harness import declared, run

CONFIG: Final = Path(__file__).resolve().parents[2] / "policies" / "config"
ADVICE: Final = {
    "dev": {"public-plain-http", "public-anonymous", "pod-security-restricted", "placeholders-left"},
    "prod": {"placeholders-left"},
}
"""Policies that have something to say about a stack and do not block it. Committed files name nobody's ranges and addresses."""
OPEN: Final = {"dev": {"public-anonymous"}, "prod": set[str]()}
"""Mandatory policies that a stack's configuration turns into advice: dev is open, and says so there."""


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_program_passes_its_own_policies(stack: str, preview: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy that cannot decide about the project's own program would be exempted within a week."""
    monkeypatch.setattr(exemptions, "today", lambda: dt.date(2026, 11, 21))
    graph = build(committed(stack), stack=stack, preview=preview)
    made = declared(graph.resources)
    seen = {m.token.rsplit(":", 1)[-1] for m in made}
    assert seen >= {
        "Cluster",
        "NodePool",
        "Subnetwork",
        "Gateway",
        "HTTPRoute",
        "LLMInferenceService",
        "HealthCheckPolicy",
        "GCPBackendPolicy",
        "Release",
    }
    config = load(CONFIG / f"{stack}.json", POLICIES)
    said: dict[str, list[str]] = {}
    for policy in POLICIES:
        if policy.name != "exemptions-in-use" and config.level(policy) != EnforcementLevel.DISABLED:
            said[policy.name] = run(policy, *made, config=config.of(policy)).messages
    advice = {name for name in said if said[name] and name in ADVICE[stack]}
    assert {name: messages for name, messages in said.items() if messages and name not in advice} == {}
    assert advice == ADVICE[stack]
    assert all(config.level(p) == EnforcementLevel.ADVISORY for p in POLICIES if p.name in advice)


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_without_configuration_only_an_open_endpoint_blocks_the_program(stack: str, preview: bool) -> None:
    """`pulumi up` with the pack alone goes through for prod; what dev leaves open it has to say in its configuration."""
    graph = build(committed(stack), stack=stack, preview=preview)
    made = declared(graph.resources)
    blocking = [policy for policy in POLICIES if policy.enforcement_level == EnforcementLevel.MANDATORY]
    assert {policy.name for policy in blocking if run(policy, *made).messages} == OPEN[stack]
    config = load(CONFIG / f"{stack}.json", POLICIES)
    assert {p.name for p in blocking if config.level(p) != EnforcementLevel.MANDATORY} >= OPEN[stack]


@pytest.mark.parametrize("path", sorted(CONFIG.glob("*.json")), ids=lambda path: path.stem)
def test_each_environment_names_existing_policies(path: Path) -> None:
    """A level for a policy that was renamed protects nothing; the engine would refuse the whole file."""
    config = load(path, POLICIES)
    assert config.levels or config.options


def test_production_is_no_laxer_than_development() -> None:
    """What blocks in development blocks in production."""
    dev, prod = (load(CONFIG / f"{name}.json", POLICIES) for name in ("dev", "prod"))
    order = [EnforcementLevel.DISABLED, EnforcementLevel.ADVISORY, EnforcementLevel.MANDATORY]
    for policy in POLICIES:
        assert order.index(prod.level(policy)) >= order.index(dev.level(policy)), policy.name


def test_the_preview_of_prod_asks_for_ones_own_values() -> None:
    """Incident to prevent: somebody adapts project and region, and the allow list stays a range of documentation."""
    made = declared(build(committed("prod"), stack="prod", preview=True).resources)
    policy = next(policy for policy in POLICIES if policy.name == "placeholders-left")
    messages = "\n".join(run(policy, *made).messages)
    assert "srcIpRanges is '203.0.113.0/24'" in messages
    assert "Write the ranges of your clients." in messages
    assert "masterAuthorizedNetworksConfig.cidrBlocks is '203.0.113.0/24'" in messages
    assert "labels.email_address is 'inference-on-call@example.com'" in messages
