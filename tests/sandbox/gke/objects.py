"""Gateway API objects for the tests of the GKE controllers."""

from __future__ import annotations

from typing import Any

from sandbox.gke.model import Snapshot, by_key

Object = dict[str, Any]

NOW = "2026-01-01T00:00:00Z"
REGIONAL = "gke-l7-regional-external-managed"
POOL_REF: Object = {"group": "inference.networking.k8s.io", "kind": "InferencePool", "name": "pool", "port": 8000}
SERVICE_REF: Object = {"name": "svc", "port": 8000}


def named(name: str, namespace: str = "llm", **fields: Any) -> Object:
    """An object of generation 3."""
    return {"metadata": {"name": name, "namespace": namespace, "generation": 3}, **fields}


def gateway(class_name: str = REGIONAL, *, addresses: list[Object] | None = None, allowed: str = "All") -> Object:
    """The Gateway `infra/gw` with one HTTP listener."""
    listener = {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": allowed}}}
    spec: Object = {"gatewayClassName": class_name, "listeners": [listener]}
    return named("gw", "infra", spec=spec | ({"addresses": addresses} if addresses else {}))


def route(*backends: Object, **rule: Any) -> Object:
    """The HTTPRoute `llm/route` to `infra/gw`."""
    parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gw", "namespace": "infra"}
    return named("route", spec={"parentRefs": [parent], "rules": [{"backendRefs": list(backends), **rule}]})


def pool() -> Object:
    """The InferencePool `llm/pool` with its endpoint picker."""
    return named("pool", spec={"endpointPickerRef": {"name": "epp"}})


def service(name: str = "svc") -> Object:
    """A Service on port 8000."""
    return named(name, spec={"ports": [{"port": 8000}]})


def snapshot(
    *, gateways: list[Object], routes: list[Object] | None = None, services: list[Object] | None = None
) -> Snapshot:
    """A cluster with the pool, its picker and `services` (by default `svc`)."""
    return Snapshot(
        gateways=by_key(gateways),
        routes=by_key(routes or []),
        pools=by_key([pool()]),
        services=by_key([service("epp"), *(services if services is not None else [service()])]),
        namespaces={("", "llm"): {"metadata": {"name": "llm", "labels": {"team": "x"}}}},
    )


def condition(conditions: list[Object], kind: str) -> Object:
    """One condition."""
    return next(item for item in conditions if item["type"] == kind)
