"""The status GKE gives a Gateway.

Owns addresses, listeners and the conditions Accepted, Programmed and GatewayHealthy. Does not own routes (`routes`), why a
listener is refused (`listeners`), the words (`rules.gateway_errors`) nor the load balancer itself (`sandbox.balancer`).
GatewayHealthy is False while a route or a listener keeps changes out; Programmed stays once the Gateway has an address, because
the last configuration is still served.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rules import gateway_errors, timing
from rules.exposure import NAMED_ADDRESS
from rules.gateway import GATEWAY_GROUP, REGIONAL_INTERNAL, is_regional_class
from rules.load_balancer import GATEWAY_HEALTHY
from sandbox import clock
from sandbox.gke import listeners, routes
from sandbox.gke.model import Snapshot, key
from sandbox.node.conditions import condition, merged

Object = dict[str, Any]

AddressLookup = Callable[[str], str | None]
"""The regional address that is reserved under a name."""
SubnetLookup = Callable[[], bool]
"""Whether the cluster's network has an active proxy-only subnet in its region."""


def assumed() -> bool:
    """The proxy-only subnet where nobody knows the network: it is there."""
    return True


def is_due(gateway: Object) -> bool:
    """Whether GKE has had the time it takes until a new Gateway is programmed; before that it says nothing of it."""
    if (gateway.get("status") or {}).get("addresses"):
        return True
    needed = clock.taking(*timing.GATEWAY_ADDRESS_SECONDS, "/".join(key(gateway)))
    created = datetime.fromisoformat(gateway["metadata"]["creationTimestamp"]) if needed else None
    return created is None or (datetime.now(UTC) - created).total_seconds() >= needed


def status(
    gateway: Object,
    snapshot: Snapshot,
    address_lookup: AddressLookup,
    now: str,
    *,
    proxy_subnet: SubnetLookup = assumed,
) -> Object:
    """The whole `status` of a Gateway of a GKE class."""
    before: Object = gateway.get("status") or {}
    address, complaint = _address(gateway, address_lookup)
    reason = "AddressNotUsable" if complaint else "Invalid"
    addresses: list[Object] = [{"type": "IPAddress", "value": address}] if address is not None else []
    if complaint is None:
        complaint = listeners.blocking(gateway, snapshot) or _without_proxies(gateway, proxy_subnet)
        if complaint is not None:
            addresses = before.get("addresses") or []
    programmed = complaint is None or bool(addresses)
    return {
        "addresses": addresses,
        "conditions": merged(
            _ours(before),
            _conditions(gateway, None if programmed else (reason, complaint or ""), complaint, snapshot),
            now,
        ),
        "listeners": _listeners(gateway, snapshot, now, programmed=programmed),
    }


def made_up_address(gateway: Object) -> str:
    """An address for a Gateway that asks for none: stable, from TEST-NET-3, or TEST-NET-2 for internal classes."""
    namespace, name = key(gateway)
    last = hashlib.sha256(f"{namespace}/{name}".encode()).digest()[0] % 254 + 1
    network = "198.51.100" if gateway["spec"]["gatewayClassName"] == REGIONAL_INTERNAL else "203.0.113"
    return f"{network}.{last}"


def _address(gateway: Object, lookup: AddressLookup) -> tuple[str | None, str | None]:
    asked: list[Object] = gateway["spec"].get("addresses") or [{}]
    kind, value = asked[0].get("type", "IPAddress"), asked[0].get("value")
    if kind == "IPAddress":
        return value or made_up_address(gateway), None
    if kind != NAMED_ADDRESS:
        return None, gateway_errors.address_type(kind)
    # the project's reserved addresses are all regional; one of another scope does not exist for the Gateway
    found = lookup(value) if value and is_regional_class(gateway["spec"]["gatewayClassName"]) else None
    return found, None if found is not None else gateway_errors.address_missing(*key(gateway), value or "")


def _without_proxies(gateway: Object, proxy_subnet: SubnetLookup) -> str | None:
    if not is_regional_class(gateway["spec"]["gatewayClassName"]) or proxy_subnet():
        return None
    return gateway_errors.PROXY_ONLY_MISSING


def _ours(before: Object) -> list[Object]:
    """The conditions without the API server's placeholders (`Waiting for controller`)."""
    return [item for item in before.get("conditions") or [] if item.get("reason") != "Pending"]


def _conditions(
    gateway: Object, unprogrammed: tuple[str, str] | None, complaint: str | None, snapshot: Snapshot
) -> list[Object]:
    generation = gateway["metadata"].get("generation")

    def made(kind: str, status: str, reason: str, message: str = "") -> Object:
        return condition(kind, status, reason, message, generation=generation)

    blocked = complaint or routes.blocking(gateway, snapshot)
    return [
        made("Accepted", "True", "Accepted"),
        made("Programmed", "False", *unprogrammed) if unprogrammed else made("Programmed", "True", "Programmed"),
        made(GATEWAY_HEALTHY, "False", "Error", blocked) if blocked else made(GATEWAY_HEALTHY, "True", "Healthy"),
    ]


def _listeners(gateway: Object, snapshot: Snapshot, now: str, *, programmed: bool) -> list[Object]:
    held = {item["name"]: item for item in (gateway.get("status") or {}).get("listeners") or []}
    return [
        _listener(item, gateway, snapshot, held.get(item["name"], {}), now, works=programmed)
        for item in gateway["spec"].get("listeners", [])
    ]


def _listener(
    listener: Object, gateway: Object, snapshot: Snapshot, before: Object, now: str, *, works: bool
) -> Object:
    generation = gateway["metadata"].get("generation")
    attached = sum(routes.attaches(route, gateway, listener, snapshot) for route in snapshot.routes.values())
    problem = listeners.problem(listener, gateway, snapshot)
    programmed = ("True", "Programmed") if works and problem is None else ("False", "Invalid")
    wanted = [
        condition("Accepted", "True", "Accepted", generation=generation),
        condition("Programmed", *programmed, generation=generation),
        condition("ResolvedRefs", "True", "ResolvedRefs", generation=generation),
        condition("Conflicted", "False", "NoConflicts", generation=generation),
    ]
    if problem is not None:
        refused = condition(problem.kind, "False", problem.reason, problem.message, generation=generation)
        wanted = [refused if item["type"] == problem.kind else item for item in wanted]
    return {
        "name": listener["name"],
        "supportedKinds": [{"group": GATEWAY_GROUP, "kind": "HTTPRoute"}],
        "attachedRoutes": attached,
        "conditions": merged(_ours(before), wanted, now),
    }
