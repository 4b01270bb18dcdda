"""Continuing after an update that was cut off: which ids are looked up, what goes into the state, what the engine reads."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from operations import recover

URN = "urn:pulumi:dev::p::gcp:compute/network:Network::network"


ID = "projects/acme/global/networks/n"


RELEASE_URN = "urn:pulumi:dev::p::kubernetes:helm.sh/v3:Release::lws"


PROVIDER_URN = "urn:pulumi:dev::p::pulumi:providers:gcp::google"


PROVIDER = {"urn": PROVIDER_URN, "type": "pulumi:providers:gcp", "id": "1", "inputs": {"project": "acme"}}


STACK = ["--stack", "dev"]


OPTIONS = [*STACK, "--config-file", "c.yaml"]


def resource(urn: str = URN, **fields: Any) -> dict[str, Any]:
    """A resource as `pulumi stack export` prints it."""
    inputs = {"name": "n"} if urn == URN else {"name": "lws", "namespace": "lws-system"}
    return {"urn": urn, "custom": True, "type": urn.split("::")[2], "inputs": inputs, **fields}


def export(*resources: Any, pending: Sequence[tuple[str, Any]] = ()) -> dict[str, Any]:
    """A state with the provider, `resources`, and operations (type, resource) that were cut off."""
    operations = [{"type": kind, "resource": about} for kind, about in pending]
    return {"version": 3, "deployment": {"resources": [PROVIDER, *resources], "pending_operations": operations}}


@dataclass
class FakePulumi:
    """A stand-in for the engine: keeps a state, prints a preview, notes how it was called."""

    folder: Path

    @property
    def command(self) -> list[str]:
        """What `recover` is given."""
        return [str(self.folder / "pulumi"), *OPTIONS]

    def calls(self) -> list[list[str]]:
        """The command lines so far."""
        return [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]

    def resources(self) -> list[dict[str, Any]]:
        """The resources of the state, without the provider."""
        deployment = json.loads((self.folder / "state").read_text())["deployment"]
        assert not deployment["pending_operations"]
        assert deployment["resources"][0] == PROVIDER
        return deployment["resources"][1:]


Make = Callable[..., FakePulumi]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes the stand-in; `fails` are the commands that end with 3."""

    def make(state: Any, *, creates: Sequence[Any] = (), fails: Sequence[str] = (), op: str = "create") -> FakePulumi:
        steps = [{"op": op, "newState": planned} for planned in creates]
        (tmp_path / "state").write_text(json.dumps(state))
        (tmp_path / "preview").write_text("warning: old\n" + json.dumps({"steps": steps}))
        (tmp_path / "pulumi").write_text(
            f"#!{sys.executable}\n"
            "import json, pathlib, sys\n"
            f"here = pathlib.Path({str(tmp_path)!r})\n"
            "with (here / 'calls').open('a') as calls:\n"
            "    calls.write(json.dumps(sys.argv[1:]) + chr(10))\n"
            "what = sys.argv[2] if sys.argv[1] == 'stack' else sys.argv[1]\n"
            f"if what in {list(fails)!r}:\n"
            "    sys.stderr.write('error: incorrect passphrase')\n"
            "    sys.exit(3)\n"
            "if what == 'import':\n"
            "    (here / 'state').write_text(sys.stdin.read())\n"
            "elif what in ('export', 'preview'):\n"
            "    sys.stdout.write((here / {'export': 'state'}.get(what, what)).read_text())\n"
        )
        (tmp_path / "pulumi").chmod(0o755)
        return FakePulumi(tmp_path)

    return make


def refresh(*urns: str) -> list[str]:
    """The one way in which the engine is told to read."""
    targets = [part for urn in urns for part in ("--target", urn)]
    return ["refresh", "--yes", "--skip-preview", "--non-interactive", *targets, *OPTIONS]


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


def planned(**fields: Any) -> dict[str, Any]:
    """A resource as a preview shows it before it is made."""
    return resource(**{"provider": f"{PROVIDER_URN}::1", "parent": PROVIDER_URN, **fields})


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


def test_what_may_have_been_made_twice_is_named(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    """Google Cloud draws the ids of alert policies: a lost one is found by people alone, who have to be told."""
    urn = "urn:pulumi:dev::p::gcp:monitoring/alertPolicy:AlertPolicy::slow-first-token"
    policy = planned(urn=urn, type="gcp:monitoring/alertPolicy:AlertPolicy", inputs={"displayName": "Slow"})
    pulumi = make(export(), creates=[policy, planned()])
    assert recover.recover(pulumi.command, adopt=True) == 0
    assert [known["urn"] for known in pulumi.resources()] == [URN]
    assert "the ids of slow-first-token are drawn by Google Cloud and cannot be told" in capfd.readouterr().err


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
