"""`make status`: what others have written is shown as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox import daemon, status
from sandbox.kube.client import ApiError, Client

Object = dict[str, Any]
MESSAGE = "containers with unready status: [main] and [/bin/server]"


class Server:
    """A cluster with one pod that is not ready, one node, and one Gateway; or one that refuses."""

    def __init__(self, refusal: ApiError | None) -> None:
        self._refusal = refusal

    def list(self, _version: str, kind: str) -> list[Object]:
        """The objects of a kind."""
        if self._refusal is not None:
            raise self._refusal
        ready = {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": MESSAGE}
        programmed = {"type": "Programmed", "status": "False", "reason": "Invalid", "message": "[red]GWCER102[/red]"}
        held: dict[str, Object] = {
            "Node": {"status": {"conditions": [ready]}},
            "Gateway": {"spec": {"gatewayClassName": "gke-l7-rilb"}, "status": {"conditions": [programmed]}},
            "Pod": {"status": {"phase": "Pending"}},
        }
        found = held.get(kind)
        return [] if found is None else [{"metadata": {"namespace": "llm", "name": "one"}, **found}]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sandbox with one cluster."""
    folder = tmp_path / "clusters" / "p_r_c"
    folder.mkdir(parents=True)
    (folder / "kubeconfig").touch()
    resource = {"type": "gcp:container/cluster:Cluster", "id": "projects/p/locations/r/clusters/[c]"}

    def ask(_home: Path, _path: str) -> Object:
        return {"resources": [resource]}

    monkeypatch.setattr(daemon, "ask", ask)
    return tmp_path


def shown(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], server: Server) -> str:
    """What is printed."""

    def connect(_kubeconfig: Path) -> Server:
        return server

    monkeypatch.setattr(Client, "from_kubeconfig", connect)
    assert status.show_status(home) == 0
    return capsys.readouterr().out


def test_brackets_of_messages_are_text(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The incident: `[main]` vanished from a condition as if it were markup, and `[/bin/server]` ended the command."""
    text = shown(home, monkeypatch, capsys, Server(None))
    assert f"not Ready: ContainersNotReady {MESSAGE}" in text
    assert "not Programmed: Invalid [red]GWCER102[/red]" in text
    assert "projects/p/locations/r/clusters/[c]" in text


def test_brackets_of_errors_are_text(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An API server that does not answer is the moment at which the command is needed."""
    text = shown(home, monkeypatch, capsys, Server(ApiError(500, "InternalError", "etcd [/registry] is gone")))
    assert "the API server does not answer: etcd [/registry] is gone" in text
