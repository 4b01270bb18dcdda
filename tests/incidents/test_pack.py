"""The pack in the engine: mandatory in our own stacks, complete, and weakened by nothing but dated exemptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.engine import POLICIES, Engine
from tests.incidents import documentation
from tests.incidents.harness import Somebody
from tests.sandbox.stack.harness import Stack

GLOBAL = {"gateway/spec/gatewayClassName": "gke-l7-global-external-managed"}


@pytest.mark.parametrize("operation", ["preview", "up"])
def test_our_commands_always_have_the_pack(somebody: Somebody, operation: str) -> None:
    """Invariant: previews and updates run with the pack, at the levels the repository holds for the environment."""
    command = Engine(somebody.workspace, "dev", Path("Pulumi.dev.yaml")).command(operation)
    assert command[command.index("--policy-pack") + 1] == str(POLICIES)
    assert command[command.index("--policy-pack-config") + 1] == str(POLICIES / "config" / "dev.json")


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_our_own_stacks_pass_and_every_policy_ran(incident_home: Path, name: str) -> None:
    """Invariant: a first preview, when no cluster exists and little is known, is judged in full and found right."""
    result = Stack(incident_home, name).run("preview")
    assert result.code == 0, result.output
    assert "gke-tpu-inference@v" in result.output
    assert "[mandatory]" not in result.output
    assert "can't run policy" not in result.output


def test_a_state_that_exists_is_judged_without_its_program(somebody: Somebody) -> None:
    """Invariant: `pulumi policy analyze` finds in a deployed stack what a preview would have stopped (issue 1)."""
    metadata = {"name": "entry", "namespace": "models"}
    gateway = {"gatewayClassName": "gke-l7-global-external-managed"}
    pool = {"group": "inference.networking.k8s.io", "kind": "InferencePool", "name": "qwen-inference-pool"}
    route = {"parentRefs": [{"name": "entry"}], "rules": [{"backendRefs": [pool], "timeouts": {"request": "0s"}}]}
    result = somebody.analyze(
        {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": metadata, "spec": gateway},
        {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata, "spec": route},
    )
    result.is_blocked_by("inference-pool-gateway-class", "httproute-features", "backend-health-check")
    result.says("Gateway models/entry: spec.gatewayClassName is 'gke-l7-global-external-managed'")


def exemption(**changes: str) -> dict[str, Any]:
    """Pack configuration with one exemption for the program's Gateway."""
    entry = {
        "urn": "*::gateway",
        "rule": "inference-pool-class",
        "reason": "Moves to regional on Friday.",
        "owner": "serving@example.com",
        "expires": "2999-01-01",
    }
    return {"inference-pool-gateway-class": {"exemptions": [{**entry, **changes}]}}


def test_an_exemption_in_force_is_listed(somebody: Somebody) -> None:
    """Invariant: a tolerated finding does not block, and is named with reason, owner and date in every preview (issue 1)."""
    result = somebody.preview(GLOBAL, exemption())
    result.passes()
    assert (
        "In use: inference-pool-gateway-class for *::gateway (rule inference-pool-class): Moves to regional on Friday., "
        "serving@example.com, until 2999-01-01"
    ) in result.output


def test_an_expired_exemption_blocks(somebody: Somebody) -> None:
    """Invariant: an exemption ends on its date (issue 1)."""
    result = somebody.preview(GLOBAL, exemption(expires="2020-01-01"))
    result.is_blocked_by("inference-pool-gateway-class")
    result.says("The exemption by serving@example.com expired on 2020-01-01: renew it or fix the cause.")


def test_an_exemption_without_a_reason_is_refused(somebody: Somebody) -> None:
    """Invariant: an exemption says why; the engine checks the pack's configuration before anything runs."""
    result = somebody.preview(GLOBAL, exemption(reason=""))
    assert result.code != 0
    assert "inference-pool-gateway-class: exemptions.0.reason: " in result.output, result.output


def test_every_policy_is_documented() -> None:
    """Invariant: whoever is stopped by a policy finds it in the documentation, as it is.

    To write the table anew: python -m tests.incidents.documentation
    """
    assert documentation.table() in (documentation.FOLDER / "policies.md").read_text(encoding="utf-8")
