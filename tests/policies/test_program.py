"""The committed stacks pass the pack, at their first preview and in an update."""

from __future__ import annotations

import pytest

from policies.pack import POLICIES
from tests.components.recording import build, committed
from tests.policies.harness import Made, run


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_program_passes_its_own_policies(stack: str, preview: bool) -> None:
    """A policy that cannot decide about the project's own program would be exempted within a week."""
    graph = build(committed(stack), stack=stack, preview=preview)
    made = [Made(r.type, r.name, dict(r.inputs)) for r in graph.resources]
    seen = {m.token.rsplit(":", 1)[-1] for m in made}
    assert seen >= {
        "Cluster",
        "NodePool",
        "Subnetwork",
        "Gateway",
        "HTTPRoute",
        "LLMInferenceService",
        "HealthCheckPolicy",
    }
    assert {policy.name: run(policy, *made).messages for policy in POLICIES} == {policy.name: [] for policy in POLICIES}
