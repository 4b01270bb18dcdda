"""The status GKE gives an InferencePool: one parent per Gateway that a route connects it to.

KServe waits for exactly this: a parent with the Gateway's name and namespace whose condition Accepted is True.
"""

from __future__ import annotations

from typing import Any

from rules.gateway import GATEWAY_GROUP, INFERENCE_POOL, takes
from sandbox.gke.model import CONTROLLER, Snapshot, key
from sandbox.node.conditions import condition, merged

Object = dict[str, Any]


def status(pool: Object, snapshot: Snapshot, served: list[Object], now: str) -> Object:
    """The `status` of a pool; others' parents are kept."""
    before: list[Object] = (pool.get("status") or {}).get("parents") or []
    others = [item for item in before if item.get("controllerName", CONTROLLER) != CONTROLLER]
    held = {(item["parentRef"].get("namespace"), item["parentRef"]["name"]): item for item in before}
    generation = pool["metadata"].get("generation")
    parents: dict[tuple[str, str], Object] = {}
    for route in snapshot.routes_to(INFERENCE_POOL, key(pool)):
        for gateway in snapshot.gateways_of(route):
            place = key(gateway)
            if gateway not in served or place in parents:
                continue
            class_name = gateway["spec"]["gatewayClassName"]
            if takes(class_name, INFERENCE_POOL):
                accepted = condition("Accepted", "True", "Accepted", generation=generation)
            else:
                complaint = f"GatewayClass {class_name} does not support InferencePool backends."
                accepted = condition("Accepted", "False", "NotSupportedByParent", complaint, generation=generation)
            wanted = [accepted, _resolved(pool, snapshot)]
            parents[place] = {
                "parentRef": {"group": GATEWAY_GROUP, "kind": "Gateway", "namespace": place[0], "name": place[1]},
                "controllerName": CONTROLLER,
                "conditions": merged(held.get(place, {}).get("conditions") or [], wanted, now),
            }
    return {"parents": [*others, *parents.values()]}


def _resolved(pool: Object, snapshot: Snapshot) -> Object:
    generation = pool["metadata"].get("generation")
    if snapshot.has_picker(pool):
        return condition("ResolvedRefs", "True", "ResolvedRefs", generation=generation)
    picker: Object = pool["spec"]["endpointPickerRef"]
    where = f'Service "{key(pool)[0]}/{picker["name"]}" of endpointPickerRef'
    if (key(pool)[0], picker["name"]) in snapshot.services:
        complaint = f"{where} has no port {picker['port']['number']}."
    else:
        complaint = f"{where} not found."
    return condition("ResolvedRefs", "False", "InvalidExtensionRef", complaint, generation=generation)
