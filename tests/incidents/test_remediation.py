"""Remedies in the real engine: a wrong program deploys right where an environment asks for that, and is blocked elsewhere."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.incidents.harness import UNKNOWN, Changes, Somebody

CHECK: Final = "pool-health/spec/default/config/httpHealthCheck"
SELECTOR: Final = "model/spec/template/nodeSelector/cloud.google.com~gke-tpu-accelerator"
SAID: Final = {
    "health-check-policy": ("httpHealthCheck.portSpecification is missing", "Write USE_FIXED_PORT."),
    "tpu-accelerator-label": (
        "spec.template.nodeSelector['cloud.google.com/gke-tpu-accelerator'] is 'tpu-v6e'",
        "the pods stay Pending for ever",
        "Write tpu-v6e-slice.",
    ),
    "tpu-node-pool": ("placementPolicy.tpuTopology is '2x2'", "on a single host", "Leave placementPolicy out"),
    "httproute-features": ("spec.rules[0].timeouts is ", "GWCER104", "Leave timeouts out"),
}
"""What people read where nothing is written for them."""
WRONG: Final[dict[str, Changes]] = {
    "health-check-policy": {f"{CHECK}/portSpecification": None},
    "tpu-accelerator-label": {SELECTOR: "tpu-v6e"},
    "tpu-node-pool": {"tpus/placementPolicy": {"type": "COMPACT", "tpuTopology": "2x2"}},
    "httproute-features": {"route/spec/rules/0/timeouts": {"request": "0s", "backendRequest": "0s"}},
}


def remediate(*policies: str) -> dict[str, Any]:
    """Pack configuration that lets these policies write."""
    return {name: {"enforcementLevel": "remediate"} for name in policies}


@pytest.mark.parametrize("policy", sorted(WRONG))
def test_a_certain_remedy_is_applied_where_it_is_asked_for(somebody: Somebody, policy: str) -> None:
    """Issues 1 to 4 of the deployment report: the same program is blocked by default, and passes with the remedy."""
    blocked = somebody.preview(WRONG[policy])
    blocked.is_blocked_by(policy)
    blocked.says(*SAID[policy])
    result = somebody.preview(WRONG[policy], remediate(policy))
    result.passes()
    assert "[remediate]" in result.output, result.output
    assert policy in result.output


def test_all_remedies_work_together(somebody: Somebody) -> None:
    """Each gets what the ones before it made, with values around it unknown."""
    changes = {path: value for wrong in WRONG.values() for path, value in wrong.items()}
    changes[f"{CHECK}/host"] = UNKNOWN
    result = somebody.preview(changes, remediate(*WRONG))
    result.passes()


def test_what_no_remedy_is_certain_for_still_blocks(somebody: Somebody) -> None:
    """A timeout of ten minutes is an intention; the level `remediate` is no weaker than `mandatory`."""
    changes = {"route/spec/rules/0/timeouts": {"request": "600s"}}
    result = somebody.preview(changes, remediate("httproute-features"))
    result.is_blocked_by("httproute-features")
