"""What GKE says about a service extension."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.gke import extensions
from tests.sandbox.gke.objects import NOW, REGIONAL, Object, condition, gateway, named, snapshot

ARMOR: Object = {"name": "armor", "googleAPIServiceName": "modelarmor.us-east5.rep.googleapis.com"}


def extension(*callouts: Object, target: str = "gw", group: str = "gateway.networking.k8s.io") -> Object:
    """A GCPTrafficExtension in the Gateway's namespace."""
    targets = [{"group": group, "kind": "Gateway", "name": target}]
    chains = [{"name": "chain", "extensions": list(callouts)}]
    return named("armor", "infra", spec={"targetRefs": targets, "extensionChains": chains})


def judged(obj: Object, class_name: str = REGIONAL, services: list[Object] | None = None) -> list[Object]:
    """The conditions of `obj` at its one Gateway."""
    gate = gateway(class_name)
    (ancestor,) = extensions.status(obj, snapshot(gateways=[gate], services=services), [gate], NOW)["ancestors"]
    assert ancestor["controllerName"] == "networking.gke.io/gateway"
    return ancestor["conditions"]


def test_model_armor_on_a_regional_gateway() -> None:
    """A Google API needs nothing in the cluster."""
    conditions = judged(extension(ARMOR))
    assert [condition(conditions, kind)["status"] for kind in ("Accepted", "ResolvedRefs")] == ["True", "True"]


@pytest.mark.parametrize(
    ("obj", "class_name", "reason"),
    [
        (extension(ARMOR, target="gone"), REGIONAL, "TargetNotFound"),
        (extension(ARMOR, group="networking.gke.io"), REGIONAL, "TargetNotFound"),
        (extension(ARMOR), "gke-l7-global-external-managed", "Invalid"),
        (extension(ARMOR), "istio", "Invalid"),
    ],
    ids=["no-gateway", "wrong-group", "global-class", "other-controller"],
)
def test_gateways_that_take_none(obj: Object, class_name: str, reason: str) -> None:
    """Extensions are for Gateways of regional classes; elsewhere nothing is screened, and only the status says so."""
    accepted = condition(judged(obj, class_name), "Accepted")
    assert (accepted["status"], accepted["reason"]) == ("False", reason)


@pytest.mark.parametrize(("port", "status"), [(8000, "True"), (9000, "False")])
def test_callout_to_a_service(port: int, status: str) -> None:
    """The Service of a callout has to be in the extension's namespace, with that port."""
    callout: dict[str, Any] = {"name": "bbr", "backendRef": {"kind": "Service", "name": "bbr", "port": port}}
    service = named("bbr", "infra", spec={"ports": [{"port": 8000}]})
    assert condition(judged(extension(callout), services=[service]), "ResolvedRefs")["status"] == status
    missing = condition(judged(extension(callout), services=[]), "ResolvedRefs")
    assert "GWCER102" in missing["message"]


def test_repeats_write_nothing() -> None:
    """An unchanged judgement keeps its times."""
    gate, obj = gateway(), extension(ARMOR)
    world = snapshot(gateways=[gate])
    obj["status"] = extensions.status(obj, world, [gate], NOW)
    assert extensions.status(obj, world, [gate], "2026-02-02T00:00:00Z") == obj["status"]
