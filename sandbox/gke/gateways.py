"""The status GKE gives a Gateway.

Owns addresses, listeners and the conditions Accepted, Programmed and GatewayHealthy. Does not own routes (`routes`) nor the
load balancer itself (`sandbox.balancer`). Error texts carry GKE's own codes: GWCER106 for an address that does not exist.
GatewayHealthy is False while a route keeps changes out; Programmed stays, because the last configuration is still served.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rules import timing
from rules.gateway import GATEWAY_GROUP, REGIONAL_INTERNAL
from rules.load_balancer import GATEWAY_HEALTHY
from sandbox import clock
from sandbox.gke import routes
from sandbox.gke.model import Snapshot, key
from sandbox.node.conditions import condition, merged

Object = dict[str, Any]

AddressLookup = Callable[[str], str | None]


def is_due(gateway: Object) -> bool:
    """Whether GKE has had the time it takes until a new Gateway is programmed; before that it says nothing of it."""
    if (gateway.get("status") or {}).get("addresses"):
        return True
    needed = clock.taking(*timing.GATEWAY_ADDRESS_SECONDS, "/".join(key(gateway)))
    created = datetime.fromisoformat(gateway["metadata"]["creationTimestamp"]) if needed else None
    return created is None or (datetime.now(UTC) - created).total_seconds() >= needed


def status(gateway: Object, snapshot: Snapshot, address_lookup: AddressLookup, now: str) -> Object:
    """The whole `status` of a Gateway of a GKE class."""
    before: Object = gateway.get("status") or {}
    generation = gateway["metadata"].get("generation")
    address, complaint = _address(gateway, address_lookup)
    if complaint is None:
        programmed = condition("Programmed", "True", "Programmed", generation=generation)
    else:
        programmed = condition("Programmed", "False", "AddressNotUsable", complaint, generation=generation)
    blocked = complaint or routes.blocking(gateway, snapshot)
    if blocked is None:
        healthy = condition(GATEWAY_HEALTHY, "True", "Healthy", generation=generation)
    else:
        healthy = condition(GATEWAY_HEALTHY, "False", "Error", blocked, generation=generation)
    wanted = [condition("Accepted", "True", "Accepted", generation=generation), programmed, healthy]
    held = {item["name"]: item for item in before.get("listeners") or []}
    return {
        "addresses": [{"type": "IPAddress", "value": address}] if address is not None else [],
        "conditions": merged(_ours(before), wanted, now),
        "listeners": [
            _listener(item, gateway, snapshot, held.get(item["name"], {}), now, works=complaint is None)
            for item in gateway["spec"].get("listeners", [])
        ],
    }


def made_up_address(gateway: Object) -> str:
    """An address for a Gateway that asks for none: stable, from TEST-NET-3, or TEST-NET-2 for internal classes."""
    namespace, name = key(gateway)
    last = hashlib.sha256(f"{namespace}/{name}".encode()).digest()[0] % 254 + 1
    network = "198.51.100" if gateway["spec"]["gatewayClassName"] == REGIONAL_INTERNAL else "203.0.113"
    return f"{network}.{last}"


def _address(gateway: Object, lookup: AddressLookup) -> tuple[str | None, str | None]:
    asked: list[Object] = gateway["spec"].get("addresses") or []
    if not asked:
        return made_up_address(gateway), None
    first = asked[0]
    if first.get("type", "IPAddress") == "IPAddress":
        return first["value"], None
    if first["type"] == "NamedAddress":
        found = lookup(first["value"])
        if found is not None:
            return found, None
        namespace, name = key(gateway)
        return None, (
            f'error cause: gateway-api: gateway "{namespace}/{name}" is invalid, err: GWCER106: Address '
            f'"{first["value"]}" does not exist in the project and scope of the Gateway.'
        )
    return None, f"error cause: address type {first['type']} is not supported; write NamedAddress or IPAddress."


def _ours(before: Object) -> list[Object]:
    """The conditions without the API server's placeholders (`Waiting for controller`)."""
    return [item for item in before.get("conditions") or [] if item.get("reason") != "Pending"]


def _listener(
    listener: Object, gateway: Object, snapshot: Snapshot, before: Object, now: str, *, works: bool
) -> Object:
    generation = gateway["metadata"].get("generation")
    attached = sum(routes.attaches(route, gateway, listener, snapshot) for route in snapshot.routes.values())
    programmed = ("True", "Programmed") if works else ("False", "Invalid")
    wanted = [
        condition("Accepted", "True", "Accepted", generation=generation),
        condition("Programmed", *programmed, generation=generation),
        condition("ResolvedRefs", "True", "ResolvedRefs", generation=generation),
        condition("Conflicted", "False", "NoConflicts", generation=generation),
    ]
    return {
        "name": listener["name"],
        "supportedKinds": [{"group": GATEWAY_GROUP, "kind": "HTTPRoute"}],
        "attachedRoutes": attached,
        "conditions": merged(_ours(before), wanted, now),
    }
