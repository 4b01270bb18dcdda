"""The pack has nothing to say against any option of a model."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import pytest

from policies.pack import POLICIES
from tests.committed import committed
from tests.components.model_options import OPTIONS, with_option
from tests.components.recording import build
from tests.policies.harness import Made, run


def said(settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """What each policy says about the stack of these settings, where it says anything."""
    stack = [Made(r.type, r.name, dict(r.inputs)) for r in build(dict(settings)).resources]
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
