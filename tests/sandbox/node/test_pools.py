"""A wait for Nodes ends when the cluster does."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest

from sandbox.kube.client import Client
from sandbox.node import nodes
from sandbox.node.pools import NodePools, PoolError

Object = dict[str, Any]


class Api:
    """Has one Node that never goes away; `asked` says that its deletion was asked for."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def list(self, *_place: str) -> list[Object]:
        """The Node."""
        return self.items()

    def items(self) -> list[Object]:
        """The same, as the copy of an informer."""
        return [{"metadata": {"name": "node-1", "labels": {nodes.POOL_LABEL: "tpu"}}, "spec": {}}]

    def delete(self, _version: str, kind: str, *_place: str) -> None:
        """Nothing happens."""
        if kind == "Lease":
            self.asked.set()

    def stop(self) -> None:
        """As an informer."""


@pytest.mark.parametrize("first", [True, False], ids=["before-the-wait", "while-it-waits"])
def test_interrupted_wait_fails_at_once(first: bool) -> None:
    """`make down` met a pool that waited for its Nodes: a minute later it was killed, and left everything behind."""
    api, failures = Api(), list[str]()
    pools = NodePools(cast("Client", api), project="p", cluster="c", on_change=lambda: None)
    setattr(pools, "_informer", api)  # noqa: B010 - the alternative is a real API server

    def delete() -> None:
        try:
            pools.delete("tpu")
        except PoolError as error:
            failures.append(str(error))

    if first:
        pools.interrupt()
    waiting = threading.Thread(target=delete, daemon=True)
    waiting.start()
    assert api.asked.wait(20)
    if not first:
        pools.interrupt()
    waiting.join(20)
    assert failures == ["node pool tpu: its nodes have not gone away: the cluster was stopped meanwhile"]
