"""One case of a policy: a stack, what kind of case it is, and what the policy must say about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tests.policies.harness import Made

Kind = Literal["fail", "pass", "near-miss", "missing", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """`rules` are the short names at the front of the messages, in any order; `text` stands in one of them."""

    kind: Kind
    stack: tuple[Made, ...]
    rules: tuple[str, ...] = ()
    text: str = ""
    config: Mapping[str, Any] | None = None


Cases = dict[str, list[Case]]


def fail(rules: str, text: str, *stack: Made, config: Mapping[str, Any] | None = None) -> Case:
    """A stack with findings; several rules are separated by blanks."""
    return Case(kind="fail", stack=stack, rules=tuple(rules.split()), text=text, config=config)


def missing(rules: str, text: str, *stack: Made, config: Mapping[str, Any] | None = None) -> Case:
    """A stack in which a field or object is not there; without rules, that is right."""
    return Case(kind="missing", stack=stack, rules=tuple(rules.split()), text=text, config=config)


def unknown(rules: str, text: str, *stack: Made) -> Case:
    """A stack with a value nobody knows; without rules, it decides nothing."""
    return Case(kind="unknown", stack=stack, rules=tuple(rules.split()), text=text)


def good(*stack: Made, config: Mapping[str, Any] | None = None) -> Case:
    """A stack without findings."""
    return Case(kind="pass", stack=stack, config=config)


def near(*stack: Made, config: Mapping[str, Any] | None = None) -> Case:
    """A stack that looks wrong to a careless rule."""
    return Case(kind="near-miss", stack=stack, config=config)
