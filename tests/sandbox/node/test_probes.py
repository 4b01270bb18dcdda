"""What a kubelet concludes from probes, on a clock of the test's own."""

from __future__ import annotations

import pytest

from sandbox.clock import SPEED
from sandbox.node.probes import Probe, ProbeKind, ProbeStates, probes_of

STARTUP, READINESS, LIVENESS = ProbeKind.STARTUP, ProbeKind.READINESS, ProbeKind.LIVENESS


def probe(kind: ProbeKind, **numbers: float) -> Probe:
    """A probe every 10 s."""
    values = {"period": 10.0, "timeout": 1.0, **numbers}
    return Probe(kind=kind, action="httpGet", handler={"port": 80}, **values)  # pyright: ignore[reportArgumentType]


def feed(states: ProbeStates, kind: ProbeKind, *results: bool) -> None:
    """Sends results at the times they are due."""
    for success in results:
        due = states.due(kind)
        assert due is not None, f"{kind} is not probed any more"
        states.record(kind, success=success, now=due)


def test_without_probes_a_container_is_ready_at_once() -> None:
    """The trap of a Deployment without readinessProbe: it gets requests before it can answer."""
    states = ProbeStates([], 0.0)
    assert (states.started, states.ready, states.given_up) == (True, True, None)
    assert [states.due(kind) for kind in ProbeKind] == [None, None, None]


def test_initial_delay_and_period_set_the_pace() -> None:
    """Delay counts from the start of the container, the period from probe to probe."""
    states = ProbeStates([probe(READINESS, initial_delay=30.0)], 100.0)
    assert states.due(READINESS) == 130.0
    feed(states, READINESS, False)
    assert states.due(READINESS) == 140.0


def test_a_slow_probe_is_followed_at_once_and_does_not_pile_up() -> None:
    """A kubelet has one worker per probe: missed times are not made up for."""
    states = ProbeStates([probe(READINESS)], 0.0)
    states.record(READINESS, success=False, now=35.0)
    assert states.due(READINESS) == 35.0


def test_readiness_needs_its_successes_and_survives_single_failures() -> None:
    """Both thresholds count results in a row."""
    states = ProbeStates([probe(READINESS, success_threshold=2, failure_threshold=3)], 0.0)
    feed(states, READINESS, True, False, True)
    assert not states.ready
    feed(states, READINESS, True)
    assert states.ready
    feed(states, READINESS, False, False, True, False, False)
    assert states.ready
    feed(states, READINESS, False)
    assert not states.ready
    assert states.given_up is None


def test_startup_holds_the_other_probes_back() -> None:
    """A model loads for minutes: liveness must not count then."""
    every = [probe(STARTUP, failure_threshold=30), probe(READINESS), probe(LIVENESS, failure_threshold=1)]
    states = ProbeStates(every, 0.0)
    feed(states, STARTUP, *[False] * 29)
    assert states.due(READINESS) is None
    assert states.due(LIVENESS) is None
    assert not states.started
    feed(states, STARTUP, True)
    assert states.started
    assert states.due(STARTUP) is None
    assert states.due(READINESS) == states.due(LIVENESS) == 290.0
    assert not states.ready
    feed(states, READINESS, True)
    assert states.ready


def test_startup_budget_spent_restarts_the_container() -> None:
    """A start-up budget below the loading time of the model is an endless restart."""
    states = ProbeStates([probe(STARTUP, failure_threshold=3), probe(READINESS)], 0.0)
    feed(states, STARTUP, False, False)
    assert states.given_up is None
    feed(states, STARTUP, False)
    assert states.given_up is not None
    assert states.given_up.kind is STARTUP
    assert states.due(STARTUP) is None


def test_liveness_passes_until_it_fails_often_enough() -> None:
    """Alive until proven dead; readiness alone never restarts anything."""
    states = ProbeStates([probe(LIVENESS, failure_threshold=2)], 0.0)
    assert states.ready
    feed(states, LIVENESS, False, True, False)
    assert states.given_up is None
    feed(states, LIVENESS, False)
    assert states.given_up is not None
    assert states.given_up.kind is LIVENESS


def test_a_deleted_pod_is_probed_for_readiness_only() -> None:
    """While it drains it may lose its readiness, but is not restarted."""
    states = ProbeStates([probe(LIVENESS, failure_threshold=1), probe(READINESS, failure_threshold=1)], 0.0)
    feed(states, READINESS, True)
    states.terminate()
    assert states.due(LIVENESS) is None
    states.record(LIVENESS, success=False, now=10.0)  # one that was under way
    assert states.given_up is None
    feed(states, READINESS, False)
    assert not states.ready


def test_numbers_of_the_spec_are_scaled_and_have_the_apis_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Periods and delays run at the sandbox's speed; a request keeps a timeout that a busy machine can meet."""
    monkeypatch.setenv(SPEED, "10")
    container = {
        "readinessProbe": {"httpGet": {"port": 8000}},
        "livenessProbe": {
            "tcpSocket": {"port": "http"},
            "initialDelaySeconds": 60,
            "periodSeconds": 30,
            "timeoutSeconds": 50,
            "failureThreshold": 7,
            "terminationGracePeriodSeconds": 5,
        },
    }
    readiness, liveness = probes_of(container)
    assert (readiness.kind, readiness.action, readiness.initial_delay, readiness.period) == (READINESS, "httpGet", 0, 1)
    assert (readiness.timeout, readiness.success_threshold, readiness.failure_threshold) == (2, 1, 3)
    assert (liveness.kind, liveness.action, liveness.handler) == (LIVENESS, "tcpSocket", {"port": "http"})
    assert (liveness.initial_delay, liveness.period, liveness.timeout, liveness.failure_threshold) == (6, 3, 5, 7)
    assert liveness.grace_seconds == 5


def test_long_lived_probes_do_not_spend_the_machine_at_a_high_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most four a second for each pod; a startup probe keeps its pace, because it is the budget of a start-up."""
    monkeypatch.setenv(SPEED, "1000")
    spec = {"httpGet": {"port": 8000}, "periodSeconds": 10, "failureThreshold": 3}
    found = probes_of({f"{kind}Probe": spec for kind in ("startup", "readiness", "liveness")})
    assert [probe.period for probe in found] == [0.05, 0.25, 0.25]
    assert {probe.failure_threshold for probe in found} == {3}
