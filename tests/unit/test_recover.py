"""Continuing after an update that was cut off: which ids are looked up, what goes into the state, what the engine reads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from operations import recover
from tests.unit.fake_pulumi import (
    ID,
    OPTIONS,
    PROVIDER,
    PROVIDER_URN,
    RELEASE_URN,
    STACK,
    URN,
    Make,
    export,
    planned,
    refresh,
    resource,
)


@pytest.mark.parametrize("state", [{}, {"deployment": None}, {"deployment": {}}, {"deployment": {"resources": None}}])
def test_stack_without_state(make: Make, state: Any) -> None:
    """A stack that was never applied has nothing to recover, and no preview of it is needed to know that."""
    pulumi = make(state)
    assert recover.recover(pulumi.command, adopt=True) == 0
    assert pulumi.calls() == [["stack", "export", *STACK]]


def test_nothing_to_recover(make: Make) -> None:
    """A stack that was not cut off is not refreshed: that would cost every run a minute."""
    pulumi = make(export(resource(id=ID)))
    assert recover.recover(pulumi.command) == 0
    assert pulumi.calls() == [["stack", "export", *STACK]]


def test_what_was_being_created_is_taken_up_and_read(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    """It goes into the state as what it is, marked, and the engine reads exactly that."""
    pulumi = make(export(pending=[("creating", resource(dependencies=["d"])), ("creating", resource(RELEASE_URN))]))
    assert recover.recover(pulumi.command, dict(os.environ), folder=pulumi.folder) == 0
    assert pulumi.calls()[1:] == [["stack", "import", *STACK], refresh(URN, RELEASE_URN)]
    network, release = pulumi.resources()
    marked: dict[str, Any] = {"outputs": {"name": "n"}, "initErrors": [recover.MARK], "dependencies": ["d"]}
    assert network == resource(id=ID, **marked)
    assert release["id"] == "lws-system/lws"
    assert capfd.readouterr().err.splitlines() == [
        "an earlier update was cut off while creating network (gcp:compute/network:Network)",
        "an earlier update was cut off while creating lws (kubernetes:helm.sh/v3:Release)",
    ]


def test_what_was_being_changed_is_read(make: Make) -> None:
    """Whether an update or a deletion came to its end is not known either; what was fine is left alone."""
    pulumi = make(export(resource(id=ID), resource(RELEASE_URN, id="a/b"), pending=[("updating", resource(id=ID))]))
    assert recover.recover(pulumi.command) == 0
    assert pulumi.calls()[-1] == refresh(URN)
    assert [known.get("initErrors") for known in pulumi.resources()] == [[recover.MARK], None]


def test_recovery_that_was_cut_off(make: Make) -> None:
    """Nothing is pending any more, but a resource that was not read is known by its mark."""
    pulumi = make(export(resource(id=ID, initErrors=[recover.MARK]), resource(RELEASE_URN, id="a/b")))
    assert recover.recover(pulumi.command) == 0
    assert pulumi.calls()[1:] == [refresh(URN)]


@pytest.mark.parametrize(
    ("old", "expected"),
    [
        ({"id": "", "pendingReplacement": True}, [ID]),
        ({"id": "older"}, [ID, "older"]),
        ({"id": ID}, [ID]),
        ({"id": "older", "delete": True}, ["older", ID]),
    ],
)
def test_replacement_that_was_cut_off(make: Make, old: Mapping[str, Any], expected: Sequence[str]) -> None:
    """One resource of a URN is the current one; an older one that still exists is to be deleted."""
    pulumi = make(export(resource(**old), pending=[("creating", resource())]))
    assert recover.recover(pulumi.command) == 0
    found = pulumi.resources()
    assert [known["id"] for known in found] == expected
    assert [known["id"] for known in found if not known.get("delete")] == [ID]


def test_what_has_no_id_is_forgotten(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    """It is named, with what to do; a provider of the program exists nowhere and is simply made again."""
    unknown = {"urn": "urn:pulumi:dev::p::x:y:Z::z", "type": "x:y:Z", "custom": True}
    pulumi = make(export(pending=[("creating", unknown), ("creating", PROVIDER)]))
    assert recover.recover(pulumi.command) == 0
    assert pulumi.resources() == []
    assert pulumi.calls()[-1] == ["stack", "import", *STACK]
    said = capfd.readouterr().err
    assert "its id cannot be told. If z (x:y:Z) exists, import it: pulumi import" in said
    assert said.count("cannot be told") == 1


def test_adoption(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    """After a provider has died only the program knows what it may have made."""
    pulumi = make(export(), creates=[planned(inputs={"name": "n", "key": "[secret]", "list": [recover.UNKNOWN, 1]})])
    assert recover.recover(pulumi.command, adopt=True) == 0
    assert ["preview", "--json", "--non-interactive", *OPTIONS] in pulumi.calls()
    assert pulumi.calls()[-1] == refresh(URN)
    (network,) = pulumi.resources()
    assert (network["id"], network["inputs"]) == (ID, {"name": "n", "list": [1]})
    assert "the last update failed; looking up 1 resources that it may have made" in capfd.readouterr().err


def test_adoption_of_a_replacement(make: Make) -> None:
    """What was deleted in order to be made anew is still in the state, and a preview says "replace" of it."""
    gone = resource(id=ID, pendingReplacement=True)
    pulumi = make(export(gone), creates=[planned()], op="replace")
    assert recover.recover(pulumi.command, adopt=True) == 0
    assert pulumi.calls()[-1] == refresh(URN)
    assert [(known["id"], known.get("pendingReplacement"), known["initErrors"]) for known in pulumi.resources()] == [
        (ID, None, [recover.MARK])
    ]


def test_a_replacement_that_has_not_begun_is_left_alone(make: Make) -> None:
    """The old resource is there; taking its place in the state would forget it."""
    old = resource(id=ID)
    pulumi = make(export(old), creates=[planned()], op="replace")
    assert recover.recover(pulumi.command, adopt=True) == 0
    assert len(pulumi.calls()) == 2
    assert pulumi.resources() == [old]


def test_what_needs_a_replaced_resource_cannot_have_been_made(make: Make) -> None:
    """Its cluster is gone and was not seen to come back."""
    gone = resource(RELEASE_URN, id="lws-system/lws", pendingReplacement=True)
    pulumi = make(export(gone), creates=[planned(dependencies=[RELEASE_URN])])
    assert recover.recover(pulumi.command, adopt=True) == 0
    assert len(pulumi.calls()) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"provider": f"{PROVIDER_URN}::{recover.UNKNOWN}"},
        {"dependencies": [RELEASE_URN]},
        {"parent": RELEASE_URN},
        {"custom": False},
    ],
)
def test_what_cannot_have_been_made(make: Make, fields: Mapping[str, Any]) -> None:
    """Nothing is looked up whose provider, parent or dependencies are not there: it has never been asked for."""
    pulumi = make(export(), creates=[planned(**fields)])
    assert recover.recover(pulumi.command, adopt=True) == 0
    assert len(pulumi.calls()) == 2


def test_program_that_cannot_be_previewed(make: Make) -> None:
    """The update that follows says why, once; what was cut off is taken in all the same."""
    pulumi = make(export(pending=[("creating", resource())]), fails=["preview"])
    assert recover.recover(pulumi.command, adopt=True) == 0
    assert pulumi.calls()[-1] == refresh(URN)


@pytest.mark.parametrize("command", ["export", "import", "refresh"])
def test_failures_are_passed_on(make: Make, capfd: pytest.CaptureFixture[str], command: str) -> None:
    """An update must not go on when what exists could not be found out: the engine's own words and its exit code."""
    pulumi = make(export(pending=[("creating", resource())]), fails=[command])
    assert recover.recover(pulumi.command) == 3
    assert "error: incorrect passphrase" in capfd.readouterr().err
    assert command in pulumi.calls()[-1]


def test_without_an_engine_it_says_so(tmp_path: Path) -> None:
    """The command of the README, on a machine without the Pulumi CLI."""
    command = [sys.executable, "-m", "operations.recover", "--stack", "prod"]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        command, cwd=root, env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: there is no pulumi on PATH. Install the Pulumi CLI")
