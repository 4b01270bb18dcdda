"""The cluster's own load balancer in front of pods that the node agent runs: the whole way of a request."""

from __future__ import annotations

from typing import Any

import pytest

from rules import http_servers
from rules.load_balancer import NEG_READINESS_GATE
from sandbox.balancer import state
from sandbox.cluster.spec import NodePoolSpec
from tests.sandbox.balancer.servers import ask
from tests.sandbox.support import StartCluster, eventually

Object = dict[str, Any]
SYSTEM = NodePoolSpec(name="system", machine_type="e2-standard-8", zones=("us-east5-b",), nodes_per_zone=1)
GATEWAY_API = "gateway.networking.k8s.io/v1"
IMAGE = "registry.example.com/inference:1"
PORT = http_servers.SERVERS["inference"].port


def test_the_first_report_through_the_load_balancer(
    start_cluster: StartCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report's server answers 404 on /, so its Gateway says 503 until a HealthCheckPolicy names /ready; only then does
    the readiness gate open and the pod become Ready.
    """
    monkeypatch.setenv("SANDBOX_SPEED", "40")
    cluster = start_cluster()
    cluster.apply_node_pool(SYSTEM)
    client = cluster.client

    def create(version: str, kind: str, name: str, spec: Object, **metadata: Any) -> None:
        own = {"name": name, "namespace": "default", **metadata}
        client.create({"apiVersion": version, "kind": kind, "metadata": own, "spec": spec})

    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    create(
        GATEWAY_API, "Gateway", "gw", {"gatewayClassName": "gke-l7-regional-external-managed", "listeners": [listener]}
    )
    create("v1", "Service", "web", {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": PORT}]})
    rule = {"backendRefs": [{"name": "web", "port": 80}]}
    create(GATEWAY_API, "HTTPRoute", "web", {"parentRefs": [{"name": "gw"}], "rules": [rule]})

    def gateway() -> Object:
        found = (state.read(cluster.directory) or {"gateways": []})["gateways"]
        return next((item for item in found if item["state"] == state.PROGRAMMED and item["listeners"][0]["rules"]), {})

    eventually(gateway, "the Gateway is programmed with its route")
    port = gateway()["listeners"][0]["localPort"]
    assert ask(port, "/predict")[:2] == (503, "no healthy upstream")
    container = {"name": "main", "image": IMAGE, "ports": [{"containerPort": PORT}]}
    gates = [{"conditionType": NEG_READINESS_GATE}]
    create("v1", "Pod", "web-1", {"containers": [container], "readinessGates": gates}, labels={"app": "web"})

    def endpoint() -> Object:
        backends = (state.read(cluster.directory) or {"backends": {}})["backends"]
        found = backends.get("Service/default/web:80", {}).get("endpoints") or [{}]
        return found[0]

    eventually(lambda: "GET / answered 404" in endpoint().get("reason", ""), "the default check fails", timeout=60)
    assert ask(port, "/predict")[0] == 503

    def ready() -> bool:
        pod = client.get("v1", "Pod", "web-1", "default") or {}
        return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))

    assert not ready()
    http = {"requestPath": "/ready", "portSpecification": "USE_SERVING_PORT"}
    target = {"group": "", "kind": "Service", "name": "web"}
    default = {"config": {"type": "HTTP", "httpHealthCheck": http}}
    create("networking.gke.io/v1", "HealthCheckPolicy", "web", {"targetRef": target, "default": default})
    eventually(lambda: endpoint().get("state") == state.HEALTHY, "healthy", timeout=60)
    eventually(ready, "the gate opens, and the pod is Ready")
    assert ask(port, "/healthz")[0] == 200
