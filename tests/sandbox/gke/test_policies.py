"""Whether a policy has any effect."""

from __future__ import annotations

import dataclasses

import pytest

from sandbox.gke.policies import attached
from tests.sandbox.gke.objects import POOL_REF, SERVICE_REF, Object, gateway, named, route, snapshot

SERVICE: Object = {"group": "", "kind": "Service", "name": "svc"}
POOL: Object = {"group": "inference.networking.k8s.io", "kind": "InferencePool", "name": "pool"}


def policy(target: Object, name: str = "policy", created: str = "2026-01-02T00:00:00Z") -> Object:
    """A policy for `target`."""
    made = named(name, spec={"targetRef": target})
    made["metadata"]["creationTimestamp"] = created
    return made


def judged(obj: Object, *backends: Object, rivals: list[Object] | None = None) -> tuple[str, str, str]:
    """(status, reason, message) of `obj` where a route has `backends`."""
    gate = gateway()
    world = snapshot(gateways=[gate], routes=[route(*backends)])
    found = attached(obj, rivals or [obj], world, [gate])
    return found["status"], found["reason"], found["message"]


@pytest.mark.parametrize(("target", "backend"), [(SERVICE, SERVICE_REF), (POOL, POOL_REF)], ids=["service", "pool"])
def test_attached_to_a_backend_of_a_gateway(target: Object, backend: Object) -> None:
    """Both kinds of backend take policies of their own."""
    assert judged(policy(target), backend)[:2] == ("True", "Attached")


def test_attached_to_the_endpoint_picker_of_a_pool() -> None:
    """GKE health-checks the picker too; it is reached through the pool."""
    assert judged(policy({**SERVICE, "name": "epp"}), POOL_REF)[0] == "True"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ({**POOL, "group": "inference.networking.x-k8s.io"}, "TargetNotFound"),
        ({**POOL, "group": ""}, "TargetNotFound"),
        ({**POOL, "kind": "Inferencepool"}, "TargetNotFound"),
        ({**SERVICE, "name": "other"}, "TargetNotFound"),
        ({**POOL, "namespace": "elsewhere"}, "TargetNotFound"),
        (SERVICE, "GatewayNotFound"),
    ],
    ids=["retired-group", "no-group", "kind-case", "no-service", "other-namespace", "no-route"],
)
def test_without_effect(target: Object, reason: str) -> None:
    """The incident: a policy with a wrong target applies without error, and health checks stay at GET /."""
    status, found, message = judged(policy(target), POOL_REF)
    assert (status, found) == ("False", reason)
    assert target["name"] in message


def test_older_policy_wins() -> None:
    """Two policies for one target: the younger one is told which is in its way."""
    old, young = policy(SERVICE, "old", "2026-01-01T00:00:00Z"), policy(SERVICE, "young")
    assert judged(old, SERVICE_REF, rivals=[old, young])[0] == "True"
    status, reason, message = judged(young, SERVICE_REF, rivals=[old, young])
    assert (status, reason) == ("False", "Conflicted")
    assert message.endswith("an older policy of this kind: old.")


@pytest.mark.parametrize(
    "written",
    [{**SERVICE, "namespace": "llm"}, {"kind": "Service", "name": "svc"}],
    ids=["namespace", "group"],
)
def test_rivals_are_recognized_however_they_write_their_target(written: Object) -> None:
    """A namespace that is the policy's own anyway, or a group left out, does not make it another target."""
    old, young = policy(written, "old", "2026-01-01T00:00:00Z"), policy(SERVICE, "young")
    assert judged(old, SERVICE_REF, rivals=[old, young])[0] == "True"
    assert judged(young, SERVICE_REF, rivals=[old, young])[:2] == ("False", "Conflicted")


def test_a_policy_of_another_namespace_is_no_rival() -> None:
    """It is refused itself, so it is not in the way of the one that counts."""
    foreign, own = policy({**SERVICE, "namespace": "llm"}, "foreign", "2026-01-01T00:00:00Z"), policy(SERVICE, "own")
    foreign["metadata"]["namespace"] = "elsewhere"
    assert judged(own, SERVICE_REF, rivals=[foreign, own])[0] == "True"


@pytest.mark.parametrize(("targeted", "status"), [("gw", "True"), ("other", "False")])
def test_the_callout_of_an_extension_is_behind_its_gateway(targeted: str, status: str) -> None:
    """Google's own sample: a GRPC health check for the Service that a GCPRoutingExtension calls, which no route names."""
    gate = gateway()
    target: Object = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": targeted}
    callout: Object = {"name": "bbr", "backendRef": {"name": "svc", "port": 8000}}
    chains = [{"name": "chain", "extensions": [callout]}]
    extension = named("bbr", "infra", spec={"targetRefs": [target], "extensionChains": chains})
    service = named("svc", "infra", spec={"ports": [{"port": 8000}]})
    world = dataclasses.replace(snapshot(gateways=[gate], services=[service]), extensions=(extension,))
    checked = policy(SERVICE)
    checked["metadata"]["namespace"] = "infra"
    assert attached(checked, [checked], world, [gate])["status"] == status
