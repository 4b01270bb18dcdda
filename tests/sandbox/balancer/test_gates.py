"""The readiness gate of load-balanced pods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rules.load_balancer import NEG_READINESS_GATE
from sandbox.balancer import gates
from sandbox.balancer.health import State
from sandbox.balancer.specs import BackendSpec
from tests.sandbox.balancer.stage import backend, endpoint

Object = dict[str, Any]
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def pod(*conditions: Object, gate: str = NEG_READINESS_GATE, age: float = 0, app: str = "web") -> Object:
    """The pod `llm/a`, `age` seconds old."""
    created = (NOW - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = {"namespace": "llm", "name": "a", "creationTimestamp": created, "labels": {"app": app}}
    return {
        "metadata": metadata,
        "spec": {"readinessGates": [{"conditionType": gate}]},
        "status": {"conditions": list(conditions)},
    }


@dataclass
class Group:
    """A backend with endpoints of the test's choosing."""

    spec: BackendSpec
    held: list[State]

    def states(self) -> list[State]:
        """The endpoints."""
        return self.held


def backends(*, healthy: bool) -> dict[str, Group]:
    """One backend whose endpoint `llm/a` is healthy or not."""
    spec = backend()
    return {spec.key: Group(spec, [State(endpoint("a", 1), healthy=healthy)])}


def verdict(obj: Object, held: dict[str, Group]) -> tuple[str, str]:
    """(status, reason) of the condition that is due."""
    wanted = gates.due(obj, held, NOW)
    assert wanted is not None
    return wanted["status"], wanted["reason"]


def test_waits_for_the_health_check() -> None:
    """False until a check passed, then True for ever."""
    assert verdict(pod(), backends(healthy=False)) == ("False", "LoadBalancerNegNotReady")
    assert verdict(pod(), backends(healthy=True)) == ("True", "LoadBalancerNegReady")
    opened = {"type": NEG_READINESS_GATE, "status": "True", "reason": "LoadBalancerNegReady"}
    assert not gates.waits(pod(opened))


def test_pod_of_no_group_is_ready() -> None:
    """A gate must not keep a pod that no load balancer knows from becoming Ready."""
    held = {"Service/llm/web:80": Group(backend(), [])}
    assert verdict(pod(app="other"), dict(held)) == ("True", "LoadBalancerNegReady")
    assert verdict(pod(), dict(held)) == ("False", "LoadBalancerNegNotReady"), "selected, and on its way into the group"


def test_gives_up_after_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes of GKE: one minute at speed 10. A wrong health check does not stop a rollout for ever."""
    monkeypatch.setenv("SANDBOX_SPEED", "10")
    assert verdict(pod(age=59), backends(healthy=False))[0] == "False"
    assert verdict(pod(age=61), backends(healthy=False)) == ("True", "LoadBalancerNegTimeout")


def test_only_pods_that_declare_it() -> None:
    """Other gates are other controllers'."""
    assert gates.waits(pod())
    assert not gates.waits(pod(gate="example.com/other"))


def test_nothing_is_written_twice() -> None:
    """An equal condition is left alone."""
    wanted = gates.due(pod(), backends(healthy=False), NOW)
    assert wanted is not None
    assert gates.due(pod(wanted), backends(healthy=False), NOW) is None
    assert gates.patch(wanted, NOW)["status"]["conditions"][0]["lastTransitionTime"] == "2026-01-01T12:00:00Z"
