"""What the pod loop does when the API server refuses a status."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, cast

import pytest

from sandbox.kube.client import ApiError, Client
from sandbox.node.pods import PodRunner

Object = dict[str, Any]

NODE: Object = {"metadata": {"name": "node-1"}, "spec": {"podCIDR": "10.64.0.0/24"}}
POD: Object = {
    "metadata": {"name": "p", "namespace": "n", "uid": "u-1"},
    "spec": {"nodeName": "node-1", "containers": [{"name": "main", "image": "example.com/app:1"}]},
}


class Pods:
    """The loop's copy of all pods."""

    synced = True

    def __init__(self, *pods: Object) -> None:
        self.pods = list(pods)

    def items(self) -> list[Object]:
        """All of them."""
        return self.pods


class Api:
    """Takes statuses, or refuses them with `refusal`."""

    def __init__(self, refusal: int | None) -> None:
        self.refusal = refusal
        self.written: list[Object] = []

    def request(self, method: str, path: str, *, body: Object, **_more: object) -> Object:
        """One PATCH of a status."""
        assert (method, path) == ("PATCH", "/api/v1/namespaces/n/pods/p/status")
        if self.refusal is not None:
            raise ApiError(self.refusal, "Reason", "refused")
        self.written.append(body)
        return {}


def runner(api: Api, tmp_path: Path, *pods: Object) -> PodRunner:
    """The loop, whose rounds the test makes."""
    tools = cast("Any", None)
    made = PodRunner(cast("Client", api), tools, tmp_path, tmp_path / "admin", node_objects=lambda: {"node-1": NODE})
    known = Pods(*pods)
    for name, value in {"_followed": known, "_informers": [known]}.items():
        setattr(made, name, value)
    return made


def test_refused_status_is_written_again_soon_and_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A pod that ran was reported half a minute late, because one write met an API server that was busy."""
    api = Api(500)
    loop = runner(api, tmp_path, POD)
    with caplog.at_level(logging.WARNING, "sandbox.node.pods"):
        assert [loop.reconcile(), loop.reconcile()] == [False, False], "not done: it looks again soon"
        assert [record.getMessage() for record in caplog.records] == [
            "pod n/p: its status could not be written: refused"
        ]
        api.refusal = None
        assert loop.reconcile()
        assert api.written[0]["status"]["phase"] == "Running"
        api.refusal = 422
        assert not loop.reconcile()
    assert len(caplog.records) == 2, "a refusal after a success is news"


@pytest.mark.parametrize("refusal", [404, 409])
def test_pod_that_is_gone_or_another_one_is_not_insisted_on(tmp_path: Path, refusal: int) -> None:
    """Its event comes by itself."""
    assert runner(Api(refusal), tmp_path, POD).reconcile()
