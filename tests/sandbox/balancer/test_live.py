"""The load balancer's process at a real API server, in front of small local servers: what a client and a reader see."""

from __future__ import annotations

import json
import shutil
import ssl
from collections.abc import Callable, Iterator
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from rules.load_balancer import NEG_READINESS_GATE
from sandbox.balancer import state
from sandbox.balancer.process import BalancerProcess
from sandbox.cluster.runtime import ClusterRuntime
from sandbox.node.addresses import AddressBook, PodAddress, file_of
from tests.sandbox.balancer.servers import Behaviour, ask, server
from tests.sandbox.support import eventually, processes_of

Object = dict[str, Any]
GATEWAY_API = "gateway.networking.k8s.io/v1"
GKE = "networking.gke.io/v1"
REGIONAL = "gke-l7-regional-external-managed"
SERVICE: Object = {"name": "web", "port": 80}


class World:
    """One namespace of the cluster, a load balancer of the test's own, and pods that are local servers."""

    def __init__(self, cluster: ClusterRuntime, namespace: str, directory: Path) -> None:
        self.client = cluster.client
        self.namespace = namespace
        self.directory = directory
        self._book = AddressBook(file_of(directory))
        self._pods: dict[str, PodAddress] = {}
        directory.mkdir(parents=True)
        shutil.copy(cluster.kubeconfig, directory / "kubeconfig")
        self.process = BalancerProcess(directory)
        self.process.start()

    def restart(self) -> None:
        """Ends the process and starts another one."""
        self.process.stop()
        self.process = BalancerProcess(self.directory)
        self.process.start()

    def create(self, version: str, kind: str, name: str, spec: Object, **metadata: Any) -> Object:
        """Creates an object in the namespace."""
        own = {"name": name, "namespace": self.namespace, **metadata}
        return self.client.create({"apiVersion": version, "kind": kind, "metadata": own, "spec": spec})

    def gateway(self, class_name: str = REGIONAL, *listeners: Object) -> None:
        """The Gateway `gw`, with one HTTP listener unless others are given."""
        http = {"name": "http", "port": 80, "protocol": "HTTP"}
        spec = {"gatewayClassName": class_name, "listeners": list(listeners) or [http]}
        self.create(GATEWAY_API, "Gateway", "gw", spec)

    def route(self, name: str, *rules: Object) -> None:
        """A route of the Gateway."""
        self.create(GATEWAY_API, "HTTPRoute", name, {"parentRefs": [{"name": "gw"}], "rules": list(rules)})

    def service(self, name: str = "web") -> None:
        """A Service of the pods labelled `app: NAME`, port 80 → 8000."""
        self.create("v1", "Service", name, {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8000}]})

    def pod(self, name: str, port: int | None, app: str = "web", *, gated: bool = False, ready: bool = False) -> None:
        """A pod that runs, served by 127.0.0.1:`port`, or only simulated."""
        container = {"name": "c", "image": "example.com/x:1", "ports": [{"containerPort": 8000}]}
        gates = {"readinessGates": [{"conditionType": NEG_READINESS_GATE}]} if gated else {}
        self.create("v1", "Pod", name, {"containers": [container], **gates}, labels={"app": app})
        ip = f"10.9.0.{len(self._pods) + 1}"
        conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
        status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": conditions}
        self.client.merge_patch("v1", "Pod", name, self.namespace, {"status": status}, subresource="status")
        ports = {} if port is None else {8000: port}
        self._pods[f"{self.namespace}/{name}"] = PodAddress(pod_ip=ip, ports=ports)
        self._book.write(dict(self._pods))

    def policy(self, kind: str, default: Object, target: Object) -> None:
        """A policy of GKE's."""
        self.create(GKE, kind, f"{target['kind']}-{target['name']}".lower(), {"targetRef": target, "default": default})

    def health_check(self, path: str = "/health", *, name: str = "web", threshold: int = 1) -> None:
        """A HealthCheckPolicy for the Service."""
        http = {"requestPath": path, "portSpecification": "USE_SERVING_PORT"}
        default = {
            "checkIntervalSec": 2,
            "timeoutSec": 2,
            "healthyThreshold": threshold,
            "config": {"type": "HTTP", "httpHealthCheck": http},
        }
        self.policy("HealthCheckPolicy", default, {"group": "", "kind": "Service", "name": name})

    def state(self) -> Object:
        """This namespace's Gateway in balancer.json."""
        found = state.read(self.directory) or {"gateways": []}
        return next((item for item in found["gateways"] if item["namespace"] == self.namespace), {})

    def endpoints(self, backend: str = "Service/{}/web:80") -> dict[str, str]:
        """State and reason by pod."""
        found = (state.read(self.directory) or {"backends": {}})["backends"].get(backend.format(self.namespace), {})
        return {item["pod"].partition("/")[2]: item["state"] for item in found.get("endpoints", [])}

    def port(self, listener: str = "http") -> int:
        """The local port of a listener, once it is served."""

        def local() -> int | None:
            listeners = self.state().get("listeners", [])
            return next((item["localPort"] for item in listeners if item["name"] == listener and item["url"]), None)

        eventually(local, f"listener {listener} is served")
        found = local()
        assert found is not None
        return found


@pytest.fixture
def world(
    running_cluster: ClusterRuntime, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A load balancer in front of an empty namespace, 20 times as fast as GKE's."""
    monkeypatch.setenv("SANDBOX_SPEED", "20")
    made = World(running_cluster, namespace, tmp_path / "clusters" / "own")
    yield made
    made.process.stop()
    for kind in ("HTTPRoute", "Gateway"):
        for item in made.client.list(GATEWAY_API, kind, namespace):
            made.client.delete(GATEWAY_API, kind, item["metadata"]["name"], namespace)


def answers(port: int, path: str, status: int, words: str) -> Callable[[], bool]:
    """Whether the load balancer answers so."""

    def holds() -> bool:
        try:
            found, body, _ = ask(port, path)
        except OSError:
            return False
        return found == status and words in body

    return holds


def test_from_no_route_to_a_healthy_backend(world: World) -> None:
    """A Gateway without routes answers 404, one whose backend fails its check 503, and with the right policy 200."""
    world.gateway()
    port = world.port()
    assert ask(port, "/")[:2] == (404, "fault filter abort")
    behaviour = Behaviour("one")
    with server(behaviour) as local:
        world.service()
        world.pod("one", local, ready=True)
        world.route("r", {"backendRefs": [SERVICE]})
        eventually(answers(port, "/v1/models", 503, "no healthy upstream"), "503 with the default check")
        eventually(lambda: len(behaviour.checks) > 1, "checked")
        assert set(behaviour.checks) == {"/"}, "without a policy GKE asks for /"
        assert world.endpoints() == {"one": "UNHEALTHY"}
        world.health_check()
        eventually(answers(port, "/v1/models", 200, '"server": "one"'), "200 with the policy")
        eventually(lambda: world.endpoints() == {"one": "HEALTHY"}, "the state says so")
        behaviour.health = 503
        eventually(answers(port, "/", 503, "no healthy upstream"), "unhealthy again")


def test_a_refused_route_holds_up_the_whole_gateway(world: World) -> None:
    """The incident: one route with timeouts, and every later change of the Gateway is kept out while the old one serves."""
    with server(Behaviour("one", root=200)) as local:
        world.gateway()
        world.service()
        world.pod("one", local)
        world.route("good", {"matches": [{"path": {"type": "PathPrefix", "value": "/good"}}], "backendRefs": [SERVICE]})
        port = world.port()
        eventually(answers(port, "/good", 200, "one"), "the good route serves")
        world.route("bad", {"backendRefs": [SERVICE], "timeouts": {"request": "0s"}})
        eventually(lambda: world.state()["state"] == state.BLOCKED, "blocked")
        assert "GWCER104" in world.state()["message"]
        world.route(
            "later", {"matches": [{"path": {"type": "PathPrefix", "value": "/later"}}], "backendRefs": [SERVICE]}
        )

        def condition() -> str:
            conditions = (world.client.get(GATEWAY_API, "Gateway", "gw", world.namespace) or {})["status"]["conditions"]
            return next((c["status"] for c in conditions if c["type"] == "networking.gke.io/GatewayHealthy"), "")

        eventually(lambda: condition() == "False", "GKE says that the Gateway is not healthy")
        assert ask(port, "/later")[:2] == (404, "fault filter abort")
        assert ask(port, "/good")[0] == 200
        world.restart()
        eventually(answers(port, "/good", 200, "one"), "the last good configuration outlives the process, on its port")
        assert ask(port, "/later")[0] == 404
        world.client.delete(GATEWAY_API, "HTTPRoute", "bad", world.namespace)
        eventually(answers(port, "/later", 200, "one"), "repaired")


def test_readiness_gate_and_leaving_pods(world: World) -> None:
    """A gated pod is told once it is healthy; a pod that goes gets no more requests; one that is simulated never does."""
    with server(Behaviour("one")) as first, server(Behaviour("two")) as second:
        world.gateway()
        world.service()
        world.route("r", {"backendRefs": [SERVICE]})
        port = world.port()
        eventually(answers(port, "/", 503, "no healthy upstream"), "programmed")
        world.pod("one", first, gated=True)
        world.pod("two", second)
        world.pod("three", None)

        def gate() -> tuple[str, str]:
            pod = world.client.get("v1", "Pod", "one", world.namespace) or {}
            found = [c for c in pod["status"]["conditions"] if c["type"] == NEG_READINESS_GATE]
            return (found[0]["status"], found[0]["reason"]) if found else ("", "")

        eventually(lambda: gate() == ("False", "LoadBalancerNegNotReady"), "not healthy yet")
        world.health_check(threshold=2)
        eventually(lambda: gate() == ("True", "LoadBalancerNegReady"), "the gate opens")
        healthy = {"one": "HEALTHY", "two": "HEALTHY", "three": "UNHEALTHY"}
        eventually(lambda: world.endpoints() == healthy, "each has its own health")
        served = {json.loads(ask(port, "/")[1])["server"] for _ in range(6)}
        assert served == {"one", "two"}
        world.client.delete("v1", "Pod", "one", world.namespace)
        eventually(lambda: "one" not in world.endpoints(), "gone")
        assert {json.loads(ask(port, "/")[1])["server"] for _ in range(4)} == {"two"}


def test_https_listener_redirect_and_rewrite(world: World) -> None:
    """TLS with a certificate made here; HTTP leads to the local HTTPS port; the prefix is replaced; logging by policy."""
    option = {"networking.gke.io/cert-manager-certs": "certificate"}
    https = {"name": "https", "port": 443, "protocol": "HTTPS", "tls": {"mode": "Terminate", "options": option}}
    with server(Behaviour("one", root=200)) as local:
        world.gateway(REGIONAL, {"name": "http", "port": 80, "protocol": "HTTP"}, https)
        world.service()
        world.pod("one", local)
        world.policy(
            "GCPBackendPolicy", {"logging": {"enabled": True}}, {"group": "", "kind": "Service", "name": "web"}
        )
        redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
        rewrite = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/v1"}}
        matches = [{"path": {"type": "PathPrefix", "value": "/llm/v1"}}]
        parents = [{"name": "gw", "sectionName": "http"}]
        world.create(GATEWAY_API, "HTTPRoute", "to-https", {"parentRefs": parents, "rules": [{"filters": [redirect]}]})
        rule = {
            "matches": matches,
            "filters": [{"type": "URLRewrite", "urlRewrite": rewrite}],
            "backendRefs": [SERVICE],
        }
        parents = [{"name": "gw", "sectionName": "https"}]
        world.create(GATEWAY_API, "HTTPRoute", "app", {"parentRefs": parents, "rules": [rule]})
        plain, secure = world.port("http"), world.port("https")
        context = ssl.create_default_context(
            cafile=str(world.directory / "run" / "balancer" / f"{world.namespace}_gw_https.crt")
        )

        def connect(port: int) -> HTTPSConnection:
            return HTTPSConnection("127.0.0.1", port, timeout=10, context=context)

        eventually(lambda: ask(secure, "/llm/v1/models", context=connect)[0] == 200, "served by TLS")
        answered = json.loads(ask(secure, "/llm/v1/models?x=1", context=connect)[1])
        assert answered["path"] == "/v1/models?x=1"
        eventually(lambda: ask(plain, "/a?b")[0] == 301, "redirected")
        assert ask(plain, "/a?b")[2]["location"] == f"https://127.0.0.1:{secure}/a?b"
        lines = (world.directory / "logs" / "load-balancer.jsonl").read_text().splitlines()
        entries = [json.loads(line) for line in lines]
        assert entries[-1]["jsonPayload"]["statusDetails"] == "response_sent_by_backend"
        assert entries[-1]["httpRequest"]["status"] == 200


def test_nothing_is_left(world: World) -> None:
    """`make down` must find no process of it."""
    eventually(lambda: processes_of(world.directory), "it runs")
    world.process.stop()
    assert processes_of(world.directory) == []
