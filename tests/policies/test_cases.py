"""Every case of the tables in `cases/`: failing, passing, nearly failing, missing, unknown and exempted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from policies.pack import POLICIES
from tests.policies.cases import CASES
from tests.policies.cases.case import Case
from tests.policies.harness import UNKNOWN, Made, run

BY_NAME = {policy.name: policy for policy in POLICIES}
ALL = [(name, index, case) for name, cases in CASES.items() for index, case in enumerate(cases)]
ELSEWHERE = {
    "cluster-gateway-api",
    "tpu-node-pool",
    "tpu-not-listed",
    "httproute-features",
    "health-check-policy",
    "inference-pool-gateway-class",
    "backend-health-check",
    "kserve-managed-route",
    "proxy-only-subnet",
    "tpu-workload",
    "exemptions-in-use",
}
"""Policies whose cases stand in test modules of their own."""


@pytest.mark.parametrize(("name", "case"), [(n, c) for n, _, c in ALL], ids=[f"{n}-{i}-{c.kind}" for n, i, c in ALL])
def test_case(name: str, case: Case) -> None:
    """The policy finds exactly the rules that the case names, and nothing else."""
    result = run(BY_NAME[name], *case.stack, config=case.config)
    assert Counter(result.rules) == Counter(case.rules), result.messages
    assert any(case.text in message for message in result.messages) or not case.rules, result.messages


@pytest.mark.parametrize("name", list(CASES))
def test_an_exemption_covers_each_finding(name: str) -> None:
    """What is tolerated for a while is silent here and listed by `exemptions-in-use`."""
    entry = {"urn": "*", "reason": "Agreed for the migration.", "owner": "serving@example.com", "expires": "2999-01-01"}
    for case in CASES[name]:
        config = {**(case.config or {}), "exemptions": [entry]}
        assert not run(BY_NAME[name], *case.stack, config=config).violations
    run(BY_NAME["exemptions-in-use"])


def test_every_policy_has_cases_of_every_kind() -> None:
    """Two that fail, two that pass, one that nearly fails, one with something missing, one with something unknown."""
    assert set(CASES) | ELSEWHERE == set(BY_NAME)
    for name, cases in CASES.items():
        counts = Counter(case.kind for case in cases)
        assert counts["fail"] >= 2, name
        assert counts["pass"] >= 2, name
        assert min(counts["near-miss"], counts["missing"], counts["unknown"]) >= 1, (name, counts)


JUNK = [UNKNOWN, None, "x", 7, True, [], [UNKNOWN], {}, {"a": [1, "b", None]}]


@pytest.mark.parametrize("name", list(CASES))
def test_junk_in_any_place_neither_crashes_a_policy_nor_escapes_it(name: str) -> None:
    """The kinds that the platform itself does not declare are read as carefully as its own."""
    for case in CASES[name]:
        if case.kind not in {"pass", "near-miss"}:
            continue
        for number, made in enumerate(case.stack):
            rest = [*case.stack[:number], *case.stack[number + 1 :]]
            for props in _with_junk(made.props, JUNK[number % len(JUNK)]):
                run(BY_NAME[name], Made(made.token, made.name, props), *rest, config=case.config)
            for junk in JUNK:
                for key in made.props:
                    broken = Made(made.token, made.name, {**made.props, key: junk})
                    run(BY_NAME[name], broken, *rest, config=case.config)
                spec: dict[str, Any] = made.props.get("spec") or {}
                for key in spec:
                    broken = Made(made.token, made.name, {**made.props, "spec": {**spec, key: junk}})
                    run(BY_NAME[name], broken, *rest, config=case.config)


def _with_junk(value: Any, junk: Any) -> Iterator[Any]:
    """Every copy of `value` with one place in it replaced."""
    if isinstance(value, dict):
        for key in value:
            yield {**value, key: junk}
            yield from ({**value, key: inner} for inner in _with_junk(value[key], junk))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield [*value[:index], junk, *value[index + 1 :]]
            yield from ([*value[:index], inner, *value[index + 1 :]] for inner in _with_junk(item, junk))
