"""Where a connection of the API server to a Service ends."""

from __future__ import annotations

import pytest

from sandbox.node.services import resolve
from tests.sandbox.node.fakes import Object

SERVICE: Object = {
    "metadata": {"name": "webhook", "namespace": "n"},
    "spec": {
        "clusterIP": "10.0.0.7",
        "clusterIPs": ["10.0.0.7"],
        "selector": {"app": "x"},
        "ports": [{"port": 443, "targetPort": "webhook-server"}, {"port": 80, "targetPort": 8080}],
    },
}


def backend(name: str, *, ready: bool = True, namespace: str = "n", leaving: bool = False) -> Object:
    """A pod the Service selects."""
    metadata: Object = {"name": name, "namespace": namespace, "uid": name, "labels": {"app": "x"}}
    if leaving:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": "c", "ports": [{"name": "webhook-server", "containerPort": 9443}]}]},
        "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


def local_port(uid: str, container_port: int) -> int | None:
    """Pod `real` is a local process with two ports."""
    return {("real", 9443): 40001, ("real", 8080): 40002}.get((uid, container_port))


def found(pods: list[Object], address: str = "10.0.0.7", port: int = 443) -> tuple[str, int] | None:
    """`resolve` over the one Service."""
    return resolve([SERVICE], pods, local_port, address, port)


def test_named_and_numbered_target_ports() -> None:
    """Webhook Services name their target port, others number it."""
    assert found([backend("real")]) == ("127.0.0.1", 40001)
    assert found([backend("real")], port=80) == ("127.0.0.1", 40002)


def test_simulated_pods_are_passed_over() -> None:
    """A Service with a simulated and a real pod goes to the real one."""
    assert found([backend("simulated"), backend("real")]) == ("127.0.0.1", 40001)


@pytest.mark.parametrize(
    "pods",
    [
        [],
        [backend("simulated")],
        [backend("real", ready=False)],
        [backend("real", leaving=True)],
        [backend("real", namespace="elsewhere")],
    ],
    ids=["none", "simulated", "unready", "leaving", "other-namespace"],
)
def test_nothing_serves(pods: list[Object]) -> None:
    """A Service without a ready local process refuses connections, as one without endpoints does."""
    assert found(pods) is None


def test_unknown_address_or_port() -> None:
    """Addresses and ports no Service has lead nowhere."""
    assert found([backend("real")], address="10.0.0.8") is None
    assert found([backend("real")], port=8443) is None
