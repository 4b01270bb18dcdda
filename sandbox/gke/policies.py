"""The condition GKE gives a policy that targets something: whether it is attached.

Owns `Attached` of HealthCheckPolicy, GCPBackendPolicy and GCPGatewayPolicy. Nothing else tells that a policy has no
effect: with a wrong group, kind or name it applies without error and stays unattached.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rules.gateway import GATEWAY_GROUP, INFERENCE_POOL, INFERENCE_POOL_GROUP
from sandbox.gke import extensions
from sandbox.gke.model import Key, Snapshot, key
from sandbox.node.conditions import condition, merged

Object = dict[str, Any]

Target = tuple[str, str, Key]
"""Group, kind, (namespace, name); the namespace is the policy's own where none is written."""

KINDS = ("HealthCheckPolicy", "GCPBackendPolicy", "GCPGatewayPolicy")


def status(policy: Object, *, rivals: Iterable[Object], snapshot: Snapshot, served: list[Object], now: str) -> Object:
    """The whole `status` of a policy; see `attached`."""
    held: list[Object] = (policy.get("status") or {}).get("conditions") or []
    return {"conditions": merged(held, [attached(policy, rivals, snapshot, served)], now)}


def attached(policy: Object, rivals: Iterable[Object], snapshot: Snapshot, served: list[Object]) -> Object:
    """The condition `Attached` of `policy`; `rivals` are all policies of its kind, of which the oldest wins."""
    generation = policy["metadata"].get("generation")
    target = _target(policy)
    group, kind, place = target
    where = f'{kind} "{place[0]}/{place[1]}"'

    def detached(reason: str, message: str) -> Object:
        return condition("Attached", "False", reason, message, generation=generation)

    if not _exists(target, snapshot):
        return detached("TargetNotFound", f"{where} of group {group or 'core'} not found.")
    if place[0] != key(policy)[0]:
        return detached("Invalid", f"{where} is in another namespace than the policy; both must be in the same one.")
    older = [
        item for item in rivals if _target(item) == target and key(item)[0] == place[0] and _age(item) < _age(policy)
    ]
    if older:
        oldest = min(older, key=_age)
        return detached("Conflicted", f"{where} has an older policy of this kind: {oldest['metadata']['name']}.")
    if not _behind_gateway(target, snapshot, served):
        return detached("GatewayNotFound", f"{where} is not the backend of a route of a GKE Gateway.")
    return condition("Attached", "True", "Attached", generation=generation)


def _target(policy: Object) -> Target:
    reference: Object = policy["spec"].get("targetRef") or {}
    place = (reference.get("namespace") or key(policy)[0], reference.get("name", ""))
    return reference.get("group") or "", reference.get("kind") or "", place


def _exists(target: Target, snapshot: Snapshot) -> bool:
    group, kind, place = target
    if (group, kind) == ("", "Service"):
        return place in snapshot.services
    if (group, kind) == (INFERENCE_POOL_GROUP, INFERENCE_POOL):
        return place in snapshot.pools
    return (group, kind) == (GATEWAY_GROUP, "Gateway") and place in snapshot.gateways


def _behind_gateway(target: Target, snapshot: Snapshot, served: list[Object]) -> bool:
    _, kind, place = target
    if kind == "Gateway":
        return snapshot.gateways[place] in served
    routes = list(snapshot.routes_to(kind, place))
    if kind == "Service":
        pools = [pool for pool in snapshot.pools.values() if _picker(pool) == place]  # reached through its pool
        routes += [route for pool in pools for route in snapshot.routes_to(INFERENCE_POOL, key(pool))]
        called = [item for item in snapshot.extensions if place in extensions.callouts(item)]
        if any(gateway in served for item in called for gateway in extensions.gateways_of(item, snapshot)):
            return True
    return any(gateway in served for route in routes for gateway in snapshot.gateways_of(route))


def _picker(pool: Object) -> Key:
    return key(pool)[0], (pool["spec"].get("endpointPickerRef") or {}).get("name", "")


def _age(policy: Object) -> tuple[str, str]:
    return policy["metadata"].get("creationTimestamp", ""), policy["metadata"]["name"]
