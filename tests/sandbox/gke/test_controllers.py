"""The GKE controllers at a real API server."""

from __future__ import annotations

from typing import Any

from sandbox.cluster.runtime import ClusterRuntime
from sandbox.kube.client import Client
from tests.sandbox.support import StartCluster, eventually

GATEWAY_API = "gateway.networking.k8s.io/v1"
REGIONAL = "gke-l7-regional-external-managed"

Object = dict[str, Any]


def holds(client: Client, kind: str, name: str, namespace: str | None, wanted: str) -> bool:
    """Whether the condition `wanted` of a Gateway API object is True."""
    found = client.get(GATEWAY_API, kind, name, namespace) or {}
    conditions: list[Object] = found.get("status", {}).get("conditions", [])
    return any(item["type"] == wanted and item["status"] == "True" for item in conditions)


def gateway(namespace: str) -> Object:
    """A Gateway as the program makes it."""
    listeners = [{"name": "http", "port": 80, "protocol": "HTTP"}]
    return {
        "apiVersion": GATEWAY_API,
        "kind": "Gateway",
        "metadata": {"name": "gw", "namespace": namespace},
        "spec": {"gatewayClassName": REGIONAL, "listeners": listeners},
    }


def test_gateway_and_route_become_ready(running_cluster: ClusterRuntime, namespace: str) -> None:
    """From apply to programmed, through the CRDs' own validation of every status we write."""
    client = running_cluster.client
    eventually(lambda: holds(client, "GatewayClass", REGIONAL, None, "Accepted"), "the class is accepted")
    client.create(gateway(namespace))
    eventually(lambda: holds(client, "Gateway", "gw", namespace, "Programmed"), "programmed")
    rule = {"backendRefs": [{"name": "svc", "port": 8000}]}
    route: Object = {
        "apiVersion": GATEWAY_API,
        "kind": "HTTPRoute",
        "metadata": {"name": "r", "namespace": namespace},
        "spec": {"parentRefs": [{"name": "gw"}], "rules": [rule]},
    }
    client.create(route)

    def reason(kind: str) -> str:
        found = client.get(GATEWAY_API, "HTTPRoute", "r", namespace) or {}
        parents: list[Object] = found.get("status", {}).get("parents", [])
        return next((c["reason"] for p in parents for c in p["conditions"] if c["type"] == kind), "")

    eventually(lambda: reason("ResolvedRefs") == "BackendNotFound", "the missing Service is named")
    ports = [{"port": 8000}]
    client.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "svc", "namespace": namespace},
            "spec": {"ports": ports},
        }
    )
    eventually(lambda: reason("Reconciled") == "ReconciliationSucceeded", "the Service repairs it")
    client.merge_patch(
        GATEWAY_API, "HTTPRoute", "r", namespace, {"spec": {"rules": [{**rule, "timeouts": {"request": "0s"}}]}}
    )
    eventually(lambda: reason("Accepted") == "UnsupportedValue", "timeouts are refused")


def test_without_the_gateway_api_there_are_no_classes(start_cluster: StartCluster) -> None:
    """The incident: a cluster made without the Gateway API add-on has no GatewayClass until it is turned on."""
    runtime = start_cluster(gateway_api=False)
    assert (
        runtime.client.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"gateways.{GATEWAY_API[:-3]}")
        is None
    )
