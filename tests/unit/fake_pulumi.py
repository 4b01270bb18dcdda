"""A stand-in for Pulumi's engine, for tests of what `operations.recover` has it do."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

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


def planned(**fields: Any) -> dict[str, Any]:
    """A resource as a preview shows it before it is made."""
    return resource(**{"provider": f"{PROVIDER_URN}::1", "parent": PROVIDER_URN, **fields})
