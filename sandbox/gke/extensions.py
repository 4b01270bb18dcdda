"""The status GKE gives a GCPTrafficExtension or GCPRoutingExtension: one ancestor per Gateway it targets.

Owns Accepted and ResolvedRefs. Extensions work on Gateways of regional classes only; a callout to a Service needs that
Service, one to a Google API (Model Armor) needs nothing in the cluster. The load balancer here calls neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rules import gateway_errors
from rules.gateway import GATEWAY_GROUP, is_regional_class
from sandbox.gke.model import CONTROLLER, Key, Snapshot, key
from sandbox.node.conditions import condition, merged

Object = dict[str, Any]

KINDS = ("GCPTrafficExtension", "GCPRoutingExtension")


def status(extension: Object, snapshot: Snapshot, served: list[Object], now: str) -> Object:
    """The whole `status` of an extension."""
    before: list[Object] = (extension.get("status") or {}).get("ancestors") or []
    held = {item["ancestorRef"]["name"]: item.get("conditions") or [] for item in before}
    namespace = key(extension)[0]
    found: list[Object] = []
    for target in extension["spec"].get("targetRefs") or []:
        wanted = [_accepted(extension, target, snapshot, served), _resolved(extension, snapshot)]
        reference = {"group": target["group"], "kind": target["kind"], "namespace": namespace, "name": target["name"]}
        conditions = merged(held.get(target["name"], []), wanted, now)
        found.append({"ancestorRef": reference, "controllerName": CONTROLLER, "conditions": conditions})
    return {"ancestors": found}


def callouts(extension: Object) -> Iterator[Key]:
    """The Services that an extension calls."""
    namespace = key(extension)[0]
    for chain in extension["spec"].get("extensionChains") or []:
        for item in chain.get("extensions") or []:
            reference: Object = item.get("backendRef") or {}
            if reference.get("kind", "Service") == "Service" and reference.get("name"):
                yield namespace, reference["name"]


def gateways_of(extension: Object, snapshot: Snapshot) -> Iterator[Object]:
    """The Gateways an extension targets, and that exist."""
    namespace = key(extension)[0]
    for target in extension["spec"].get("targetRefs") or []:
        gateway = snapshot.gateways.get((namespace, target["name"]))
        if gateway is not None and (target["group"], target["kind"]) == (GATEWAY_GROUP, "Gateway"):
            yield gateway


def _accepted(extension: Object, target: Object, snapshot: Snapshot, served: list[Object]) -> Object:
    generation = extension["metadata"].get("generation")
    place: Key = (key(extension)[0], target["name"])
    where = f'{target["kind"]} "{place[0]}/{place[1]}"'

    def refused(reason: str, message: str) -> Object:
        return condition("Accepted", "False", reason, message, generation=generation)

    gateway = snapshot.gateways.get(place) if (target["group"], target["kind"]) == (GATEWAY_GROUP, "Gateway") else None
    if gateway is None:
        return refused("TargetNotFound", f"{where} of group {target['group'] or 'core'} not found.")
    class_name = gateway["spec"]["gatewayClassName"]
    if gateway not in served or not is_regional_class(class_name):
        return refused("Invalid", f"{where}: GatewayClass {class_name} does not support service extensions.")
    return condition("Accepted", "True", "Accepted", generation=generation)


def _resolved(extension: Object, snapshot: Snapshot) -> Object:
    generation = extension["metadata"].get("generation")
    namespace = key(extension)[0]
    for chain in extension["spec"].get("extensionChains") or []:
        for item in chain.get("extensions") or []:
            reference: Object = item.get("backendRef") or {}
            name = reference.get("name")
            if reference.get("kind", "Service") != "Service" or name is None:
                continue
            service = snapshot.services.get((namespace, name))
            if service is None:
                message = gateway_errors.missing(f'Service "{namespace}/{name}" of extension {item["name"]}')
                return condition("ResolvedRefs", "False", "BackendNotFound", message, generation=generation)
            if all(port["port"] != reference.get("port") for port in service["spec"].get("ports") or []):
                message = gateway_errors.port_missing(f'Service "{namespace}/{name}"', reference.get("port"))
                return condition("ResolvedRefs", "False", "BackendNotFound", message, generation=generation)
    return condition("ResolvedRefs", "True", "ResolvedRefs", generation=generation)
