"""`make status`: what others have written is shown as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox import daemon, status
from sandbox.kube.client import ApiError, Client

Object = dict[str, Any]
CRASHES = {"ready": False, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
MESSAGE = "containers with unready status: [main] and [/bin/server]"


class Server:
    """A cluster with one pod that crash-loops, one node, and one Gateway; or one that refuses, for ever or so often."""

    def __init__(self, refusal: ApiError | None, times: int = 1000) -> None:
        self._refusal = refusal
        self._times = times

    def list(self, _version: str, kind: str) -> list[Object]:
        """The objects of a kind."""
        self._times -= 1
        if self._refusal is not None and self._times >= 0:
            raise self._refusal
        ready = {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": MESSAGE}
        programmed = {"type": "Programmed", "status": "False", "reason": "Invalid", "message": "[red]GWCER102[/red]"}
        held: dict[str, Object] = {
            "Node": {"status": {"conditions": [ready]}},
            "Gateway": {"spec": {"gatewayClassName": "gke-l7-rilb"}, "status": {"conditions": [programmed]}},
            "Pod": {"spec": {"containers": [{}]}, "status": {"phase": "Running", "containerStatuses": [CRASHES]}},
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


def test_a_pod_is_shown_as_kubectl_shows_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The incident: a server that crash-looped was shown as `Running`."""
    assert "llm/one  0/1 CrashLoopBackOff, 3 restarts" in shown(home, monkeypatch, capsys, Server(None))


@pytest.mark.parametrize("status_code", [429, 500])
def test_an_api_server_that_still_fills_its_caches_is_asked_again(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status_code: int
) -> None:
    """The incident: right after `make up` the pods were missing, with "storage is (re)initializing" in their place."""
    monkeypatch.setattr(status, "PAUSE", 0.0)
    text = shown(home, monkeypatch, capsys, Server(ApiError(status_code, "", "storage is (re)initializing"), times=3))
    assert "does not answer" not in text
    assert "Pod (1)" in text


def test_an_api_server_that_never_answers_is_given_up(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command ends all the same, with what was said last."""
    monkeypatch.setattr(status, "PAUSE", 0.0)
    text = shown(home, monkeypatch, capsys, Server(ApiError(503, "", "overloaded")))
    assert "the API server does not answer: overloaded" in text
