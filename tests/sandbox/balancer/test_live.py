"""The load balancer's process at a real API server, in front of small local servers: what a client and a reader see."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable
from http.client import HTTPSConnection

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rules.load_balancer import NEG_READINESS_GATE
from sandbox.balancer import state
from sandbox.cluster.pki import make_certificate, pem
from tests.sandbox.balancer.servers import Behaviour, ask, server
from tests.sandbox.balancer.world import GATEWAY_API, REGIONAL, SERVICE, World
from tests.sandbox.support import eventually, processes_of


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
        eventually(lambda: world.endpoints() == {"one": "UNHEALTHY"}, "the state says so")
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

        def last_entry() -> tuple[int, str]:
            lines = (world.directory / "logs" / "load-balancer.jsonl").read_text().splitlines()
            entry = json.loads(lines[-1])
            return entry["httpRequest"]["status"], entry["jsonPayload"]["statusDetails"]

        eventually(lambda: last_entry() == (200, "response_sent_by_backend"), "logged")


def test_nothing_is_left(world: World) -> None:
    """`make down` must find no process of it."""
    eventually(lambda: processes_of(world.directory), "it runs")
    world.process.stop()
    assert processes_of(world.directory) == []


def test_a_certificate_that_comes_later(world: World) -> None:
    """The incident: the Secret of an HTTPS listener is made after its Gateway; until then nothing of the Gateway is served."""
    tls = {"mode": "Terminate", "certificateRefs": [{"name": "edge"}]}
    plain = {"name": "http", "port": 80, "protocol": "HTTP"}
    world.gateway(REGIONAL, plain, {"name": "https", "port": 443, "protocol": "HTTPS", "tls": tls})
    eventually(lambda: "GWCER102: Secret" in world.state().get("message", ""), "the missing Secret is named")
    assert world.state()["state"] == state.BLOCKED
    key = ec.generate_private_key(ec.SECP256R1())
    made = make_certificate("edge", key.public_key(), issuer=None, key=key, sans=[x509.DNSName("localhost")])
    content = {"tls.crt": made.public_bytes(serialization.Encoding.PEM), "tls.key": pem(key)}
    data = {name: base64.b64encode(value).decode() for name, value in content.items()}
    metadata = {"name": "edge", "namespace": world.namespace}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/tls", "data": data}
    world.client.create(secret)
    secure = world.port("https")
    context = ssl.create_default_context(cadata=content["tls.crt"].decode())

    def connect(port: int) -> HTTPSConnection:
        return HTTPSConnection("localhost", port, timeout=10, context=context)

    assert ask(secure, "/", context=connect)[0] == 404, "served with the Secret's certificate"
    assert ask(world.port("http"), "/")[0] == 404
