"""What a deployment would lose, in the events of the real engine as the gate on pull requests reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.incidents.harness import PROJECT, STACK, Somebody
from tests.policies.test_policy_gate import GATE

PROVIDER = "11111111-1111-1111-1111-111111111111"


def urn(token: str, name: str) -> str:
    """A resource of the program, outside of any component."""
    return f"urn:pulumi:{STACK}::{PROJECT}::{token}::{name}"


def deployed(token: str, urn_name: str, **properties: Any) -> dict[str, Any]:
    """A resource of Google Cloud in the state."""
    provider = f"{urn('pulumi:providers:gcp', 'default_10_2_0')}::{PROVIDER}"
    state = {"urn": urn(token, urn_name), "custom": True, "type": token, "id": urn_name, "provider": provider}
    return {**state, "inputs": properties, "outputs": properties}


@pytest.fixture
def other(somebody: Somebody) -> Iterator[Somebody]:
    """The project, whose state a test may fill; it is empty again afterwards."""
    yield somebody
    somebody.restore([])


def test_the_gate_sees_what_a_deployment_would_lose(other: Somebody) -> None:
    """Invariant: what an update would take away is called out (no report's incident, and the dearest of all).

    A bucket that is no longer declared, and an address whose region was changed.
    """
    other.restore(
        [
            deployed("gcp:storage/bucket:Bucket", "weights", name="weights", location="US"),
            deployed(
                "gcp:compute/address:Address", "address", name="address", region="us-west1", project="somebody-else"
            ),
        ]
    )
    lines = other.events()
    found = [problem for problem in GATE.problems(lines) if problem.startswith("it would be")]
    assert len(found) == 2, json.dumps(found)
    assert any("replaced because of" in p and "region" in p and "Address address]" in p for p in found), found
    assert any("deleted: its objects" in p and "Bucket weights]" in p for p in found), found
    assert GATE.problems(lines, ["*::address", "*::weights"]) == [
        problem for problem in GATE.problems(lines) if problem not in found
    ]
