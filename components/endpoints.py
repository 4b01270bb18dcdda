"""What a server serves, declared once: probes, health checks and routes are all made from this.

Owns the declaration and what follows from it. A probe on a path that the server does not serve, a health check on another
port or with another scheme than the server's: none of these can be written here, because neither is written at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from rules import health


@dataclass(frozen=True, kw_only=True)
class Server:
    """One port of a server and the path on it that answers 200 while the server is healthy.

    Attributes:
        port: TCP port.
        health_path: Path that answers 200 when the server can serve.
        scheme: HTTP, or HTTPS where the server itself terminates TLS.
    """

    port: int
    health_path: str
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"

    def probe(self, *, period_seconds: int, timeout_seconds: int, failures: int) -> dict[str, Any]:
        """A kubelet probe of the health path."""
        return {
            "httpGet": {"path": self.health_path, "port": self.port, "scheme": self.scheme},
            "periodSeconds": period_seconds,
            "timeoutSeconds": timeout_seconds,
            "failureThreshold": failures,
        }

    def probes(self, *, startup_minutes: int) -> dict[str, Any]:
        """Startup, readiness and liveness probes; the startup budget is the first one's period × failures."""
        period = 10
        return {
            "startupProbe": self.probe(
                period_seconds=period, timeout_seconds=5, failures=startup_minutes * 60 // period
            ),
            "readinessProbe": self.probe(period_seconds=5, timeout_seconds=5, failures=3),
            "livenessProbe": self.probe(period_seconds=10, timeout_seconds=5, failures=6),
        }

    def health_check(self) -> dict[str, Any]:
        """`spec.default` of a HealthCheckPolicy, with the numbers that a field report proved."""
        return {
            "checkIntervalSec": health.PROVEN_INTERVAL_SECONDS,
            "timeoutSec": health.PROVEN_TIMEOUT_SECONDS,
            "healthyThreshold": health.PROVEN_HEALTHY_THRESHOLD,
            "unhealthyThreshold": health.PROVEN_UNHEALTHY_THRESHOLD,
            "logConfig": {"enabled": True},
            "config": {
                "type": self.scheme,
                health.MEMBERS[self.scheme]: {
                    "requestPath": self.health_path,
                    # Without it, some GKE versions reject the port and others the policy.
                    "portSpecification": health.FIXED_PORT,
                    "port": self.port,
                },
            },
        }
