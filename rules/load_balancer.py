"""GKE's load balancer on the wire: what it answers itself, how it logs, whom it takes for an endpoint.

Owns the texts and numbers of the data path. Does not own what a Gateway may ask for (`gateway.py`), health checks
(`health.py`) nor GCPBackendPolicy (`backend.py`). Sources: Envoy's local replies, as clients of regional Gateways report
them; Google's page on logging of regional external Application Load Balancers (2026); kubernetes/ingress-gce, packages
`neg/syncers` and `neg/readiness` (2026-11); llm-d's GKE guide (2026) for the endpoint picker.
"""

from __future__ import annotations

from typing import Final

NO_ROUTE: Final = "fault filter abort"
"""Body of the 404 of an Envoy-based load balancer (regional and global managed classes) for a request no rule matches."""
NO_HEALTHY_UPSTREAM: Final = "no healthy upstream"
"""Body of the 503 when the chosen backend has no healthy endpoint."""
BACKEND_TIMEOUT: Final = "upstream request timeout"
"""Body of the 504 when a backend does not answer within its `timeoutSec`."""
CONNECTION_REFUSED: Final = (
    "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, "
    "transport failure reason: delayed connect error: Connection refused"
)
"""Body of the 503 when the endpoint that was picked does not take connections."""
TLS_REFUSED: Final = (
    "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, "
    "transport failure reason: TLS_error:|268435703:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end"
)
"""Body of the 503 when the load balancer speaks TLS to an endpoint that does not (an operator's report, 2026-02)."""
CONNECTION_TERMINATED: Final = (
    "upstream connect error or disconnect/reset before headers. reset reason: connection termination"
)
"""Body of the 503 when the endpoint closes the connection before it has answered."""

HEAD_LIMIT_BYTES: Final = 64 * 1024
"""Longest request line and headers together (Google's page on load balancing quotas, 2026)."""

VIA: Final = "1.1 google"
"""Value of the header that the load balancer adds to requests and answers."""

SENT_BY_BACKEND: Final = "response_sent_by_backend"
FAILED_TO_PICK: Final = "failed_to_pick_backend"
FAILED_TO_CONNECT: Final = "failed_to_connect_to_backend"
CLOSED_BEFORE_DATA: Final = "backend_connection_closed_before_data_sent_to_client"
CLOSED_AFTER_PART: Final = "backend_connection_closed_after_partial_response_sent"
TIMED_OUT: Final = "backend_timeout"
CLIENT_LEFT: Final = "client_disconnected_before_any_response"
CLIENT_LEFT_EARLY: Final = "client_disconnected_after_partial_response"

PROXY_ERRORS: Final = {
    FAILED_TO_PICK: "destination_unavailable",
    FAILED_TO_CONNECT: "connection_refused",
    CLOSED_BEFORE_DATA: "connection_terminated",
    CLOSED_AFTER_PART: "http_response_incomplete",
    TIMED_OUT: "http_response_timeout",
}
"""Error type (RFC 9209) that goes with a detail in the log's `proxyStatus`; details of success have none."""

NEG_READINESS_GATE: Final = "cloud.google.com/load-balancer-neg-ready"
"""Condition type with which a pod waits until the load balancer takes it for healthy."""
NEG_TIMEOUT_SECONDS: Final = 600
"""After this age a pod that no health check has found healthy is marked ready all the same."""
NEG_READY: Final = "LoadBalancerNegReady"
NEG_TIMED_OUT: Final = "LoadBalancerNegTimeout"
NEG_NOT_READY: Final = "LoadBalancerNegNotReady"

PICKER_HEALTH_PORT: Final = 9003
"""Where GKE asks an endpoint picker for its health by gRPC, unless a HealthCheckPolicy for its Service says otherwise."""

GATEWAY_HEALTHY: Final = "networking.gke.io/GatewayHealthy"
"""Condition of a Gateway whose load balancer is as its routes say; False while one of them is refused."""


def in_group(*, has_address: bool, terminating: bool, phase: str) -> bool:
    """Whether a pod that a backend selects is in its network endpoint group.

    Readiness plays no part: a pod that is not Ready yet is checked, and gets requests as soon as it passes. Only pods
    that end are taken out.
    """
    return has_address and not terminating and phase not in {"Succeeded", "Failed"}
