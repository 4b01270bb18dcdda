"""What a stack uses and nobody in the sandbox has made is named: a green run is no proof that a secret exists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox import assumptions, daemon
from sandbox.toolchain.progress import Progress

READER = "roles/secretmanager.secretAccessor/principal://iam.googleapis.com/projects/1/locations/global/x"
RESOURCES: list[dict[str, Any]] = [
    {"type": "secretmanager.iamMembers", "id": f"projects/p/secrets/hf-token/{READER}/ns/models"},
    {"type": "secretmanager.iamMembers", "id": f"projects/p/secrets/hf-token/{READER}/ns/second"},
    {"type": "secretmanager.iamMembers", "id": f"projects/p/secrets/of-another-stack/{READER}"},
    {"type": "cloudkms.iamMembers", "id": "projects/p/locations/l/keyRings/r/cryptoKeys/k/roles/a.b/user:c"},
    {"type": "artifactregistry.iamMembers", "id": "projects/p/locations/us/repositories/mirror/roles/a.b/user:c"},
    {"type": "container.clusters", "id": "projects/p/locations/l/clusters/c"},
]


def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], resources: list[dict[str, Any]]) -> str:
    """What is printed for a stack that has all but one of them."""

    def ask(_home: Path, _path: str) -> dict[str, Any]:
        return {"resources": resources}

    monkeypatch.setattr(daemon, "ask", ask)
    assumptions.tell(Path(), lambda resource_id: "another" not in resource_id, Progress())
    return capsys.readouterr().err


def test_each_is_named_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A secret with two readers is one secret; what another stack uses is that stack's to hear."""
    line = told(monkeypatch, capsys, RESOURCES)
    assert line == (
        "note: the sandbox takes for existing, and did not look for: Artifact Registry repository "
        "projects/p/locations/us/repositories/mirror, Cloud KMS key projects/p/locations/l/keyRings/r/cryptoKeys/k, Secret "
        "Manager secret projects/p/secrets/hf-token. Google Cloud refuses the update where one is missing.\n"
    )


def test_nothing_is_said_where_nothing_is_assumed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stack without secrets of its own hears nothing."""
    assert told(monkeypatch, capsys, RESOURCES[-1:]) == ""
