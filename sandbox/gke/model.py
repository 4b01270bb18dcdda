"""What the GKE controllers see of a cluster in one round, with the lookups they share.

Owns finding Gateways, backends and their relations. Does not judge: see `gateways`, `routes`, `pools`, `policies`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rules.gateway import CONTROLLER, GATEWAY_GROUP, INFERENCE_POOL, INFERENCE_POOL_GROUP

__all__ = ["CONTROLLER", "Backend", "Key", "Object", "Snapshot", "backend_of", "backends", "by_key", "key"]

Object = dict[str, Any]
Key = tuple[str, str]


def key(obj: Object) -> Key:
    """(namespace, name)."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def by_key(objects: Iterable[Object]) -> dict[Key, Object]:
    """The objects by (namespace, name), without those that are being deleted."""
    return {key(obj): obj for obj in objects if not obj["metadata"].get("deletionTimestamp")}


@dataclass(frozen=True, kw_only=True)
class Backend:
    """One backendRef of a route. `group` "" and `kind` Service are the defaults of the Gateway API."""

    group: str
    kind: str
    namespace: str
    name: str
    port: int | None


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """All objects of one round, by (namespace, name). `secrets` None: they are not known, and not judged."""

    gateways: Mapping[Key, Object] = field(default_factory=dict[Key, Object])
    routes: Mapping[Key, Object] = field(default_factory=dict[Key, Object])
    pools: Mapping[Key, Object] = field(default_factory=dict[Key, Object])
    services: Mapping[Key, Object] = field(default_factory=dict[Key, Object])
    namespaces: Mapping[Key, Object] = field(default_factory=dict[Key, Object])
    grants: Mapping[Key, Object] = field(default_factory=dict[Key, Object])
    secrets: Mapping[Key, Object] | None = None
    extensions: tuple[Object, ...] = ()

    def routes_to(self, kind: str, place: Key) -> Iterator[Object]:
        """The routes with that Service or InferencePool as a backend; one of the retired group is not the same pool."""
        group = INFERENCE_POOL_GROUP if kind == INFERENCE_POOL else ""
        for route in self.routes.values():
            if any((b.group, b.kind, b.namespace, b.name) == (group, kind, *place) for b in backends(route)):
                yield route

    def gateways_of(self, route: Object) -> Iterator[Object]:
        """The Gateways a route names as parents, and that exist."""
        for reference in route["spec"].get("parentRefs", []):
            found = self.parent(route, reference)
            if found is not None:
                yield found

    def parent(self, route: Object, reference: Object) -> Object | None:
        """The Gateway of one parentRef."""
        if reference.get("kind", "Gateway") != "Gateway" or reference.get("group", GATEWAY_GROUP) != GATEWAY_GROUP:
            return None
        return self.gateways.get((reference.get("namespace", key(route)[0]), reference["name"]))

    def has_picker(self, pool: Object) -> bool:
        """Whether the endpoint picker that a pool names is a Service with the port; also where a pool names none."""
        reference: Object = pool["spec"].get("endpointPickerRef") or {}
        if not reference.get("name"):
            return True
        service = self.services.get((key(pool)[0], reference["name"]))
        wanted = (reference.get("port") or {}).get("number")
        if service is None or wanted is None:
            return service is not None
        return any(port["port"] == wanted for port in service["spec"].get("ports") or [])

    def granted(self, source: tuple[str, str, str], target: tuple[str, str, str, str]) -> bool:
        """Whether a ReferenceGrant lets `source` (group, kind, namespace) name `target` (group, kind, namespace, name)."""
        group, kind, place, name = target
        for (namespace, _), grant in self.grants.items():
            if namespace != place:
                continue
            sources = [(item["group"], item["kind"], item["namespace"]) for item in grant["spec"].get("from", [])]
            targets = [
                item
                for item in grant["spec"].get("to", [])
                if (item["group"], item["kind"]) == (group, kind) and item.get("name", name) == name
            ]
            if source in sources and targets:
                return True
        return False


def backends(route: Object) -> Iterator[Backend]:
    """Every backendRef of the route."""
    for rule in route["spec"].get("rules", []):
        for reference in rule.get("backendRefs", []):
            yield backend_of(reference, route)


def backend_of(reference: Object, route: Object) -> Backend:
    """One backendRef of the route, with the defaults of the Gateway API."""
    return Backend(
        group=reference.get("group", ""),
        kind=reference.get("kind", "Service"),
        namespace=reference.get("namespace", key(route)[0]),
        name=reference["name"],
        port=reference.get("port"),
    )
