"""Faults in servers that speak plain HTTP, without KServe: the readiness, autoscaling and disk reports."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.mutations.mutation import GONE, Mutation
from tests.policies.mutations.stacks import SERVICES

ONLY: Final = frozenset({SERVICES})
POD: Final = ("spec", "template", "spec")
CONTAINER: Final = (*POD, "containers", 0)


def deployment(name: str, which: str, *path: str | int, value: Any, policy: str, rule: str, **more: Any) -> Mutation:
    """A fault in a Deployment."""
    return Mutation(
        name=name,
        kind="Deployment",
        resource=which,
        path=path,
        value=value,
        policy=policy,
        rule=rule,
        stacks=ONLY,
        **more,
    )


def server(name: str, *path: str | int, value: Any, policy: str, rule: str, **more: Any) -> Mutation:
    """A fault in the container of the service that is scaled."""
    return deployment(name, "inference", *CONTAINER, *path, value=value, policy=policy, rule=rule, **more)


def health(name: str, *path: str | int, value: Any, policy: str, rule: str, **more: Any) -> Mutation:
    """A fault in that service's health check."""
    return Mutation(
        name=name,
        kind="HealthCheckPolicy",
        resource="inference",
        path=("spec", *path),
        value=value,
        policy=policy,
        rule=rule,
        stacks=ONLY,
        **more,
    )


MUTATIONS: Final = (
    server(
        "a readiness probe of /readyz",
        "readinessProbe",
        "httpGet",
        "path",
        value="/readyz",
        policy="probe-paths",
        rule="path",
    ),
    server(
        "no readiness probe",
        "readinessProbe",
        value=GONE,
        policy="autoscaler-target",
        rule="readiness",
        undecidable=False,
    ),
    server(
        "a service's moving image", "image", value="example.com/inference:latest", policy="image-pinned", rule="pinned"
    ),
    server(
        "a service's token in the open",
        "env",
        value=[{"name": "API_TOKEN", "value": "f3a9c1"}],
        policy="literal-secrets",
        rule="literal-secret",
        undecidable=False,
    ),
    server(
        "a privileged service",
        "securityContext",
        "privileged",
        value=True,
        policy="pod-security-baseline",
        rule="privileged",
    ),
    deployment(
        "replicas beside an autoscaler",
        "inference",
        "spec",
        "replicas",
        value=2,
        policy="autoscaler-target",
        rule="fixed-replicas",
    ),
    deployment(
        "less time than the drain takes",
        "inference",
        *POD,
        "terminationGracePeriodSeconds",
        value=30,
        policy="graceful-shutdown",
        rule="grace",
        advised=True,
    ),
    deployment(
        "two pods on one disk", "impetus", "spec", "replicas", value=2, policy="volume-sharing", rule="single-writer"
    ),
    deployment(
        "a rolling update of a disk",
        "impetus",
        "spec",
        "strategy",
        "type",
        value="RollingUpdate",
        policy="volume-sharing",
        rule="rollout",
    ),
    Mutation(
        name="an autoscaler whose least is its most and more",
        kind="HorizontalPodAutoscaler",
        resource="inference",
        path=("spec", "minReplicas"),
        value=7,
        policy="autoscaler-target",
        rule="limits",
        stacks=ONLY,
    ),
    Mutation(
        name="no health check of a service",
        kind="HealthCheckPolicy",
        resource="inference",
        policy="backend-health-check",
        rule="missing",
        stacks=ONLY,
    ),
    health(
        "a health check of /readyz",
        "default",
        "config",
        "httpHealthCheck",
        "requestPath",
        value="/readyz",
        policy="health-check-agreement",
        rule="path",
    ),
    health(
        "a health check of another port",
        "default",
        "config",
        "httpHealthCheck",
        "port",
        value=8081,
        policy="health-check-agreement",
        rule="port",
    ),
    Mutation(
        name="a route with timeouts",
        kind="HTTPRoute",
        resource="inference",
        path=("spec", "rules", 0, "timeouts"),
        value={"request": "600s"},
        policy="httproute-features",
        rule="timeouts",
        stacks=ONLY,
    ),
    Mutation(
        name="no proxies for the services",
        kind="Subnetwork",
        resource="proxies",
        policy="proxy-only-subnet",
        rule="proxy-only-subnet",
        stacks=ONLY,
    ),
)
