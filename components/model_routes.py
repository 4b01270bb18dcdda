"""The way from the Gateway to a model's servers: route rules, and what each backend is told about its servers.

Owns the HTTPRoute's rules and the HealthCheckPolicy and GCPBackendPolicy of each backend. Does not own the backends
themselves: KServe makes them, and a service's InferencePool and endpoint picker only once the route exists that the service
refers to (`validateRouterReferences` comes before `reconcileScheduler` in its controller, v0.20).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi

from components.endpoints import Server
from components.manifests import manifest
from components.settings.model import Model
from rules import backend, gateway, health, kserve, route_status, vllm

CORE_GROUP = ""
UNTIL_PROGRAMMED: Final = {
    "pulumi.com/waitFor": json.dumps(
        [route_status.holds(route_status.RESOLVED), route_status.holds(route_status.RECONCILED)]
    )
}
"""Annotation of a route that others wait for."""
LONGEST_PROGRAMMING: Final = "15m"
"""How long is waited for that: the first route of a new Gateway takes minutes."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """A service that a path leads to, and its share of the requests.

    Attributes:
        name: Name of the LLMInferenceService.
        weight: Share against the others'; none where it has all of them.
    """

    name: str
    weight: int | None = None


def rules(path: str, served: str, shares: Sequence[Share]) -> list[dict[str, Any]]:
    """Completions to the InferencePools, where endpoint pickers choose a server; the rest to one workload Service.

    Args:
        path: Prefix under which the model answers.
        served: Service that answers what is not a completion.
        shares: Who gets the completions.
    """
    pools = [_weighted(pool(share.name), share.weight) for share in shares]
    services = [service(served)]
    leads = (
        (vllm.COMPLETIONS_PATH, pools),
        (vllm.CHAT_COMPLETIONS_PATH, pools),
        (vllm.MODELS_PATH, services),
        (vllm.HEALTH_PATH, services),
    )
    return [rule(f"{path}{served_path}", served_path, backends) for served_path, backends in leads]


def pool(name: str) -> dict[str, Any]:
    """The reference to a service's InferencePool."""
    return {
        "group": gateway.INFERENCE_POOL_GROUP,
        "kind": gateway.INFERENCE_POOL,
        "name": kserve.GeneratedNames(name).inference_pool,
        "port": vllm.PORT,
    }


def service(name: str) -> dict[str, Any]:
    """The reference to a service's workload Service."""
    workload = kserve.GeneratedNames(name).workload_service
    return {"group": CORE_GROUP, "kind": "Service", "name": workload, "port": vllm.PORT}


def rule(prefix: str, rewritten: str, backends: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One rule: a path prefix, its rewrite, its backends. Nothing else, because GKE rejects most of what else there is."""
    rewrite = {"type": "ReplacePrefixMatch", "replacePrefixMatch": rewritten}
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": prefix}}],
        "filters": [{"type": "URLRewrite", "urlRewrite": {"path": rewrite}}],
        "backendRefs": [dict(backend) for backend in backends],
    }


def policies(
    model: Model,
    server: Server,
    *,
    namespace: str,
    backend_extra: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Health check and timeouts of both backends of one service; `backend_extra` is merged into the GCPBackendPolicies.

    Returns what a route to them waits for: without its policies a backend is unhealthy, and open to everybody.
    """
    names = kserve.GeneratedNames(model.name)
    targets = (
        ("pool", gateway.INFERENCE_POOL_GROUP, gateway.INFERENCE_POOL, names.inference_pool),
        ("service", CORE_GROUP, "Service", names.workload_service),
    )
    made: list[pulumi.Resource] = []
    for label, group, kind, name in targets:
        target = {"group": group, "kind": kind, "name": name}
        checked = manifest(
            f"{model.name}-{label}-health",
            api_version=gateway.GKE_NETWORKING_API_VERSION,
            kind=health.HEALTH_CHECK_POLICY,
            name=name,
            namespace=namespace,
            spec={"targetRef": target, "default": {**server.health_check(), **numbers(model)}},
            opts=opts,
        )
        guarded = manifest(
            f"{model.name}-{label}-backend",
            api_version=gateway.GKE_NETWORKING_API_VERSION,
            kind=backend.BACKEND_POLICY,
            name=name,
            namespace=namespace,
            spec={
                "targetRef": target,
                "default": {
                    "timeoutSec": model.request_seconds,
                    "connectionDraining": {"drainingTimeoutSec": model.stopping.draining},
                    "logging": {"enabled": True},
                    **backend_extra,
                },
            },
            opts=opts,
        )
        made += [checked, guarded]
    return made


def numbers(model: Model) -> dict[str, int]:
    """The numbers of a health check, as a HealthCheckPolicy writes them."""
    wanted = model.health_check
    return {
        "checkIntervalSec": wanted.interval_seconds,
        "timeoutSec": wanted.timeout_seconds,
        "healthyThreshold": wanted.healthy_threshold,
        "unhealthyThreshold": wanted.unhealthy_threshold,
    }


def _weighted(reference: dict[str, Any], weight: int | None) -> dict[str, Any]:
    return reference if weight is None else {**reference, "weight": weight}
