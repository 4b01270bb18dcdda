"""When an endpoint counts as healthy."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.balancer import certificate
from sandbox.balancer.probes import probe
from sandbox.balancer.specs import HealthCheck
from sandbox.cluster.proc import free_ports
from sandbox.serving.picker import health as picker_health
from tests.sandbox.balancer.servers import Behaviour, server
from tests.sandbox.balancer.stage import Stage, backend, endpoint, stage
from tests.sandbox.support import eventually


@pytest.fixture(autouse=True)
def _speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_SPEED", "20")


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[Stage]:
    """A load balancer that serves nothing yet."""
    with stage(tmp_path) as made:
        yield made


def probed(check: HealthCheck, port: int) -> str | None:
    """The verdict of one check."""
    return asyncio.run(probe(check, port, "10.0.0.1", 0.5))


@pytest.mark.parametrize("status", [200, 204, 301, 404, 503])
def test_only_200_is_healthy(status: int) -> None:
    """A redirect to a login page, or 204, is a failure for Google's probers."""
    with server(Behaviour("one", health=status)) as port:
        reason = probed(HealthCheck(type="HTTP", path="/health"), port)
    assert (reason is None) == (status == 200)
    assert reason is None or str(status) in reason


def test_expected_body() -> None:
    """`response` has to be the beginning of the answer."""
    with server(Behaviour("one")) as port:
        assert probed(HealthCheck(type="HTTP", path="/health", response="check"), port) is None
        assert probed(HealthCheck(type="HTTP", path="/health", response="ok"), port) is not None


def test_https_check_of_a_plain_server_fails() -> None:
    """The incident: appProtocol https in front of a server without TLS; and the other way round."""
    with server(Behaviour("one", root=200)) as port:
        assert "TLS failed" in (probed(HealthCheck(type="HTTPS"), port) or "")


def test_https_check_takes_any_certificate(tmp_path: Path) -> None:
    """The servers' certificates are self-signed, and Google does not verify them."""
    context: ssl.SSLContext = certificate.local(tmp_path, "server", ["x"])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def run() -> str | None:
        listening = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        port = listening.sockets[0].getsockname()[1]
        try:
            return await probe(HealthCheck(type="HTTPS"), port, "10.0.0.1", 2.0)
        finally:
            listening.close()
            await asyncio.sleep(0.05)

    assert asyncio.run(run()) is None


def test_tcp_and_nothing_there() -> None:
    """A connection is enough for TCP, and nothing less."""
    with server(Behaviour("one")) as port:
        assert probed(HealthCheck(type="TCP"), port) is None
    (closed,) = free_ports(1)
    assert probed(HealthCheck(type="TCP"), closed) == "connection refused"


def test_grpc_health_of_an_endpoint_picker() -> None:
    """GKE asks the picker on 9003; NOT_SERVING is unhealthy."""
    (port,) = free_ports(1)
    ready = {"now": True}
    serving: Any = picker_health.serve(port, lambda: ready["now"])
    try:
        assert asyncio.run(probe(HealthCheck(type="GRPC"), port, "", 5.0)) is None
        ready["now"] = False
        assert "status 2" in (asyncio.run(probe(HealthCheck(type="GRPC"), port, "", 5.0)) or "")
    finally:
        serving.stop(0).wait(2)
    assert "UNAVAILABLE" in (asyncio.run(probe(HealthCheck(type="GRPC"), port, "", 5.0)) or "")


def test_thresholds(balancer: Stage) -> None:
    """So many checks in a row, in both directions; one failure in between does nothing."""
    behaviour = Behaviour("one", health=503)
    spec = backend(check=HealthCheck(type="HTTP", path="/health", interval=1, timeout=1, healthy=3, unhealthy=2))
    with server(behaviour) as port:
        balancer.one(spec, endpoint("a", port), healthy=0)
        eventually(lambda: len(behaviour.checks) >= 3, "checked")
        (found,) = balancer.fleet.backends[spec.key].states()
        before = len(behaviour.checks)
        behaviour.health = 200
        eventually(lambda: found.healthy, "healthy")
        assert len(behaviour.checks) - before >= 3
        before = len(behaviour.checks)
        behaviour.health = 503
        eventually(lambda: not found.healthy, "unhealthy")
        assert len(behaviour.checks) - before >= 2


def test_check_changes_and_the_interval_passes_at_the_sandboxs_speed(balancer: Stage) -> None:
    """300 s at speed 20 are 15 s: too long to wait for, but a changed check begins at once."""
    behaviour = Behaviour("one")
    slow = backend(check=HealthCheck(type="HTTP", interval=300, timeout=5, healthy=1))
    fast = backend(check=HealthCheck(type="HTTP", path="/health", interval=300, timeout=5, healthy=1))
    with server(behaviour) as port:
        balancer.one(slow, endpoint("a", port), healthy=0)
        eventually(lambda: behaviour.checks == ["/"], "checked once")
        balancer.update({fast.key: (fast, [endpoint("a", port)])})
        eventually(lambda: behaviour.checks == ["/", "/health"], "checked anew")


def test_pod_made_anew_begins_unhealthy(balancer: Stage) -> None:
    """A pod under the same name and port is another endpoint: it has to pass its checks first."""
    spec = backend(check=HealthCheck(type="HTTP", path="/health", interval=1, timeout=1, healthy=1))
    with server(Behaviour("one")) as port, server(Behaviour("two", health=503)) as other:
        balancer.one(spec, endpoint("a", port))
        balancer.update({spec.key: (spec, [endpoint("a", other, uid="new")])})
        eventually(lambda: [s.healthy for s in balancer.fleet.backends[spec.key].states()] == [False], "unhealthy")
