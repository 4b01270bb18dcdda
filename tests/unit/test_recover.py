"""Continuing after an update that was cut off: which ids are looked up, and what the engine is told."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from operations import recover

FakePulumi = Callable[..., tuple[list[str], Path]]


@pytest.mark.parametrize(
    ("kind", "inputs", "identifier"),
    [
        ("gcp:projects/service:Service", {"service": "compute.googleapis.com"}, "acme/compute.googleapis.com"),
        ("gcp:compute/network:Network", {"name": "n"}, "projects/acme/global/networks/n"),
        (
            "gcp:compute/subnetwork:Subnetwork",
            {"name": "n", "region": "us-east5"},
            "projects/acme/regions/us-east5/subnetworks/n",
        ),
        ("gcp:compute/router:Router", {"name": "n", "region": "us-east5"}, "projects/acme/regions/us-east5/routers/n"),
        ("gcp:compute/routerNat:RouterNat", {"name": "n", "region": "us-east5", "router": "r"}, "acme/us-east5/r/n"),
        ("gcp:compute/firewall:Firewall", {"name": "n"}, "projects/acme/global/firewalls/n"),
        (
            "gcp:compute/address:Address",
            {"name": "n", "region": "us-east5"},
            "projects/acme/regions/us-east5/addresses/n",
        ),
        (
            "gcp:serviceaccount/account:Account",
            {"accountId": "nodes"},
            "projects/acme/serviceAccounts/nodes@acme.iam.gserviceaccount.com",
        ),
        (
            "gcp:projects/iAMMember:IAMMember",
            {"role": "roles/viewer", "member": "serviceAccount:nodes@acme.iam.gserviceaccount.com"},
            "acme roles/viewer serviceAccount:nodes@acme.iam.gserviceaccount.com",
        ),
        (
            "gcp:container/cluster:Cluster",
            {"name": "c", "location": "us-east5-b"},
            "projects/acme/locations/us-east5-b/clusters/c",
        ),
        (
            "gcp:container/nodePool:NodePool",
            {"name": "p", "cluster": "projects/acme/locations/us-east5/clusters/c"},
            "projects/acme/locations/us-east5/clusters/c/nodePools/p",
        ),
        ("kubernetes:helm.sh/v3:Release", {"name": "lws", "namespace": "lws-system"}, "lws-system/lws"),
        ("kubernetes:v1:Namespace", {"metadata": {"name": "inference"}}, "inference"),
        (
            "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute",
            {"metadata": {"name": "qwen", "namespace": "inference"}},
            "inference/qwen",
        ),
    ],
)
def test_id(kind: str, inputs: Mapping[str, Any], identifier: str) -> None:
    """The import format of each type; a wrong one makes a refresh forget a cluster that exists."""
    assert recover.provider_id(kind, inputs, "acme") == identifier


def test_own_project_goes_before_the_providers() -> None:
    """A resource may be in another project than its provider names."""
    identifier = recover.provider_id("gcp:compute/network:Network", {"name": "n", "project": "other"}, "acme")
    assert identifier == "projects/other/global/networks/n"


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("gcp:compute/network:Network", {"name": "n"}),
        ("gcp:compute/router:Router", {"project": "acme", "name": "n"}),
        ("gcp:storage/bucket:Bucket", {"project": "acme", "name": "n"}),
        ("kubernetes:v1:Namespace", {"metadata": {"generateName": "n-"}}),
        ("kubernetes:v1:Namespace", {}),
        ("kubernetes:helm.sh/v3:Release", {"name": "lws"}),
        ("random:index/randomId:RandomId", {}),
    ],
)
def test_id_that_cannot_be_told(kind: str, inputs: Mapping[str, Any]) -> None:
    """Without the parts of an id there is none; half an id would find something else."""
    assert recover.provider_id(kind, inputs, None) is None


def test_every_known_type_has_a_case() -> None:
    """A type that is added to the table is added to the tests above."""
    marker = next(mark for mark in test_id.pytestmark if mark.name == "parametrize")  # type: ignore[attr-defined]
    assert set(recover.IDS) <= {case[0] for case in marker.args[1]}


URN = "urn:pulumi:dev::p::gcp:compute/network:Network::network"
RELEASE_URN = "urn:pulumi:dev::p::kubernetes:helm.sh/v3:Release::lws"
PROVIDER = {"type": "pulumi:providers:gcp", "inputs": {"project": "acme"}}


def operation(urn: str, inputs: Mapping[str, Any], kind: str = "creating") -> dict[str, Any]:
    """A pending operation as `pulumi stack export` prints it."""
    return {"type": kind, "resource": {"urn": urn, "type": urn.split("::")[2], "inputs": inputs}}


def test_only_creates_are_taken_up() -> None:
    """A deletion or update that was cut off is simply done again by the engine."""
    pending = [
        operation(URN, {"name": "n"}),
        operation(RELEASE_URN, {}, "deleting"),
        operation(RELEASE_URN, {}, "updating"),
    ]
    export = {"deployment": {"pending_operations": pending}}
    assert recover.pending_creates(export) == [(URN, "gcp:compute/network:Network", {"name": "n"})]


@pytest.mark.parametrize("export", [{}, {"deployment": None}, {"deployment": {}}, {"deployment": {"resources": None}}])
def test_stack_without_state(export: Mapping[str, Any]) -> None:
    """A stack that was never applied has nothing to recover."""
    assert recover.pending_creates(export) == []
    assert recover.google_project(export) is None


@pytest.fixture
def pulumi(tmp_path: Path) -> FakePulumi:
    """A stand-in for the engine: prints an export, notes how it was called, ends with a given code."""

    def make(export: Any, *, export_code: int = 0, refresh_code: int = 0) -> tuple[list[str], Path]:
        calls = tmp_path / "calls"
        (tmp_path / "export.json").write_text(json.dumps(export))
        script = tmp_path / "pulumi"
        script.write_text(
            f"#!{sys.executable}\n"
            "import json, pathlib, sys\n"
            f"here = pathlib.Path({str(tmp_path)!r})\n"
            "with (here / 'calls').open('a') as calls:\n"
            "    calls.write(json.dumps(sys.argv[1:]) + chr(10))\n"
            "if sys.argv[1:3] == ['stack', 'export']:\n"
            "    sys.stderr.write('error: incorrect passphrase' if "
            f"{export_code} else '')\n"
            "    sys.stdout.write((here / 'export.json').read_text())\n"
            f"    sys.exit({export_code})\n"
            f"sys.exit({refresh_code})\n"
        )
        script.chmod(0o755)
        return [str(script), "--stack", "dev", "--config-file", "c.yaml"], calls

    return make


def called(calls: Path) -> list[list[str]]:
    """The command lines of the stand-in."""
    return [json.loads(line) for line in calls.read_text().splitlines()]


def test_nothing_to_recover(pulumi: FakePulumi) -> None:
    """A stack that was not cut off is not refreshed: that would cost every run a minute."""
    command, calls = pulumi({"deployment": {"resources": [PROVIDER]}})
    assert recover.recover(command) == 0
    assert called(calls) == [["stack", "export", "--stack", "dev"]]


def test_ids_are_handed_over_in_pairs(pulumi: FakePulumi, capfd: pytest.CaptureFixture[str]) -> None:
    """The engine wants URN and id as values of their own: joined by a comma it refused them as an odd number."""
    pending = [operation(URN, {"name": "n"}), operation(RELEASE_URN, {"name": "lws", "namespace": "lws-system"})]
    command, calls = pulumi({"deployment": {"resources": [PROVIDER], "pending_operations": pending}})
    assert recover.recover(command, dict(os.environ), folder=calls.parent) == 0
    _, refresh = called(calls)
    flag = "--import-pending-creates"
    pairs = [flag, URN, flag, "projects/acme/global/networks/n", flag, RELEASE_URN, flag, "lws-system/lws"]
    assert refresh == ["refresh", "--yes", "--skip-preview", *pairs, "--stack", "dev", "--config-file", "c.yaml"]
    assert capfd.readouterr().err.splitlines() == [
        "an earlier update was cut off while it created network (gcp:compute/network:Network)",
        "an earlier update was cut off while it created lws (kubernetes:helm.sh/v3:Release)",
    ]


def test_what_has_no_id_is_forgotten(pulumi: FakePulumi) -> None:
    """The rest is cleared without a question: a prompt would stop a run that nobody watches."""
    pending = [operation("urn:pulumi:dev::p::x:y:Z::z", {}), operation(URN, {"name": "n"})]
    command, calls = pulumi({"deployment": {"resources": [PROVIDER], "pending_operations": pending}})
    assert recover.recover(command) == 0
    refresh = called(calls)[1]
    assert refresh.count("--clear-pending-creates") == 1
    assert "--non-interactive" in refresh
    assert refresh.count("--import-pending-creates") == 2


def test_failure_of_the_refresh_is_passed_on(pulumi: FakePulumi) -> None:
    """An update must not go on when what exists could not be found out."""
    pending = [operation(URN, {"name": "n"})]
    command, _ = pulumi({"deployment": {"resources": [PROVIDER], "pending_operations": pending}}, refresh_code=3)
    assert recover.recover(command) == 3


def test_failure_of_the_export_is_shown(pulumi: FakePulumi, capfd: pytest.CaptureFixture[str]) -> None:
    """The engine's own words, its exit code, and no refresh."""
    command, calls = pulumi({}, export_code=2)
    assert recover.recover(command) == 2
    assert capfd.readouterr().err == "error: incorrect passphrase"
    assert len(called(calls)) == 1
