"""Remedies: what they write, what they leave alone, and that the same policy then has nothing more to say."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi_policy import EnforcementLevel, ResourceValidationArgs, ResourceValidationPolicy
from pulumi_policy.deserialize import (
    SPECIAL_SECRET_SIG,
    SPECIAL_SIG_KEY,
    deserialize_properties,
    serialize_properties,
)
from pulumi_policy.proxy import unknown_checking_proxy

from policies.pack import POLICIES
from policies.remediation import REMEDIED, steps_of
from rules.remedies import certain_label, is_single_host
from tests.policies.harness import UNKNOWN, Made, kubernetes, run
from tests.policies.objects import deployment, llm, node_pool, selector, server

BY_NAME = {policy.name: policy for policy in POLICIES}
SECRET = {SPECIAL_SIG_KEY: SPECIAL_SECRET_SIG, "value": "s3cret"}


def remedied(policy: str, made: Made, config: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """What the policy makes of a resource, through the SDK's own unpacking and packing; None for nothing."""
    judge = BY_NAME[policy]
    assert isinstance(judge, ResourceValidationPolicy)
    assert judge.has_remediation()
    props: Any = unknown_checking_proxy(deserialize_properties(copy.deepcopy(made.props), True))
    result: Any = judge.remediate(
        ResourceValidationArgs(made.token, props, made.urn, made.name, None, None, dict(config or {}))  # pyright: ignore[reportArgumentType]
    )
    return None if result is None else dict(serialize_properties(result))


def health(**check: Any) -> Made:
    """A HealthCheckPolicy for a pool."""
    config = {"type": "HTTP", "httpHealthCheck": {"requestPath": "/health", **check}}
    target = {"group": "inference.networking.k8s.io", "kind": "InferencePool", "name": "qwen-inference-pool"}
    spec = {"targetRef": target, "default": {"config": config}}
    return kubernetes("networking.gke.io/v1", "HealthCheckPolicy", "qwen", spec=spec)


def route(**rule: Any) -> Made:
    """An HTTPRoute of one rule."""
    return kubernetes("gateway.networking.k8s.io/v1", "HTTPRoute", "qwen", spec={"rules": [{"name": "all", **rule}]})


SINGLE = {"type": "COMPACT", "tpuTopology": "2x2"}
WRONG = {
    "health-check-policy": [health(port=8000), health(port=UNKNOWN)],
    "httproute-features": [
        route(timeouts={"request": "0s", "backendRequest": "0s"}),
        llm({"route": {"http": {"spec": {"rules": [{"timeouts": {"request": "0s"}}]}}}}),
    ],
    "tpu-accelerator-label": [
        deployment(server(), nodeSelector=selector("2x2", "tpu-v6e")),
        llm(template={"nodeSelector": selector("2x2", "ct6e-standard-4t"), "containers": [server()]}),
    ],
    "tpu-node-pool": [node_pool(placementPolicy=SINGLE)],
}
LEFT = {
    "health-check-policy": [
        health(port=8000, portSpecification="USE_FIXED_PORT"),
        health(port=8000, portSpecification=UNKNOWN),
        health(),
        health(port=8000, portName="http"),
    ],
    "httproute-features": [
        route(timeouts={"request": "600s"}),
        route(timeouts={"request": UNKNOWN}),
        route(timeouts=UNKNOWN),
    ],
    "tpu-accelerator-label": [
        deployment(server(), nodeSelector=selector("2x2", "nvidia-l4")),
        deployment(server(), nodeSelector=selector("2x2", UNKNOWN)),
        deployment(server(), nodeSelector=UNKNOWN),
    ],
    "tpu-node-pool": [
        node_pool(placementPolicy={"type": "COMPACT", "tpuTopology": "4x4"}),
        node_pool(placementPolicy={**SINGLE, "policyName": "ours"}),
        node_pool(placementPolicy={"type": UNKNOWN, "tpuTopology": "2x2"}),
        node_pool(nodeConfig__machineType=UNKNOWN, placementPolicy=SINGLE),
    ],
}


def each(table: Mapping[str, list[Made]]) -> list[Any]:
    """The table's entries as parameters."""
    return [
        pytest.param(name, made, id=f"{name}-{i}") for name, made_s in table.items() for i, made in enumerate(made_s)
    ]


@pytest.mark.parametrize(("policy", "made"), each(WRONG))
def test_a_remedied_resource_has_no_such_finding(policy: str, made: Made) -> None:
    """The remedy is right by the very policy that asked for it, and a second look changes nothing more."""
    before = [message for message in run(BY_NAME[policy], made).messages if "[undecided]" not in message]
    assert before
    fixed = remedied(policy, made)
    assert fixed is not None
    after = Made(made.token, made.name, fixed)
    assert [message for message in run(BY_NAME[policy], after).messages if "[undecided]" not in message] == []
    assert remedied(policy, after) is None


@pytest.mark.parametrize(("policy", "made"), each(LEFT))
def test_what_is_not_certain_is_left_alone(policy: str, made: Made) -> None:
    """An intention, an unknown value or a second possibility is for people to decide."""
    assert remedied(policy, made) is None


def test_unknown_values_and_secrets_around_a_remedy_stay_what_they_are() -> None:
    """The whole resource goes back to the engine: a secret that came back open would be written into the state."""
    made = health(port=8000)
    made.props["metadata"]["annotations"] = {"token": SECRET, "id": UNKNOWN}
    fixed = remedied("health-check-policy", made)
    assert fixed is not None
    assert fixed["metadata"]["annotations"] == {"token": SECRET, "id": UNKNOWN}
    assert fixed["spec"]["default"]["config"]["httpHealthCheck"]["portSpecification"] == "USE_FIXED_PORT"


def test_nothing_is_written_into_a_secret() -> None:
    """What is secret as a whole is not opened to be changed."""
    made = health(port=8000)
    made.props["spec"] = {SPECIAL_SIG_KEY: SPECIAL_SECRET_SIG, "value": made.props["spec"]}
    assert remedied("health-check-policy", made) is None


def test_a_tolerated_finding_is_not_remedied_either() -> None:
    """An exemption means: leave it as it is."""
    entry = {
        "urn": "*",
        "rule": "timeouts",
        "reason": "Moves to another Gateway.",
        "owner": "a",
        "expires": "2999-01-01",
    }
    made = WRONG["httproute-features"][0]
    assert remedied("httproute-features", made, {"exemptions": [entry]}) is None
    assert remedied("httproute-features", made, {"exemptions": [{**entry, "rule": "retry"}]}) is not None
    assert remedied("httproute-features", made, {"exemptions": [{**entry, "expires": "2020-01-01"}]}) is not None


def test_remedies_are_off_unless_asked_for() -> None:
    """A policy that rewrites what a program says is switched on by name, never by default."""
    able = {p.name for p in POLICIES if isinstance(p, ResourceValidationPolicy) and p.has_remediation()}
    assert able == set(REMEDIED) == set(WRONG) == set(LEFT)
    assert {BY_NAME[name].enforcement_level for name in able} == {EnforcementLevel.MANDATORY}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("tpu-v6e", "tpu-v6e-slice"),
        ("ct6e-standard-8t", "tpu-v6e-slice"),
        ("tpu-v6e-slice", None),
        ("tpu", None),
        ("", None),
    ],
)
def test_the_label_that_somebody_meant(name: str, label: str | None) -> None:
    """Only a name that belongs to one label is replaced by it."""
    assert certain_label(name) == label


def test_a_topology_with_two_shapes_is_not_certain() -> None:
    """2x4 of v6e is one ct6e-standard-8t or two ct6e-standard-4t; the machine type tells which."""
    assert is_single_host("ct6e-standard-8t", "2x4")
    assert not is_single_host("ct6e-standard-4t", "2x4")


def test_paths_become_steps() -> None:
    """Places in lists are numbers."""
    assert steps_of("spec.rules[0].filters[2].type") == ("spec", "rules", 0, "filters", 2, "type")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_remedies_survive_any_shape(data: st.DataObject) -> None:
    """Hostile input: nothing crashes a remedy, and what it did not mean to change comes back as it was sent."""
    policy = data.draw(st.sampled_from(sorted(WRONG)))
    made = data.draw(st.sampled_from(WRONG[policy]))
    key = data.draw(st.sampled_from(sorted(made.props)))
    props = {**copy.deepcopy(made.props), key: data.draw(anything)}
    fixed = remedied(policy, Made(made.token, made.name, props))
    assert fixed is None or set(fixed) <= set(props)
