"""Every single fault in a committed stack is found, by the policy that is there for it, known or not."""

from __future__ import annotations

import datetime as dt
import functools
import random
from collections.abc import Sequence

import pytest
from pulumi_policy import EnforcementLevel, ResourceValidationPolicy

from policies import exemptions
from policies.check.settings import load
from policies.pack import POLICIES
from sandbox.home import CHECKOUT
from tests.policies.harness import Made, declared, run
from tests.policies.mutations import MUTATIONS, Mutation
from tests.policies.mutations.stacks import STACKS, graph, program

PAIRS = [(stack, mutation) for mutation in MUTATIONS for stack in sorted(mutation.stacks)]
BY_NAME = {policy.name: policy for policy in POLICIES}
DECIDERS = [policy for policy in POLICIES if policy.name != "exemptions-in-use"]
BLOCKING = [policy for policy in DECIDERS if policy.enforcement_level == EnforcementLevel.MANDATORY]
OPTIONS_OF = {
    "probe-paths": load(CHECKOUT / "policies" / "config" / "http-services.json", POLICIES).of(BY_NAME["probe-paths"])
}
"""The paths that the example's own images serve; nobody else knows them."""
WITHOUT = {
    "exemptions-in-use": "reports on the others' exemptions; test_pack.py has it",
}
"""Policies for which no single fault in a stack of this program makes sense, and why."""


OPEN = frozenset({"dev", "http-services"})
"""Stacks that everybody may call, which their configuration turns into advice."""


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction] - pytest uses it
    monkeypatch.setattr(exemptions, "today", lambda: dt.date(2026, 11, 21))


@functools.cache
def accepted(stack: str) -> frozenset[str]:
    """What the pack says about the stack as it is: advice only."""
    return verdict(program(stack))


def verdict(
    stack: Sequence[Made], policies: Sequence[str] = tuple(policy.name for policy in DECIDERS)
) -> frozenset[str]:
    """`POLICY RULE URN` of everything the pack finds."""
    found: set[str] = set()
    for name in policies:
        result = run(BY_NAME[name], *stack, config=OPTIONS_OF.get(name))
        for rule, (_, urn) in zip(result.rules, result.violations, strict=True):
            found.add(f"{name} {rule} {urn}")
    return frozenset(found)


@pytest.mark.parametrize(("stack", "mutation"), PAIRS, ids=[f"{s}-{m.name}" for s, m in PAIRS])
def test_a_fault_is_found_by_the_rule_that_is_there_for_it(stack: str, mutation: Mutation) -> None:
    """The expected rule of the expected policy fires, against a stack in which it did not fire before."""
    found = verdict(mutation.applied(program(stack)), [mutation.policy]) - accepted(stack)
    rules = {entry.split(" ")[1] for entry in found}
    assert mutation.rule in rules, found
    level = EnforcementLevel.ADVISORY if mutation.advised else EnforcementLevel.MANDATORY
    assert BY_NAME[mutation.policy].enforcement_level == level


UNKNOWN_PAIRS = [(s, m) for s, m in PAIRS if m.undecidable and not m.whole]


@pytest.mark.parametrize(("stack", "mutation"), UNKNOWN_PAIRS, ids=[f"{s}-{m.name}" for s, m in UNKNOWN_PAIRS])
def test_a_fault_that_cannot_be_seen_yet_is_not_green(stack: str, mutation: Mutation) -> None:
    """Incident class 'passed at preview, broke at apply': where the field is unknown, some policy blocks."""
    mutated = mutation.applied_unknown(program(stack))
    changed = mutated[mutation.target(mutated)]
    found: list[str] = []
    for policy in {policy.name: policy for policy in (*BLOCKING, BY_NAME[mutation.policy])}.values():
        stack_seen = [changed] if isinstance(policy, ResourceValidationPolicy) else mutated
        found += [
            message
            for message in run(policy, *stack_seen, config=OPTIONS_OF.get(policy.name)).messages
            if message.startswith("[undecided]")
        ]
    assert found, "no policy said that it cannot decide"


@pytest.mark.parametrize("stack", STACKS)
def test_the_verdict_does_not_depend_on_the_order_of_resources(stack: str) -> None:
    """20 runs over a stack with ten faults, each in another order, say the same."""
    faulty: Sequence[Made] = program(stack)
    faults = [m for m in MUTATIONS if stack in m.stacks and not m.whole]
    for mutation in faults[:: max(len(faults) // 8, 1)]:
        faulty = mutation.applied(faulty)
    first = verdict(faulty)
    assert len(first - accepted(stack)) >= 5
    shuffled = list(faulty)
    for seed in range(20):
        random.Random(seed).shuffle(shuffled)  # noqa: S311 - an order, not a secret
        assert verdict(shuffled) == first, seed


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_without_faults_blocks_nothing(stack: str) -> None:
    """The faults above are found because they are there."""
    blocking = {policy.name for policy in BLOCKING}
    found = {name for entry in accepted(stack) if (name := entry.split(" ")[0]) in blocking}
    assert found == ({"public-anonymous"} if stack in OPEN else set())


def test_an_unknown_at_the_first_preview_blocks_no_stack() -> None:
    """Before the first update the program's own outputs are unknown, and what they decide nothing about is not held back."""
    made = declared(graph("options", preview=True))
    assert {policy.name: run(policy, *made).messages for policy in BLOCKING} == {policy.name: [] for policy in BLOCKING}


def test_every_policy_has_a_fault_that_it_finds() -> None:
    """A policy without a mutation may be blind in whole stacks, whatever its cases say; exceptions have a reason."""
    covered = {mutation.policy for mutation in MUTATIONS}
    assert {policy.name for policy in POLICIES} - covered == set(WITHOUT)
    assert covered <= set(BY_NAME)
