"""From the cluster's objects to what each Gateway's load balancer serves, and why one may be stuck with what it had.

Owns GKE's all-or-nothing rule: one route that is refused, or names a backend that is missing, or one listener without its
certificate keeps every change of its Gateway out; the load balancer goes on with the last configuration that was good, and
without one serves nothing. The last good configuration is kept as plain objects, so that it survives a restart. Endpoints are
not part of it: NEGs are kept by another controller, and follow the pods all the time. Whether a route is refused is the business
of `sandbox.gke.routes`, a listener of `sandbox.gke.listeners`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rules.gateway import INFERENCE_POOL
from sandbox.balancer import matching, specs
from sandbox.balancer.matching import Match
from sandbox.balancer.specs import BackendSpec, Policies
from sandbox.gke import listeners, policies, routes
from sandbox.gke.model import Backend, Snapshot, backend_of, key

Object = dict[str, Any]
POLICY_KINDS = ("HealthCheckPolicy", "GCPBackendPolicy")


@dataclass(frozen=True, kw_only=True)
class Listener:
    """One listener of a Gateway with the matches of the routes attached to it."""

    name: str
    port: int
    protocol: str
    hostname: str | None
    tls: Object
    matches: tuple[Match, ...]


@dataclass(frozen=True, kw_only=True)
class Program:
    """What one Gateway's load balancer serves. `problem` is why it is not what the cluster's objects ask for."""

    namespace: str
    name: str
    class_name: str
    address: str
    listeners: tuple[Listener, ...] = ()
    backends: Mapping[str, BackendSpec] = field(default_factory=dict[str, BackendSpec])
    problem: str | None = None
    served: bool = False

    @property
    def key(self) -> str:
        """`namespace/name` of the Gateway."""
        return f"{self.namespace}/{self.name}"


def sources(gateway: Object, snapshot: Snapshot, held: Mapping[str, list[Object]], served: list[Object]) -> Object:
    """All objects that make up a Gateway's configuration, as JSON; `held` are the policies by kind."""
    admitted = {
        item["name"]: [
            place for place, route in snapshot.routes.items() if routes.attaches(route, gateway, item, snapshot)
        ]
        for item in gateway["spec"].get("listeners", [])
    }
    attached = [snapshot.routes[place] for place in dict.fromkeys(p for places in admitted.values() for p in places)]
    wanted = [backend_of(reference, route) for route in attached for reference in _references(route)]
    pools = [snapshot.pools[place] for place in _places(wanted, INFERENCE_POOL) if place in snapshot.pools]
    pickers = [(key(pool)[0], (pool["spec"].get("endpointPickerRef") or {}).get("name", "")) for pool in pools]
    services = [
        snapshot.services[place]
        for place in dict.fromkeys([*_places(wanted, "Service"), *pickers])
        if place in snapshot.services
    ]
    return {
        "gateway": _trimmed(gateway),
        "routes": [_trimmed(route) for route in attached],
        "admitted": {name: ["/".join(place) for place in places] for name, places in admitted.items()},
        "services": [_trimmed(service) for service in services],
        "pools": [_trimmed(pool) for pool in pools],
        "policies": {
            kind: [
                _trimmed(policy)
                for policy in held.get(kind, [])
                if policies.attached(policy, held[kind], snapshot, served)["status"] == "True"
            ]
            for kind in POLICY_KINDS
        },
    }


def problem(gateway: Object, snapshot: Snapshot) -> str | None:
    """Why the Gateway's new configuration is not taken; None when it is."""
    for condition in (gateway.get("status") or {}).get("conditions") or []:
        if condition["type"] == "Programmed" and condition["status"] == "False":
            return condition.get("message") or condition["reason"]
    return listeners.blocking(gateway, snapshot) or routes.blocking(gateway, snapshot)


def has_address(gateway: Object) -> bool:
    """Whether GKE has found the Gateway's address; before that there is nothing to program."""
    return bool((gateway.get("status") or {}).get("addresses"))


def program(source: Object, *, stuck: str | None, address: str) -> Program:
    """The configuration made of `sources`; `stuck` is why a newer one is not taken."""
    gateway = source["gateway"]
    namespace, name = key(gateway)
    snapshot = _snapshot(source)
    held = Policies(
        checks=specs.by_target(source["policies"].get("HealthCheckPolicy", [])),
        backends=specs.by_target(source["policies"].get("GCPBackendPolicy", [])),
    )
    backends: dict[str, BackendSpec] = {}
    keys: dict[str, dict[int, tuple[tuple[str, int], ...]]] = {}
    for route in source["routes"]:
        rules: dict[int, tuple[tuple[str, int], ...]] = {}
        for index, rule in enumerate(route["spec"].get("rules") or []):
            weighted: list[tuple[str, int]] = []
            for reference in rule.get("backendRefs") or []:
                found = _backend(backend_of(reference, route), snapshot, held)
                if found is not None:
                    backends[found.key] = found
                    weighted.append((found.key, int(reference.get("weight", 1))))
            rules[index] = tuple(weighted)
        keys["/".join(key(route))] = rules
    for backend in list(backends.values()):
        service = snapshot.services.get((backend.picker.namespace, backend.picker.name)) if backend.picker else None
        checked = specs.picker_backend(backend.picker, service, held) if backend.picker and service else None
        if checked is not None:
            backends[checked.key] = checked
    return Program(
        namespace=namespace,
        name=name,
        class_name=gateway["spec"]["gatewayClassName"],
        address=address,
        listeners=tuple(_listener(item, source, keys) for item in gateway["spec"].get("listeners", [])),
        backends=backends,
        problem=stuck,
        served=True,
    )


def backends(programs: Iterable[Program]) -> dict[str, BackendSpec]:
    """The backends of all Gateways by key. One that several share is there once, with the newest settings: those of a Gateway
    that takes changes, before what one that is stuck still has.
    """
    found: dict[str, BackendSpec] = {}
    for item in sorted(programs, key=lambda program: program.problem is not None):
        found = {**item.backends, **found}
    return found


def _listener(
    listener: Object, source: Object, keys: Mapping[str, Mapping[int, tuple[tuple[str, int], ...]]]
) -> Listener:
    matches: list[Match] = []
    for route in source["routes"]:
        place = "/".join(key(route))
        hosts = _hosts(listener.get("hostname"), route["spec"].get("hostnames") or [])
        if place in source["admitted"][listener["name"]] and hosts is not None:
            matches += matching.compiled(route, keys[place], hosts)
    return Listener(
        name=listener["name"],
        port=listener["port"],
        protocol=listener["protocol"],
        hostname=listener.get("hostname"),
        tls=listener.get("tls") or {},
        matches=tuple(matches),
    )


def _hosts(listener: str | None, route: list[str]) -> tuple[str, ...] | None:
    """The names under which a route is served at a listener; () is every name, None is none."""
    if not listener:
        return tuple(route)
    if not route:
        return (listener,)
    both = [name if matching.covers(listener, name) else listener for name in route if _meet(listener, name)]
    return tuple(both) or None


def _meet(first: str, second: str) -> bool:
    return matching.covers(first, second) or matching.covers(second, first)


def _backend(backend: Backend, snapshot: Snapshot, held: Policies) -> BackendSpec | None:
    place = (backend.namespace, backend.name)
    if backend.kind == "Service":
        service = snapshot.services.get(place)
        return specs.service_backend(service, backend.port or 0, held) if service else None
    pool = snapshot.pools.get(place)
    return specs.pool_backend(pool, held) if pool else None


def _snapshot(source: Object) -> Snapshot:
    return Snapshot(
        gateways={key(source["gateway"]): source["gateway"]},
        routes={key(item): item for item in source["routes"]},
        services={key(item): item for item in source["services"]},
        pools={key(item): item for item in source["pools"]},
    )


def _references(route: Object) -> list[Object]:
    return [item for rule in route["spec"].get("rules") or [] for item in rule.get("backendRefs") or []]


def _places(backends: Iterable[Backend], kind: str) -> list[tuple[str, str]]:
    return list(dict.fromkeys((item.namespace, item.name) for item in backends if item.kind == kind))


def _trimmed(obj: Object) -> Object:
    """Without status and what changes by itself: equal configurations are equal texts."""
    metadata = obj["metadata"]
    kept = {
        name: metadata[name] for name in ("namespace", "name", "creationTimestamp", "generation") if name in metadata
    }
    return {"metadata": kept, "spec": obj["spec"]}
