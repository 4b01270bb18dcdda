"""The status GKE gives an HTTPRoute, per Gateway it names.

Owns Accepted, ResolvedRefs and Reconciled. What GKE refuses in a rule is asked of `rules.gateway`, its words of
`rules.gateway_errors`; a route with such a rule applies without error and fails here, as on GKE.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rules import gateway_errors
from rules.gateway import (
    GATEWAY_GROUP,
    INFERENCE_POOL,
    INFERENCE_POOL_GROUP,
    check_route_rules,
    takes,
)
from sandbox.gke.model import CONTROLLER, Backend, Snapshot, backends, key
from sandbox.node.conditions import condition, merged

Object = dict[str, Any]


def status(route: Object, snapshot: Snapshot, served: Iterable[Object], now: str) -> Object:
    """The `status` of a route: one entry per parentRef whose Gateway is among `served`, others' entries untouched."""
    before: list[Object] = (route.get("status") or {}).get("parents") or []
    others = [item for item in before if item["controllerName"] != CONTROLLER]
    own = [item for item in before if item["controllerName"] == CONTROLLER]
    gateways = list(served)
    entries: list[Object] = []
    for reference in route["spec"].get("parentRefs", []):
        gateway = snapshot.parent(route, reference)
        if gateway is None or gateway not in gateways:
            continue
        held = next((item["conditions"] for item in own if item["parentRef"] == reference), [])
        wanted = _conditions(route, gateway, reference, snapshot)
        conditions = merged(held, wanted, now)
        entries.append({"parentRef": reference, "controllerName": CONTROLLER, "conditions": conditions})
    return {"parents": [*others, *entries]}


def attaches(route: Object, gateway: Object, listener: Object, snapshot: Snapshot) -> bool:
    """Whether `route` is attached to that listener."""
    for reference in route["spec"].get("parentRefs", []):
        if snapshot.parent(route, reference) is gateway and _matches(reference, listener):
            return _allowed(route, gateway, listener, snapshot)
    return False


def blocking(gateway: Object, snapshot: Snapshot) -> str | None:
    """The error of the first attached route that GKE refuses or cannot resolve: it holds up the whole Gateway."""
    for _, route in sorted(snapshot.routes.items()):
        for reference in route["spec"].get("parentRefs", []):
            if snapshot.parent(route, reference) is not gateway:
                continue
            found = {item["type"]: item for item in _conditions(route, gateway, reference, snapshot)}
            detached = found["Accepted"]["reason"] in {"NoMatchingParent", "NotAllowedByListeners"}
            if found["Reconciled"]["status"] == "False" and not detached:
                return found["Reconciled"]["message"]
    return None


def _conditions(route: Object, gateway: Object, reference: Object, snapshot: Snapshot) -> list[Object]:
    generation = route["metadata"].get("generation")

    def made(kind: str, status: str, reason: str, message: str = "") -> Object:
        return condition(kind, status, reason, message, generation=generation)

    listeners = [item for item in gateway["spec"].get("listeners", []) if _matches(reference, item)]
    problem = _unresolved(route, gateway, snapshot)
    resolved = made("ResolvedRefs", "False", *problem) if problem else made("ResolvedRefs", "True", "ResolvedRefs")
    findings = [
        finding
        for finding in check_route_rules(route["spec"].get("rules", []))
        if finding.rule != "backend-group"  # that is what ResolvedRefs tells
    ]
    if not listeners:
        where = reference.get("sectionName") or reference.get("port")
        complaint = f"Gateway {gateway['metadata']['name']} has no listener {where}."
        refused = made("Accepted", "False", "NoMatchingParent", complaint)
    elif not any(_allowed(route, gateway, item, snapshot) for item in listeners):
        complaint = (
            f"No listener of Gateway {gateway['metadata']['name']} allows routes of this namespace and hostname."
        )
        refused = made("Accepted", "False", "NotAllowedByListeners", complaint)
    elif findings:
        complaint = gateway_errors.route(*key(route), gateway_errors.REFUSED, gateway_errors.refusal(findings[0]))
        refused = made("Accepted", "False", "UnsupportedValue", complaint)
    else:
        refused = None
        complaint = problem[1] if problem else _without_picker(route, snapshot)
    accepted = refused or made("Accepted", "True", "Accepted")
    if complaint:
        reconciled = made("Reconciled", "False", "ReconciliationFailed", complaint)
    else:
        reconciled = made("Reconciled", "True", "ReconciliationSucceeded")
    return [accepted, resolved, reconciled]


def _unresolved(route: Object, gateway: Object, snapshot: Snapshot) -> tuple[str, str] | None:
    """(reason, message) of the first backend that cannot be used; None when all can."""
    for backend in backends(route):
        problem = _backend_problem(backend, route, gateway["spec"]["gatewayClassName"], snapshot)
        if problem is not None:
            reason, code, message = problem
            return reason, gateway_errors.route(*key(route), code, message)
    return None


def _without_picker(route: Object, snapshot: Snapshot) -> str:
    """The complaint about the first pool whose endpoint picker is no Service with that port; "" when there is none. The route
    heals with the Service: that is made after the pool, by whoever makes both.
    """
    for backend in backends(route):
        pool = snapshot.pools.get((backend.namespace, backend.name)) if backend.kind == INFERENCE_POOL else None
        if pool is not None and not snapshot.has_picker(pool):
            return gateway_errors.picker_missing(backend.namespace, pool["spec"]["endpointPickerRef"]["name"])
    return ""


def _backend_problem(
    backend: Backend, route: Object, class_name: str, snapshot: Snapshot
) -> tuple[str, str, str] | None:
    """(reason, code, message); a missing object is GWCER102 inside GWCER104, as GKE nests them."""
    where = f'{backend.kind} "{backend.namespace}/{backend.name}"'
    place = (backend.namespace, backend.name)
    missing = ("BackendNotFound", gateway_errors.REFUSED, gateway_errors.missing(where))
    source, target = (GATEWAY_GROUP, "HTTPRoute", key(route)[0]), (backend.group, backend.kind, *place)
    if backend.namespace != key(route)[0] and not snapshot.granted(source, target):
        return "RefNotPermitted", gateway_errors.NOT_FOUND, f"no ReferenceGrant permits {where}."
    if (backend.group, backend.kind) == ("", "Service"):
        service = snapshot.services.get(place)
        ports: list[Object] = service["spec"].get("ports", []) if service is not None else []
        if service is not None and all(port["port"] != backend.port for port in ports):
            return "BackendNotFound", gateway_errors.REFUSED, gateway_errors.port_missing(where, backend.port)
        return missing if service is None else None
    if (backend.group, backend.kind) == (INFERENCE_POOL_GROUP, INFERENCE_POOL):
        if not takes(class_name, INFERENCE_POOL):
            complaint = f"{where}: GatewayClass {class_name} does not support InferencePool backends."
            return "InvalidKind", gateway_errors.REFUSED, complaint
        return missing if place not in snapshot.pools else None
    complaint = f"backend kind {backend.group or 'core'}/{backend.kind} is not supported."
    return "InvalidKind", gateway_errors.REFUSED, complaint


def _matches(reference: Object, listener: Object) -> bool:
    section, port = reference.get("sectionName"), reference.get("port")
    return (section is None or section == listener["name"]) and (port is None or port == listener["port"])


def _allowed(route: Object, gateway: Object, listener: Object, snapshot: Snapshot) -> bool:
    names: Object = (listener.get("allowedRoutes") or {}).get("namespaces") or {}
    scope, namespace = names.get("from", "Same"), key(route)[0]
    if scope == "Same" and namespace != key(gateway)[0]:
        return False
    if scope == "Selector" and not _selects(names.get("selector") or {}, snapshot.namespaces.get(("", namespace))):
        return False
    return _hostnames_meet(listener.get("hostname"), route["spec"].get("hostnames") or [])


def _selects(selector: Object, namespace: Object | None) -> bool:
    labels: Object = (namespace or {}).get("metadata", {}).get("labels") or {}
    if any(labels.get(name) != value for name, value in (selector.get("matchLabels") or {}).items()):
        return False
    for item in selector.get("matchExpressions") or []:
        present, values = item["key"] in labels, item.get("values") or []
        holds = {
            "In": labels.get(item["key"]) in values,
            "NotIn": labels.get(item["key"]) not in values,
            "Exists": present,
            "DoesNotExist": not present,
        }
        if not holds.get(item["operator"], False):
            return False
    return True


def _hostnames_meet(listener: str | None, hostnames: list[str]) -> bool:
    if not listener or not hostnames:
        return True
    return any(_covers(listener, name) or _covers(name, listener) for name in hostnames)


def _covers(pattern: str, name: str) -> bool:
    return pattern == name or (pattern.startswith("*.") and name.endswith(pattern[1:]))
