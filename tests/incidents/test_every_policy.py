"""Every policy of the pack in the real engine: its bad example is found, its good one is not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import yaml
from pulumi_policy import EnforcementLevel, Policy

from policies.check.examples import Example, example
from policies.pack import POLICIES
from tests.incidents.harness import Result, Somebody

PACK = "gke-tpu-inference@v"
"""How the engine names the pack among those that it ran."""


def resources(shown: Example) -> Iterator[tuple[str, str, Mapping[str, Any], Sequence[str]]]:
    """The example's resources, as type token, name, properties and names of what they wait for."""
    if shown.language == "json":
        for entry in json.loads(shown.text):
            yield entry["type"], entry["name"], entry["properties"], entry.get("dependsOn", ())
        return
    for made in yaml.safe_load_all(shown.text):
        version = made["apiVersion"] if "/" in made["apiVersion"] else f"core/{made['apiVersion']}"
        yield f"kubernetes:{version}:{made['kind']}", f"{made['kind']}-{made['metadata']['name']}", made, ()


def ran_in_full(result: Result) -> None:
    """Asserts that there was an analysis, by all of the pack, and that it ended as its findings say: silence is no pass."""
    assert PACK in result.output, result.output
    assert "can't run policy" not in result.output, result.output
    assert (result.code != 0) == bool(result.blocked_by), result.output


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_a_policy_fires_in_the_engine(somebody: Somebody, policy: Policy) -> None:
    """What the unit tests show of a rule is true of the engine's own resources, levels and output as well."""
    bad = example(policy.name, "bad")
    result = somebody.analyze_resources(resources(bad), bad.config)
    ran_in_full(result)
    assert policy.name in result.found_by, result.output
    assert (policy.name in result.blocked_by) == (policy.enforcement_level == EnforcementLevel.MANDATORY)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_a_policy_lets_its_good_example_pass_in_the_engine(somebody: Somebody, policy: Policy) -> None:
    """Invariant: what a page recommends is not what the policy blocks. Others may miss what a page leaves out."""
    good = example(policy.name, "good")
    result = somebody.analyze_resources(resources(good), good.config)
    ran_in_full(result)
    assert policy.name not in result.found_by, result.output
