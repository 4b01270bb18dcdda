"""What policies over a whole stack see of a cluster that does not exist yet."""

from __future__ import annotations

import dataclasses

from policies.clusters import CLUSTER_GATEWAY_API
from policies.gateway_class import GATEWAY_CLASS
from tests.policies.harness import Made, run
from tests.policies.objects import GLOBAL, gateway, pool_ref, route


def unseen(made: Made) -> Made:
    """The resource as the engine shows it while its provider is not configured: without outputs."""
    return dataclasses.replace(made, props={})


def test_without_outputs_the_inputs_are_judged() -> None:
    """Incident to prevent: a first preview was green with a global class, because no object had outputs yet."""
    stack = [
        gateway(GLOBAL, name="first"),
        route(pool_ref(), name="first", parent=[{"name": "first", "namespace": "gateways"}]),
    ]
    run(CLUSTER_GATEWAY_API, *stack)  # any policy over single resources sees the inputs of all of them
    assert GLOBAL in run(GATEWAY_CLASS, *map(unseen, stack)).only


def test_what_was_never_seen_is_not_green() -> None:
    """Incident to prevent: empty outputs counted as an object without fields, which breaks no rule."""
    stack = [gateway(GLOBAL, name="hidden"), route(pool_ref(), name="hidden")]
    assert "undecided" in run(GATEWAY_CLASS, unseen(stack[0]), stack[1]).rules
