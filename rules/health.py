"""HealthCheckPolicy: how GKE's load balancer is told what a healthy backend is.

Owns limits, defaults and what makes a policy attach. Does not own which paths a server answers (`vllm.py`).
Sources: HealthCheckPolicy CRD in GoogleCloudPlatform/gke-gateway-api (2026-04-29) and as served by GKE 1.33 (dumped
2026-02-18); the two disagree on `port` without `portSpecification`, so what both accept is asked for here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeGuard, cast

from rules.finding import Finding
from rules.gateway import (
    GKE_NETWORKING_GROUP,
    INFERENCE_POOL,
    INFERENCE_POOL_GROUP,
    INFERENCE_POOL_IMPORT,
    MULTI_CLUSTER_GROUP,
    RETIRED_INFERENCE_POOL_GROUP,
)

HEALTH_CHECK_POLICY: Final = "HealthCheckPolicy"
DEFAULT_PATH: Final = "/"
"""What the load balancer asks for without a policy; only 200 counts, and readiness probes are not looked at."""
DEFAULT_INTERVAL_SECONDS: Final = 5
DEFAULT_TIMEOUT_SECONDS: Final = 5
DEFAULT_HEALTHY_THRESHOLD: Final = 2
DEFAULT_UNHEALTHY_THRESHOLD: Final = 2
INTERVAL_SECONDS: Final = range(1, 301)
THRESHOLD: Final = range(1, 11)
FIXED_PORT: Final = "USE_FIXED_PORT"
SERVING_PORT: Final = "USE_SERVING_PORT"
NAMED_PORT: Final = "USE_NAMED_PORT"

PROVEN_INTERVAL_SECONDS: Final = 15
PROVEN_TIMEOUT_SECONDS: Final = 15
PROVEN_HEALTHY_THRESHOLD: Final = 1
PROVEN_UNHEALTHY_THRESHOLD: Final = 2
"""Numbers with which three v6e backends became healthy within 30 s behind a regional Gateway (operator, 2026-02-12)."""

MEMBERS: Final[Mapping[str, str]] = {
    "HTTP": "httpHealthCheck",
    "HTTPS": "httpsHealthCheck",
    "HTTP2": "http2HealthCheck",
    "TCP": "tcpHealthCheck",
    "GRPC": "grpcHealthCheck",
}
"""The member of `spec.default.config` that goes with each `type`."""

TARGET_GROUPS: Final[Mapping[str, str]] = {
    "Service": "",
    "ServiceImport": MULTI_CLUSTER_GROUP,
    INFERENCE_POOL: INFERENCE_POOL_GROUP,
    INFERENCE_POOL_IMPORT: GKE_NETWORKING_GROUP,
}
"""Group of each kind a policy can target. The CRD accepts any other; such a policy stays unattached without a word."""


def check_target_ref(group: str | None, kind: str, namespace: str | None, own_namespace: str | None) -> list[Finding]:
    """Whether a `spec.targetRef` can attach at all; None stands for a field that is not there."""
    findings: list[Finding] = []
    expected = TARGET_GROUPS.get(kind)
    if expected is None:
        findings.append(
            Finding(
                path="spec.targetRef.kind",
                value=kind,
                reason="GKE attaches a HealthCheckPolicy to no such kind; the API server takes it and nothing happens",
                remedy=f"Write one of {', '.join(TARGET_GROUPS)}.",
                rule="target",
            )
        )
    elif group is None or group != expected:
        retired = group == RETIRED_INFERENCE_POOL_GROUP
        findings.append(
            Finding(
                path="spec.targetRef.group",
                value=group,
                reason=(
                    "this is the retired group of InferencePool, and GKE leaves a policy for it unattached"
                    if retired
                    else f"{kind} is not in this group; the API server takes the policy and GKE leaves it unattached"
                ),
                remedy=f"Write '{expected}'.",
                rule="target",
            )
        )
    if namespace is not None and own_namespace is not None and namespace != own_namespace:
        findings.append(
            Finding(
                path="spec.targetRef.namespace",
                value=namespace,
                reason=f"the policy is in namespace '{own_namespace}', and GKE attaches it only within its namespace",
                remedy=f"Leave targetRef.namespace out and create the policy in '{namespace}'.",
                rule="target",
            )
        )
    return findings


def check_health_check_policy(spec: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with the `spec` of a HealthCheckPolicy apart from its target; paths start at `spec.default`."""
    default = _mapping(spec.get("default"))
    config = _mapping(default.get("config"))
    return [*_check_times(default), *_check_thresholds(default), *_check_config(config)]


def _check_times(default: Mapping[str, Any]) -> list[Finding]:
    findings = [
        _out_of_range(name, default[name], INTERVAL_SECONDS)
        for name in ("checkIntervalSec", "timeoutSec")
        if _is_number(default.get(name)) and not _within(default[name], INTERVAL_SECONDS)
    ]
    interval = default.get("checkIntervalSec")
    timeout = default.get("timeoutSec")
    if any(value is not None and not _is_number(value) for value in (interval, timeout)):
        return findings  # present, but not as a number that can be compared
    effective_interval: float = interval if _is_number(interval) else DEFAULT_INTERVAL_SECONDS
    effective_timeout: float = timeout if _is_number(timeout) else DEFAULT_TIMEOUT_SECONDS
    if effective_timeout > effective_interval:
        unwritten = " (the default, as it is not written)"
        findings.append(
            Finding(
                path="spec.default.timeoutSec",
                value=timeout,
                reason=(
                    f"a timeout of {effective_timeout} s{'' if _is_number(timeout) else unwritten} is longer than the "
                    f"interval of {effective_interval} s{'' if _is_number(interval) else unwritten}; the API server "
                    "refuses the policy"
                ),
                remedy=f"Write checkIntervalSec: {effective_timeout} or a shorter timeoutSec.",
                rule="times",
            )
        )
    return findings


def _check_thresholds(default: Mapping[str, Any]) -> list[Finding]:
    return [
        _out_of_range(name, default[name], THRESHOLD)
        for name in ("healthyThreshold", "unhealthyThreshold")
        if _is_number(default.get(name)) and not _within(default[name], THRESHOLD)
    ]


def _check_config(config: Mapping[str, Any]) -> list[Finding]:
    path = "spec.default.config"
    kind = config.get("type")
    if not isinstance(kind, str) or kind not in MEMBERS:
        reason = "without a type GKE checks '/' on the serving port" if kind is None else "GKE knows no such check"
        return [
            Finding(
                path=f"{path}.type",
                value=kind,
                reason=reason,
                remedy=f"Write one of {', '.join(MEMBERS)}.",
                rule="type",
            )
        ]
    member = MEMBERS[kind]
    others = [name for name in MEMBERS.values() if name != member and config.get(name) is not None]
    if others or config.get(member) is None:
        return [
            Finding(
                path=f"{path}.{others[0] if others else member}",
                value="set" if others else None,
                reason=f"type is {kind}, whose settings belong in {member}; GKE 1.33 takes the mismatch silently",
                remedy=f"Write the settings under {member}.",
                rule="type",
            )
        ]
    check = _mapping(config[member])
    findings = check_port(check, f"{path}.{member}")
    if member in {"httpHealthCheck", "httpsHealthCheck", "http2HealthCheck"}:
        findings += check_request_path(check.get("requestPath"), f"{path}.{member}.requestPath")
    return findings


def check_request_path(request_path: object, path: str) -> list[Finding]:
    """Whether the path asked for can be that of a health endpoint; None is the default `/`."""
    if request_path is None or request_path == DEFAULT_PATH:
        return [
            Finding(
                path=path,
                value=request_path,
                reason=(
                    f"the load balancer then asks for '{DEFAULT_PATH}', which vLLM answers with 404: every backend "
                    "turns UNHEALTHY while its pods are Ready, and requests end in 503 'no healthy upstream'"
                ),
                remedy="Write the server's health endpoint, /health for vLLM.",
                rule="request-path",
            )
        ]
    if isinstance(request_path, str) and not request_path.startswith("/"):
        return [
            Finding(
                path=path,
                value=request_path,
                reason="a path starts with '/'",
                remedy=f"Write '/{request_path}'.",
                rule="request-path",
            )
        ]
    return []


def check_port(check: Mapping[str, Any], path: str) -> list[Finding]:
    """Whether port, portName and portSpecification of one check agree in every schema GKE has served."""
    specification = check.get("portSpecification")
    port, name = check.get("port"), check.get("portName")
    if specification is None:
        return [
            Finding(
                path=f"{path}.portSpecification",
                value=None,
                reason="newer schemas of the CRD refuse a check without it, and older ones read a lone port as fixed",
                remedy=f"Write {FIXED_PORT if port is not None else NAMED_PORT if name is not None else SERVING_PORT}.",
                rule="port",
            )
        ]
    wanted: dict[str, tuple[bool, bool]] = {
        FIXED_PORT: (True, False),
        NAMED_PORT: (False, True),
        SERVING_PORT: (False, False),
    }
    if not isinstance(specification, str) or specification not in wanted:
        return [
            Finding(
                path=f"{path}.portSpecification",
                value=specification,
                reason="GKE knows no such value",
                remedy=f"Write one of {', '.join(wanted)}.",
                rule="port",
            )
        ]
    if wanted[specification] == (port is not None, name is not None):
        return []
    remedies = {
        FIXED_PORT: "Write port and leave portName out.",
        NAMED_PORT: "Write portName and leave port out.",
        SERVING_PORT: f"Leave port and portName out, or write {FIXED_PORT}.",
    }
    return [
        Finding(
            path=f"{path}.portSpecification",
            value=specification,
            reason=f"it does not go with port {port} and portName {name}; the API server refuses the policy",
            remedy=remedies[specification],
            rule="port",
        )
    ]


def _out_of_range(name: str, value: object, allowed: range) -> Finding:
    return Finding(
        path=f"spec.default.{name}",
        value=value,
        reason="the API server refuses it",
        remedy=f"Write a whole number from {allowed.start} to {allowed.stop - 1}.",
        rule="limits",
    )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _within(value: float, allowed: range) -> bool:
    return value == int(value) and int(value) in allowed


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
