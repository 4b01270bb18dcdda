"""Faults between the Gateway and its backends: the field reports' 'no healthy upstream'."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.harness import Made, kubernetes
from tests.policies.mutations.mutation import GONE, Mutation
from tests.policies.objects import POOL_GROUP

FEATURES: Final = "httproute-features"
CONTENT: Final = "health-check-policy"
AGREEMENT: Final = "health-check-agreement"
CONFIG: Final = ("spec", "default", "config")


def route(name: str, *path: str | int, value: Any, rule: str, policy: str = FEATURES, **more: Any) -> Mutation:
    """A fault in the first rule of a model's route."""
    return Mutation(
        name=name,
        kind="HTTPRoute",
        resource="qwen",
        path=("spec", "rules", 0, *path),
        value=value,
        policy=policy,
        rule=rule,
        **more,
    )


def shared(*models: str) -> Made:
    """A route that shares requests among models and waits for nothing."""
    refs = [{"group": POOL_GROUP, "kind": "InferencePool", "name": f"{name}-inference-pool"} for name in models]
    return kubernetes(
        "gateway.networking.k8s.io/v1", "HTTPRoute", "shared", "inference", spec={"rules": [{"backendRefs": refs}]}
    )


def health(name: str, *path: str | int, value: Any, rule: str, policy: str = CONTENT, **more: Any) -> Mutation:
    """A fault in the health check of a model's InferencePool."""
    return Mutation(
        name=name,
        kind="HealthCheckPolicy",
        resource="pool-health",
        path=("spec", *path),
        value=value,
        policy=policy,
        rule=rule,
        **more,
    )


def gateway(name: str, *path: str | int, value: Any, policy: str, rule: str, **more: Any) -> Mutation:
    """A fault in the Gateway."""
    return Mutation(name=name, kind="Gateway", path=("spec", *path), value=value, policy=policy, rule=rule, **more)


MUTATIONS: Final = (
    Mutation(
        name="a pool that nothing brings about before its second route",
        kind="HTTPRoute",
        added=shared("qwen2-5-3b", "another"),
        policy="inference-pool-order",
        rule="pool-order",
    ),
    gateway(
        "a global Gateway under an InferencePool",
        "gatewayClassName",
        value="gke-l7-global-external-managed",
        policy="inference-pool-gateway-class",
        rule="inference-pool-class",
    ),
    gateway(
        "another vendor's Gateway",
        "gatewayClassName",
        value="istio",
        policy="inference-pool-gateway-class",
        rule="inference-pool-class",
        undecidable=False,
    ),
    route("timeouts", "timeouts", value={"request": "600s"}, rule="timeouts"),
    route("retries", "retry", value={"attempts": 3}, rule="retry"),
    route("a regular expression", "matches", 0, "path", "type", value="RegularExpression", rule="regular-expression"),
    route("a method", "matches", 0, "method", value="POST", rule="method-match"),
    route(
        "a full path rewrite",
        "filters",
        0,
        "urlRewrite",
        "path",
        value={"type": "ReplaceFullPath", "replaceFullPath": "/v1/completions"},
        rule="replace-full-path",
    ),
    route(
        "the retired pool API",
        "backendRefs",
        0,
        "group",
        value="inference.networking.x-k8s.io",
        rule="backend-group",
    ),
    Mutation(
        name="no health check of the pool",
        kind="HealthCheckPolicy",
        resource="pool-health",
        policy="backend-health-check",
        rule="missing",
    ),
    Mutation(
        name="no health check of the Service",
        kind="HealthCheckPolicy",
        resource="service-health",
        policy="backend-health-check",
        rule="missing",
    ),
    health(
        "a health check of something else",
        "targetRef",
        "name",
        value="qwen",
        policy="backend-health-check",
        rule="missing",
    ),
    health(
        "a health check in the wrong API group",
        "targetRef",
        "group",
        value="",
        policy="backend-health-check",
        rule="missing",
    ),
    health("the root path", *CONFIG[1:], "httpHealthCheck", "requestPath", value="/", rule="request-path"),
    health(
        "a path the server does not serve",
        *CONFIG[1:],
        "httpHealthCheck",
        "requestPath",
        value="/readyz",
        policy=AGREEMENT,
        rule="path",
    ),
    health(
        "a port nobody listens on", *CONFIG[1:], "httpHealthCheck", "port", value=8081, policy=AGREEMENT, rule="port"
    ),
    health("HTTPS to a plain server", *CONFIG[1:], "type", value="HTTPS", rule="type"),
    health("no port specification", *CONFIG[1:], "httpHealthCheck", "portSpecification", value=GONE, rule="port"),
    health("a timeout longer than the interval", "default", "timeoutSec", value=60, rule="times"),
    health("an interval out of range", "default", "checkIntervalSec", value=301, rule="limits"),
    health("a threshold out of range", "default", "unhealthyThreshold", value=11, rule="limits"),
    Mutation(
        name="GKE's own 30 seconds for a backend",
        kind="GCPBackendPolicy",
        resource="pool-backend",
        path=("spec", "default", "timeoutSec"),
        value=GONE,
        policy="backend-timeout",
        rule="timeout",
    ),
    Mutation(
        name="no backend policy",
        kind="GCPBackendPolicy",
        resource="pool-backend",
        policy="backend-timeout",
        rule="missing",
    ),
    Mutation(
        name="sessions that stick to an InferencePool",
        kind="GCPBackendPolicy",
        resource="pool-backend",
        path=("spec", "default", "sessionAffinity"),
        value={"type": "CLIENT_IP"},
        policy="backend-policy",
        rule="session-affinity",
    ),
)
