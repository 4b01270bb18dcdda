"""What waits for what in a stack, as a policy asks for it."""

from __future__ import annotations

from pulumi_policy import PolicyProviderResource, PolicyResource

from policies.check.evaluate import resource
from policies.order import Order


def stack(**waits: str) -> dict[str, PolicyResource]:
    """Resources `a` to `f` and what each of them waits for, as in `a="b c"`."""
    made = {name: resource("t", name, name, {}) for name in "abcdef"}
    for name, others in waits.items():
        made[name].dependencies += [made[other] for other in others.split()]
    return made


def test_a_resource_comes_after_what_it_names_directly_or_not() -> None:
    """Invariant: the way may be long and may have branches, and it has a direction."""
    order = Order(stack(a="b f", b="c", c="d").values())
    assert order.after("a", "b")
    assert order.after("a", "d")
    assert not order.after("d", "a")
    assert not order.after("a", "e")
    assert not order.after("b", "f")


def test_a_circle_has_an_end() -> None:
    """Near-miss: a state that was edited by hand is no reason to hang."""
    order = Order(stack(a="b", b="c", c="a").values())
    assert order.after("a", "c")
    assert not order.after("a", "d")


def test_a_component_stands_for_what_is_in_it() -> None:
    """Invariant: whoever waits for a component waits for its parts, and its parts for what it waits for; not for each other."""
    made = stack(a="b", b="e")
    made["c"].parent = made["d"].parent = made["b"]
    order = Order(made.values())
    assert order.after("a", "c")
    assert order.after("c", "e")
    assert not order.after("c", "d")
    assert not order.after("e", "c")


def test_a_resource_comes_after_its_provider_and_what_that_waits_for() -> None:
    """Objects of a cluster come after the cluster."""
    made = stack(b="c")
    made["a"].provider = PolicyProviderResource("pulumi:providers:kubernetes", {}, "b", "b")
    assert Order(made.values()).after("a", "c")


def test_files_tell_no_order() -> None:
    """Incident to prevent: findings about YAML that says nothing of what waits for what."""
    named = resource("t", "x", "x", {}, namespace="models")
    assert not Order([*stack().values(), named]).told
    assert not Order().told
    assert Order(stack(a="b").values()).told
    inside = stack()
    inside["a"].parent = inside["b"]
    assert Order(inside.values()).told
