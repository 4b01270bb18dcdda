"""The condition GKE gives a policy that targets something: whether it is attached.

Owns `Attached` of HealthCheckPolicy, GCPBackendPolicy and GCPGatewayPolicy. Nothing else tells that a policy has no
effect: with a wrong group, kind or name it applies without error and stays unattached.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rules.gateway import GATEWAY_GROUP, INFERENCE_POOL, INFERENCE_POOL_GROUP
from sandbox.gke.model import Key, Snapshot, key
from sandbox.node.conditions import condition

Object = dict[str, Any]

KINDS = ("HealthCheckPolicy", "GCPBackendPolicy", "GCPGatewayPolicy")


def attached(policy: Object, rivals: Iterable[Object], snapshot: Snapshot, served: list[Object]) -> Object:
    """The condition `Attached` of `policy`; `rivals` are all policies of its kind, of which the oldest wins."""
    generation = policy["metadata"].get("generation")
    reference: Object = policy["spec"].get("targetRef") or {}
    place = (reference.get("namespace") or key(policy)[0], reference.get("name", ""))
    where = f'{reference.get("kind", "")} "{place[0]}/{place[1]}"'

    def detached(reason: str, message: str) -> Object:
        return condition("Attached", "False", reason, message, generation=generation)

    if not _exists(reference, place, snapshot):
        group = reference.get("group") or "core"
        return detached("TargetNotFound", f"{where} of group {group} not found.")
    if place[0] != key(policy)[0]:
        return detached("Invalid", f"{where} is in another namespace than the policy; both must be in the same one.")
    older = [item for item in rivals if item["spec"].get("targetRef") == reference and _age(item) < _age(policy)]
    if older:
        return detached("Conflicted", f"{where} has an older policy of this kind: {older[0]['metadata']['name']}.")
    if not _behind_gateway(reference, place, snapshot, served):
        return detached("GatewayNotFound", f"{where} is not the backend of a route of a GKE Gateway.")
    return condition("Attached", "True", "Attached", generation=generation)


def _exists(reference: Object, place: Key, snapshot: Snapshot) -> bool:
    kind = (reference.get("group", ""), reference.get("kind"))
    if kind == ("", "Service"):
        return place in snapshot.services
    if kind == (INFERENCE_POOL_GROUP, INFERENCE_POOL):
        return place in snapshot.pools
    return kind == (GATEWAY_GROUP, "Gateway") and place in snapshot.gateways


def _behind_gateway(reference: Object, place: Key, snapshot: Snapshot, served: list[Object]) -> bool:
    kind = reference["kind"]
    if kind == "Gateway":
        return snapshot.gateways[place] in served
    routes = list(snapshot.routes_to(kind, place))
    if kind == "Service":  # an endpoint picker is reached through its pool
        pools = [pool for pool in snapshot.pools.values() if _picker(pool) == place]
        routes += [route for pool in pools for route in snapshot.routes_to(INFERENCE_POOL, key(pool))]
    return any(gateway in served for route in routes for gateway in snapshot.gateways_of(route))


def _picker(pool: Object) -> Key:
    return key(pool)[0], (pool["spec"].get("endpointPickerRef") or {}).get("name", "")


def _age(policy: Object) -> tuple[str, str]:
    return policy["metadata"].get("creationTimestamp", ""), policy["metadata"]["name"]
