"""The gate on pull requests: what it takes from the engine's events, and what may be lost knowingly."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
from types import ModuleType
from typing import Any, Final

import pytest

from sandbox.home import CHECKOUT


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("policy_gate", CHECKOUT / ".github" / "policy_gate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GATE: Final = _load()
LOADED: Final = json.dumps({"policyLoadEvent": {}})
CLUSTER: Final = "urn:pulumi:prod::inference::platform:index:Cluster$gcp:container/cluster:Cluster::cluster"
TODAY: Final = dt.date(2026, 11, 21)


def step(op: str, urn: str = CLUSTER, **more: Any) -> str:
    """An event of the plan."""
    metadata = {"op": op, "urn": urn, "type": urn.split("::")[2].rpartition("$")[2], **more}
    return json.dumps({"resourcePreEvent": {"metadata": metadata}})


@pytest.mark.parametrize(
    "token",
    [
        "gcp:container/cluster:Cluster",
        "gcp:container/nodePool:NodePool",
        "gcp:compute/address:Address",
        "gcp:storage/bucket:Bucket",
    ],
)
@pytest.mark.parametrize(("op", "how"), [("delete", "deleted"), ("replace", "replaced")])
def test_a_loss_is_called_out(token: str, op: str, how: str) -> None:
    """Incident class 'a changed network replaced the cluster': named with type, name and what is lost."""
    (problem,) = GATE.problems([LOADED, step(op, f"urn:pulumi:prod::inference::{token}::it")])
    assert problem.startswith(f"it would be {how}: ")
    assert problem.endswith(f"[{token} it]")


@pytest.mark.parametrize("op", ["create", "update", "same", "create-replacement", "delete-replaced", "refresh", "read"])
def test_a_replacement_is_called_out_once(op: str) -> None:
    """The two other steps of a replacement, and steps that lose nothing, add nothing."""
    assert GATE.problems([LOADED, step(op)]) == []


def test_the_cause_of_a_replacement_is_named() -> None:
    """Whoever reads the annotation sees which property to put back."""
    (problem,) = GATE.problems([LOADED, step("replace", keys=["location"])])
    assert "replaced because of location: every node" in problem


def test_other_resources_come_and_go() -> None:
    """A route or a policy is cheap to make again."""
    urn = "urn:pulumi:prod::inference::kubernetes:gateway.networking.k8s.io/v1:HTTPRoute::route"
    assert GATE.problems([LOADED, step("delete", urn), step("replace", urn)]) == []


def test_a_planned_loss_passes() -> None:
    """Agreed by glob, and only what the glob names."""
    assert GATE.problems([LOADED, step("replace")], ["*::cluster"]) == []
    assert GATE.problems([LOADED, step("replace")], ["*::other"]) != []


def entry(**changes: str) -> dict[str, str]:
    """A planned loss."""
    return {"stack": "prod", "urn": "*::cluster", "reason": "Moves.", "owner": "us", "expires": "2026-11-21", **changes}


def test_a_plan_ends_on_its_day_and_holds_for_one_stack() -> None:
    """Like every exemption here, it has a last day."""
    entries = [entry(), entry(stack="dev", urn="*::a"), entry(expires="2026-11-20", urn="*::b")]
    assert GATE.planned_losses("prod", json.dumps(entries), TODAY) == ["*::cluster"]


@pytest.mark.parametrize("name", ["stack", "urn", "reason", "owner", "expires"])
def test_a_plan_without_a_reason_is_refused(name: str) -> None:
    """For what, why, by whom, until when."""
    with pytest.raises(ValueError, match=name):
        GATE.planned_losses("prod", json.dumps([entry(**{name: ""})]), TODAY)


def test_violations_and_policies_that_did_not_run_are_problems() -> None:
    """Advice is none; a preview that loaded no pack is."""
    violation = {"policyName": "p", "message": "[x] wrong", "enforcementLevel": "mandatory", "resourceUrn": CLUSTER}
    given_up = {"policyName": "q", "message": "can't run policy 'q' during preview", "enforcementLevel": "advisory"}
    advice = {"policyName": "r", "message": "[y] better", "enforcementLevel": "advisory"}
    lines = [LOADED, "downloading …", "[]", *(json.dumps({"policyEvent": e}) for e in (violation, given_up, advice))]
    found = GATE.problems(lines)
    assert found[0] == "p: [x] wrong [gcp:container/cluster:Cluster cluster]"
    assert len(found) == 2
    assert GATE.problems([]) == ["no policy pack was loaded, so nothing was checked"]
