"""Whether the load balancer's health check asks for what the server behind it serves.

Owns the comparison of a check with a server's ports, scheme and paths, and of probes with served paths. Does not own the
check's own limits (`health.py`) nor what a vLLM server serves (`vllm.py`).
Sources: HealthCheckPolicy guide (GKE, 2026); operators' reports of 2026-02 (a plain-HTTP server checked by HTTPS; probes on
`/readyz` where the server answers `/ready`, which left scaled pods without traffic).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from rules.finding import Finding
from rules.health import FIXED_PORT, MEMBERS

HTTP_TYPES: Final = ("HTTP", "HTTPS", "HTTP2")
_TLS: Final = {"HTTP": False, "HTTPS": True, "HTTP2": True}
"""Whether a check of that type speaks TLS; Google's HTTP2 health checks do."""
_APP_PROTOCOL_TLS: Final = {"http": False, "https": True, "http2": True, "kubernetes.io/h2c": False}


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server as far as it is known."""

    label: str
    ports: frozenset[int] = frozenset()
    """Ports it listens on for the backend; empty when not known."""
    tls: bool | None = None
    """Whether it speaks TLS; None when not known."""
    paths: frozenset[str] = frozenset()
    """Paths that answer a plain GET with 200; empty when not known."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A health check as far as it is known; None is 'not written'."""

    type: str
    path: str | None = None
    port: int | None = None
    specification: str | None = None


def check_agreement(check: Check, server: Server) -> list[Finding]:
    """What the check asks for that the server does not serve; paths are those of a HealthCheckPolicy."""
    config = "spec.default.config"
    member = f"{config}.{MEMBERS.get(check.type, 'httpHealthCheck')}"
    findings: list[Finding] = []
    speaks = _TLS.get(check.type)
    if speaks is not None and server.tls is not None and speaks != server.tls:
        right = "HTTPS" if server.tls else "HTTP"
        findings.append(
            Finding(
                path=f"{config}.type",
                value=check.type,
                reason=f"{server.label} is probed with {right}, so every check ends in a protocol error "
                "('wrong version number') and the backend stays UNHEALTHY while its pods are Ready",
                remedy=f"Write {right} and {MEMBERS[right]}, or change the server's scheme and its probes.",
                rule="scheme",
            )
        )
    fixed = check.port is not None and check.specification in {None, FIXED_PORT}
    if fixed and server.ports and check.port not in server.ports:
        findings.append(
            Finding(
                path=f"{member}.port",
                value=check.port,
                reason=f"{server.label} listens on {_listed(server.ports)}, so every check is refused and the backend stays "
                "UNHEALTHY",
                remedy=f"Write {min(server.ports)}, or USE_SERVING_PORT without a port.",
                rule="port",
            )
        )
    if check.type in HTTP_TYPES and check.path and server.paths and check.path not in server.paths:
        findings.append(
            Finding(
                path=f"{member}.requestPath",
                value=check.path,
                reason=f"{server.label} is known to answer {_listed(server.paths)} only; on another path it answers "
                "404, and the backend stays UNHEALTHY",
                remedy=f"Write {min(server.paths)}.",
                rule="path",
            )
        )
    return findings


def check_probe_path(path: str, served: Iterable[str], label: str) -> list[Finding]:
    """Whether a probe asks for a path the server answers; `served` empty is 'not known'. The finding's path is empty."""
    answers = frozenset(served)
    if not answers or path.split("?", 1)[0] in answers:
        return []
    return [
        Finding(
            path="httpGet.path",
            value=path,
            reason=f"{label} answers {_listed(answers)} and 404 on the rest: the pod never turns Ready and gets no "
            "traffic, or is restarted for ever",
            remedy=f"Write {_nearest(path, answers)}.",
            rule="path",
        )
    ]


def check_app_protocol(app_protocol: str, type_: str, label: str) -> list[Finding]:
    """Whether a Service port's appProtocol and the type of its health check agree; the path is `appProtocol`."""
    tls = _APP_PROTOCOL_TLS.get(app_protocol.lower())
    speaks = _TLS.get(type_)
    if tls is None or speaks is None or tls == speaks:
        return []
    return [
        Finding(
            path="appProtocol",
            value=app_protocol,
            reason=f"{label} checks by {type_} while GKE sends requests by what appProtocol says: one of the two "
            "meets a server that speaks the other",
            remedy="Make both the same: appProtocol http with type HTTP, or https with HTTPS.",
            rule="app-protocol",
        )
    ]


def _nearest(path: str, answers: Iterable[str]) -> str:
    """The served path that looks most like the one asked for."""

    def common(other: str) -> int:
        return next(
            (i for i, (a, b) in enumerate(zip(path, other, strict=False)) if a != b), min(len(path), len(other))
        )

    return max(sorted(answers), key=common)


def _listed(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in sorted(values, key=str))
