"""Ports of API servers: one each, also for sandboxes that start at the same moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar, Self

import pytest

from sandbox.cluster import ports, proc
from sandbox.cluster.errors import ClusterError


def _free(_port: int) -> bool:
    return True


def _busy(_port: int) -> bool:
    return False


def _one(port: int) -> bool:
    return port == 16800


def test_sandboxes_that_start_together_do_not_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Incident: two `make up` in two checkouts took the same free port, and the second API server ended at its start."""
    monkeypatch.setattr(proc, "is_free", _free)
    homes = [Path(f"/home/somebody/checkout-{number}/.sandbox/clusters") for number in range(5)]
    assert len({ports.choose(home) for home in homes}) == len(homes)


def test_clusters_of_one_sandbox_get_ports_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is taken, also while the first cluster is stopped and its port is free."""
    monkeypatch.setattr(proc, "is_free", _free)
    first = ports.choose(tmp_path)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "cluster.json").write_text(json.dumps({"port": first}))
    assert ports.choose(tmp_path) != first


def test_a_busy_port_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All ports but one are somebody else's: that one is found, wherever the search begins; then it is an error."""
    monkeypatch.setattr(proc, "is_free", _one)
    assert ports.choose(tmp_path) == 16800
    monkeypatch.setattr(proc, "is_free", _busy)
    with pytest.raises(
        ClusterError, match="every port from 16443 to 16999 is in use or belongs to another simulated cluster"
    ):
        ports.choose(tmp_path)


class Listener:
    """A socket to which the kernel gives the next of the prepared ports."""

    prepared: ClassVar[list[int]] = []

    def __enter__(self) -> Self:
        """As a socket."""
        return self

    def __exit__(self, *_: object) -> None:
        """As a socket."""

    def bind(self, _address: tuple[str, int]) -> None:
        """Takes it."""
        self.port = self.prepared.pop(0)

    def getsockname(self) -> tuple[str, int]:
        """Where it is."""
        return "127.0.0.1", self.port


def test_port_that_was_just_given_out_is_not_given_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is free until the program that gets it has started; a second program would be served by the first, or end."""
    Listener.prepared = [1001, 1002, 1001, 1002, 1003]
    monkeypatch.setattr(proc.socket, "socket", Listener)
    assert proc.free_ports(2) == [1001, 1002]
    assert proc.free_ports(1) == [1003]
