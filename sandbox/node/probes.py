"""When a kubelet probes a container, and what it concludes.

Owns: the numbers of startup, readiness and liveness probes and the state they lead to, as values of time that the caller
passes in. Does not own sending a request (`probe_requests`) nor waiting (`prober`). Defaults and gating: Kubernetes
documentation, "Configure Liveness, Readiness and Startup Probes", and pkg/kubelet/prober/worker.go of 1.34.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sandbox.clock import paced, scaled

Object = dict[str, Any]

_SHORTEST_PERIOD = 0.25
"""Seconds between two readiness or liveness probes, which go on for as long as a pod runs. Startup probes end by themselves,
and keep their pace: their number times their period is the budget that a start-up has to fit."""
_SHORTEST_TIMEOUT = 2.0
"""Seconds; at a high speed a busy machine would otherwise fail probes that a cluster would not."""


class ProbeKind(StrEnum):
    """The three probes of a container, by the name the kubelet's messages give them."""

    STARTUP = "startup"
    READINESS = "readiness"
    LIVENESS = "liveness"


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One probe: `handler` is the object under `httpGet`, `tcpSocket`, `grpc` or `exec`; times are real seconds."""

    kind: ProbeKind
    action: str
    handler: Object
    initial_delay: float = 0.0
    period: float
    timeout: float
    success_threshold: int = 1
    failure_threshold: int = 3
    grace_seconds: int | None = None
    """GKE's seconds between SIGTERM and SIGKILL after this probe has given up; None: the pod's."""


def probes_of(container: Object) -> list[Probe]:
    """The probes in the spec of `container`, with times scaled to the sandbox's."""
    found: list[Probe] = []
    for kind in ProbeKind:
        spec: Object | None = container.get(f"{kind}Probe")
        action = next((name for name in ("httpGet", "tcpSocket", "grpc", "exec") if name in (spec or {})), None)
        if spec is None or action is None:
            continue
        delay = spec.get("initialDelaySeconds", 0)
        found.append(
            Probe(
                kind=kind,
                action=action,
                handler=spec[action],
                initial_delay=scaled(delay) if delay else 0.0,
                period=paced(spec.get("periodSeconds", 10), 0.0 if kind is ProbeKind.STARTUP else _SHORTEST_PERIOD),
                timeout=max(scaled(spec.get("timeoutSeconds", 1)), _SHORTEST_TIMEOUT),
                success_threshold=spec.get("successThreshold", 1),
                failure_threshold=spec.get("failureThreshold", 3),
                grace_seconds=spec.get("terminationGracePeriodSeconds"),
            )
        )
    return found


@dataclass
class _Progress:
    probe: Probe
    passing: bool
    due: float
    last: bool | None = None
    run: int = 0


@dataclass
class ProbeStates:
    """What the probes say about one run of one container whose program has run since `began`.

    A container without a probe of a kind passes it. `given_up` is the probe for which the container must be restarted.
    """

    probes: Iterable[Probe]
    began: float
    given_up: Probe | None = None
    _by_kind: dict[ProbeKind, _Progress] = field(default_factory=dict[ProbeKind, _Progress])
    _terminating: bool = False

    def __post_init__(self) -> None:
        for probe in self.probes:
            passing = probe.kind is ProbeKind.LIVENESS
            self._by_kind[probe.kind] = _Progress(probe, passing=passing, due=self.began + probe.initial_delay)

    @property
    def started(self) -> bool:
        """Whether the startup probe has succeeded; the other probes wait for it."""
        return self._passes(ProbeKind.STARTUP)

    @property
    def ready(self) -> bool:
        """Whether the container may get requests."""
        return self.started and self._passes(ProbeKind.READINESS)

    def due(self, kind: ProbeKind) -> float | None:
        """When the next probe of `kind` is to be sent; None: not before something else happens."""
        progress = self._by_kind.get(kind)
        if progress is None or self.given_up is not None:
            return None
        if kind is ProbeKind.STARTUP:
            return None if progress.passing or self._terminating else progress.due
        if not self.started or (self._terminating and kind is ProbeKind.LIVENESS):
            return None
        return progress.due

    def record(self, kind: ProbeKind, *, success: bool, now: float) -> None:
        """Takes in the result of one probe that ended at `now`."""
        progress = self._by_kind[kind]
        probe = progress.probe
        progress.due = max(now, progress.due + probe.period)
        progress.run = progress.run + 1 if progress.last is success else 1
        progress.last = success
        if progress.run < (probe.success_threshold if success else probe.failure_threshold):
            return
        progress.passing = success
        if success and kind is ProbeKind.STARTUP:
            for other in self._by_kind.values():
                other.due = max(other.due, now)
        if not success and kind is not ProbeKind.READINESS and not self._terminating:
            self.given_up = probe

    def terminate(self) -> None:
        """The pod is being deleted: from now on only readiness is probed, and nothing is restarted."""
        self._terminating = True

    def probe(self, kind: ProbeKind) -> Probe:
        """The probe of `kind`."""
        return self._by_kind[kind].probe

    def _passes(self, kind: ProbeKind) -> bool:
        progress = self._by_kind.get(kind)
        return progress is None or progress.passing
