"""The pack has nothing to say against any option of a model."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from policies.pack import POLICIES
from tests.committed import committed
from tests.components.model_options import OPTIONS, with_option
from tests.components.recording import build
from tests.policies.harness import declared, run


def said(settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """What each policy says about the stack of these settings, where it says anything."""
    stack = declared(build(dict(settings)).resources)
    return {policy.name: messages for policy in POLICIES if (messages := run(policy, *stack).messages)}


@functools.cache
def usual() -> frozenset[str]:
    """Policies that advise something about dev as it is."""
    return frozenset(said(committed("dev")))


@pytest.mark.parametrize("option", OPTIONS)
def test_no_option_is_a_misconfiguration(option: str) -> None:
    """What settings offer is what the policies accept: a finding here is a wrong option or a wrong policy."""
    found = said(with_option(option))
    assert {name: messages for name, messages in found.items() if name not in usual()} == {}


def test_the_live_route_of_a_canary_waits_for_the_canarys_own() -> None:
    """What the program makes sure of is what the policy asks for: without that one dependency it blocks."""
    stack = declared(build(with_option("canary")).resources)
    policy = next(policy for policy in POLICIES if policy.name == "inference-pool-order")
    live = next(made for made in stack if made.token.endswith(":HTTPRoute") and made.name == "qwen2-5-3b-route")
    own = next(
        made for made in stack if made.token.endswith(":HTTPRoute") and made.name != live.name and "next" in made.name
    )
    assert own.urn in live.after
    hasty = replace(live, after=tuple(urn for urn in live.after if urn != own.urn))
    assert not run(policy, *stack).violations
    found = run(policy, *(hasty if made is live else made for made in stack))
    assert set(found.rules) == {"pool-order"}
    assert "does not wait for it" in found.only
