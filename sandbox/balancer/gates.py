"""The pod condition `cloud.google.com/load-balancer-neg-ready`, for pods that declare it as a readiness gate.

Owns when it is True and how it is written, as GKE's NEG controller does: once the pod is healthy in one of its groups, when
it is in none, or when it has waited for ten minutes (at the sandbox's speed). Once True it is never taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from rules.load_balancer import (
    NEG_NOT_READY,
    NEG_READINESS_GATE,
    NEG_READY,
    NEG_TIMED_OUT,
    NEG_TIMEOUT_SECONDS,
)
from sandbox.balancer.health import State
from sandbox.balancer.specs import BackendSpec
from sandbox.clock import scaled
from sandbox.node.conditions import condition

Object = dict[str, Any]


class Group(Protocol):
    """What is asked of a backend."""

    spec: BackendSpec

    def states(self) -> list[State]:
        """Its endpoints."""
        ...


def waits(pod: Object) -> bool:
    """Whether the pod has the gate and it is not open yet."""
    gates = pod["spec"].get("readinessGates") or []
    if all(gate.get("conditionType") != NEG_READINESS_GATE for gate in gates) or pod["metadata"].get(
        "deletionTimestamp"
    ):
        return False
    return (_held(pod) or {}).get("status") != "True"


def due(pod: Object, backends: Mapping[str, Group], now: datetime) -> Object | None:
    """The condition to write, None when the pod has it already."""
    name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    groups = {key: [s for s in b.states() if s.endpoint.pod == name] for key, b in backends.items()}
    groups = {key: states for key, states in groups.items() if states}
    healthy = [key for key, states in groups.items() if any(state.healthy for state in states)]
    marking = f'Marking condition "{NEG_READINESS_GATE}" to True.'
    age = now - datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
    if healthy:
        text = f'Pod has become Healthy in NEG attached to BackendService "{healthy[0]}". {marking}'
        wanted = condition(NEG_READINESS_GATE, "True", NEG_READY, text)
    elif not groups and not _selected(pod, backends):
        wanted = condition(NEG_READINESS_GATE, "True", NEG_READY, f"Pod does not belong to any NEG. {marking}")
    elif age.total_seconds() > scaled(NEG_TIMEOUT_SECONDS):
        text = f"Timeout waiting for pod to become healthy in at least one of the NEG(s): {sorted(groups)}. {marking}"
        wanted = condition(NEG_READINESS_GATE, "True", NEG_TIMED_OUT, text)
    else:
        text = f"Waiting for pod to become healthy in at least one of the NEG(s): {sorted(groups)}"
        wanted = condition(NEG_READINESS_GATE, "False", NEG_NOT_READY, text)
    held = _held(pod) or {}
    return None if all(held.get(key) == value for key, value in wanted.items()) else wanted


def patch(wanted: Object, now: datetime) -> Object:
    """A strategic merge patch of the pod's status that touches no other condition."""
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"status": {"conditions": [{**wanted, "lastTransitionTime": stamp}]}}


def _held(pod: Object) -> Object | None:
    conditions: Iterable[Object] = (pod.get("status") or {}).get("conditions") or []
    return next((item for item in conditions if item["type"] == NEG_READINESS_GATE), None)


def _selected(pod: Object, backends: Mapping[str, Group]) -> bool:
    labels: Object = pod["metadata"].get("labels") or {}
    return any(
        backend.spec.namespace == pod["metadata"]["namespace"]
        and backend.spec.selector
        and all(labels.get(name) == value for name, value in backend.spec.selector.items())
        for backend in backends.values()
    )
