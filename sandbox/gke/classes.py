"""The GatewayClasses GKE puts into a cluster once its Gateway API is on.

Owns their objects. Multi-cluster classes (`-mc`) come with a fleet and are left out. On a live cluster they can take
`rules.timing.GATEWAY_CLASSES_LATE_SECONDS` to appear; here they come with the CRDs, unless a speed was chosen (`sandbox.clock`).
"""

from __future__ import annotations

from typing import Any

from rules.gateway import GATEWAY_API_VERSION, GATEWAY_CLASSES
from sandbox.gke.model import CONTROLLER
from sandbox.node.conditions import condition

Object = dict[str, Any]


def names() -> list[str]:
    """The classes of a cluster without a fleet."""
    return sorted(name for name in GATEWAY_CLASSES if not name.endswith("-mc"))


def gateway_class(name: str) -> Object:
    """The GatewayClass object."""
    return {
        "apiVersion": GATEWAY_API_VERSION,
        "kind": "GatewayClass",
        "metadata": {"name": name},
        "spec": {"controllerName": CONTROLLER},
    }


def accepted(gateway_class_object: Object) -> Object:
    """The condition of a class GKE serves."""
    generation = gateway_class_object["metadata"].get("generation")
    return condition("Accepted", "True", "Accepted", generation=generation)
