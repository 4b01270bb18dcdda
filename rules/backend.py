"""GCPBackendPolicy: how long GKE's load balancer waits for a backend, and what it refuses for an InferencePool.

Owns limits, defaults and what makes a policy attach. Does not own health checks (`health.py`).
Sources: GCPBackendPolicy CRD in GoogleCloudPlatform/gke-gateway-api (2026-04-29) and as served by GKE 1.33 (dumped
2026-02-18); llm-d's and the inference extension's charts for GKE, which set 300 s (2026-08).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

from rules.finding import Finding
from rules.gateway import DEFAULT_BACKEND_TIMEOUT_SECONDS, INFERENCE_POOL, INFERENCE_POOL_IMPORT
from rules.health import check_target_ref

BACKEND_POLICY: Final = "GCPBackendPolicy"
MINIMUM_LLM_TIMEOUT_SECONDS: Final = 60
"""Twice the default that cuts streams; a shorter one is taken for a mistake."""
RECOMMENDED_LLM_TIMEOUT_SECONDS: Final = 300
TIMEOUT_SECONDS: Final = range(1, 2147483648)
DRAINING_SECONDS: Final = range(3601)
DEFAULT_DRAINING_SECONDS: Final = 0

_ATTACHES: Final = "attaches a HealthCheckPolicy"


def check_backend_target(group: str | None, kind: str, namespace: str | None, own: str | None) -> list[Finding]:
    """Whether a `spec.targetRef` can attach; the kinds and groups are those of health checks."""
    return [
        replace(f, reason=f.reason.replace(_ATTACHES, f"attaches a {BACKEND_POLICY}"))
        for f in check_target_ref(group, kind, namespace, own)
    ]


def check_backend_policy(spec: Mapping[str, Any]) -> list[Finding]:
    """What the API server refuses in a policy's `spec`, apart from its target."""
    default = _mapping(spec.get("default"))
    kind = _mapping(spec.get("targetRef")).get("kind")
    findings: list[Finding] = []
    if kind in (INFERENCE_POOL, INFERENCE_POOL_IMPORT) and default.get("sessionAffinity") is not None:
        findings.append(
            Finding(
                path="spec.default.sessionAffinity",
                value="set",
                reason=f"the endpoint picker chooses the server of an {kind}; the API server refuses session affinity there",
                remedy="Leave sessionAffinity out and let the endpoint picker's prefix-cache scorer keep requests together.",
                rule="session-affinity",
            )
        )
    limits = (
        ("timeoutSec", default.get("timeoutSec"), TIMEOUT_SECONDS),
        (
            "connectionDraining.drainingTimeoutSec",
            _mapping(default.get("connectionDraining")).get("drainingTimeoutSec"),
            DRAINING_SECONDS,
        ),
    )
    for path, value, allowed in limits:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value not in allowed:
            findings.append(
                Finding(
                    path=f"spec.default.{path}",
                    value=value,
                    reason="the API server refuses it",
                    remedy=f"Write a whole number from {allowed.start} to {allowed.stop - 1}.",
                    rule="limits",
                )
            )
    return findings


def check_llm_timeout(timeout: int | None, minimum: int, path: str = "spec.default.timeoutSec") -> list[Finding]:
    """Whether the load balancer waits long enough for a language model; None is the default."""
    if timeout is not None and timeout >= minimum:
        return []
    effective = DEFAULT_BACKEND_TIMEOUT_SECONDS if timeout is None else timeout
    return [
        Finding(
            path=path,
            value=timeout,
            reason=f"the load balancer cuts every answer and stream after {effective} s, in the middle of a completion",
            remedy=f"Write the longest request you serve, such as {max(RECOMMENDED_LLM_TIMEOUT_SECONDS, minimum)}.",
            rule="timeout",
        )
    ]


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
