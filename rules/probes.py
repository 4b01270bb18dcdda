"""Probes of inference servers: the numbers that operators' reports recommend, and what makes a set of probes fail.

Owns the numbers, the load balancer's readiness gate, and the time a start may take. Does not own paths (`server.py`) nor what
a TPU server needs (`startup.py`).
Sources: an operator's probe guidelines for a model server with a start of up to five minutes; another's report of scaled pods
that never turned Ready; kubelet's probe semantics (Kubernetes 1.34); kubernetes/ingress-gce pkg/neg/readiness (2026).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NEG_READINESS_GATE: Final = "cloud.google.com/load-balancer-neg-ready"
"""Condition that GKE's NEG controller sets on pods: True once the load balancer's own health check has passed, for a pod in
no endpoint group, and after ten minutes in any case. A rollout then waits for the load balancer, not only for the kubelet.
For Ingress GKE adds the gate itself; it does so for other groups only while one already selects the pod, so it is written."""
NEG_READINESS_TIMEOUT_SECONDS: Final = 600


@dataclass(frozen=True, kw_only=True)
class Timing:
    """The four numbers of a probe, in seconds but for the last."""

    delay: int
    period: int
    timeout: int
    failures: int

    @property
    def budget(self) -> int:
        """Seconds until the probe has failed for good."""
        return self.delay + self.period * self.failures


STARTUP: Final = Timing(delay=10, period=10, timeout=5, failures=30)
"""Up to five minutes for loading a model."""
READINESS: Final = Timing(delay=15, period=5, timeout=3, failures=3)
LIVENESS: Final = Timing(delay=30, period=10, timeout=5, failures=3)
