"""Plain HTTP services whose pods run and get no traffic, or get it too early (the reports on HPA and on health probes)."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from rules import http_servers
from rules.load_balancer import CONNECTION_TERMINATED
from sandbox.node.addresses import Addresses, file_of
from tests.components.http_services.graphs import example
from tests.incidents.replay import platform, servers
from tests.incidents.replay.place import SECONDS, Object, Place, rule, to_service
from tests.sandbox.balancer.servers import ask
from tests.sandbox.support import eventually

PORT = http_servers.SERVERS["inference"].port
IMPETUS = "gerdsenai/impetus-llm-server:2.1.0"
IMPETUS_PORT = http_servers.SERVERS["impetus-llm-server"].port
GATEWAY = "inference-gateway"
"""The name of the program's own Gateway."""


def endpoints(place: Place, service: str) -> dict[str, bool]:
    """What `kubectl get endpoints` shows: whether each pod behind the Service gets traffic, by name."""
    slices = place.client.list(
        "discovery.k8s.io/v1", "EndpointSlice", place.name, label_selector=f"kubernetes.io/service-name={service}"
    )
    found: list[Object] = [item for part in slices for item in part.get("endpoints") or []]
    return {item["targetRef"]["name"]: bool(item["conditions"].get("ready")) for item in found}


def ready_endpoints(place: Place, service: str) -> set[str]:
    """The pods that get traffic."""
    return {name for name, ready in endpoints(place, service).items() if ready}


def port_of(place: Place, pod: str, port: int) -> int:
    """Where the sandbox serves a pod's port on this machine: what a port-forward would be."""
    addresses = Addresses(file_of(place.cluster.directory))
    found: list[int] = []

    def served() -> bool:
        address = addresses.pod(place.name, pod)
        found.extend([address.ports[port]] if address is not None and port in address.ports else [])
        return bool(found)

    eventually(served, f"port {port} of {pod} is served", timeout=SECONDS)
    return found[0]


def fault(place: Place, app: str, port: int, **values: Any) -> None:
    """Makes the one server of an app behave differently from now on."""
    (pod,) = place.pods(app)
    local = port_of(place, pod["metadata"]["name"], port)
    assert ask(local, "/__fault", method="POST", body=json.dumps(values))[0] == 200


class TestPathsThatAreNotServed:
    """The probes of the report on HPA: /readyz and /health, where the server has /ready and /healthz."""

    def test_new_pods_run_and_never_get_traffic(self, place: Place) -> None:
        """A rollout brings pods that stay 0/1 Running, with 404 in their log, and are no endpoints; repaired, they are."""
        servers.http_service(place, "inference", replicas=2)
        place.service("inference", "inference", PORT)
        place.until_ready("inference", 2)
        eventually(lambda: len(ready_endpoints(place, "inference")) == 2, "two endpoints")
        old = ready_endpoints(place, "inference")

        self._probe(place, ready="/readyz", alive="/healthz")
        place.until_event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404")
        (name,) = {pod["metadata"]["name"] for pod in place.pods("inference")} - old

        def container() -> Object:
            pod = place.client.get("v1", "Pod", name, place.name) or {}
            return (pod.get("status", {}).get("containerStatuses") or [{}])[0]

        eventually(lambda: "running" in container().get("state", {}), "the new pod runs", timeout=SECONDS)
        assert not container()["ready"]
        asked = '"GET /readyz HTTP/1.1" 404 Not Found'
        eventually(lambda: asked in place.log("inference"), "its log says what it was asked", timeout=SECONDS)
        local = port_of(place, name, PORT)
        eventually(lambda: ask(local, "/ready")[0] == 200, "it could serve, and nobody asks it", timeout=SECONDS)
        eventually(lambda: endpoints(place, "inference").get(name) is False, "it is no endpoint")
        assert ready_endpoints(place, "inference") == old

        self._probe(place, ready="/ready", alive="/healthz")
        eventually(lambda: not ready_endpoints(place, "inference") & {name}, "the pod of the wrong template goes")
        place.until_ready("inference", 2)
        eventually(lambda: len(ready_endpoints(place, "inference")) == 2, "two endpoints again", timeout=SECONDS)

    @pytest.mark.parametrize(
        ("kind", "probes"),
        [
            ("startup", {"startupProbe": servers.probe("/health"), "livenessProbe": None}),
            ("liveness", {"livenessProbe": servers.probe("/health", periodSeconds=30)}),
        ],
        ids=["startup", "liveness"],
    )
    def test_startup_and_liveness_on_a_missing_path_are_restarts(
        self, place: Place, kind: str, probes: dict[str, Any]
    ) -> None:
        """RESTARTS 1, 4 … of a server that does nothing wrong: it never gets past its start, or is killed while it serves."""
        servers.http_service(place, "inference", **probes)
        if kind == "liveness":
            place.until_ready("inference")
        place.until_event("Unhealthy", f"{kind.title()} probe failed: HTTP probe failed with statuscode: 404")
        place.until_event("Killing", f"Container main failed {kind} probe, will be restarted")
        place.until_pods("inference", lambda found: found.get("restartCount", 0) >= 2, "restarted")
        assert '"GET /health HTTP/1.1" 404 Not Found' in place.log("inference")
        if kind == "startup":
            assert not any(found["ready"] for found in place.containers("inference"))

    @staticmethod
    def _probe(place: Place, *, ready: str, alive: str) -> None:
        container = {"name": "main", "readinessProbe": servers.probe(ready), "livenessProbe": servers.probe(alive)}
        deployed = place.client.get("apps/v1", "Deployment", "inference", place.name) or {}
        (before,) = deployed["spec"]["template"]["spec"]["containers"]
        template = {"spec": {"containers": [{**before, **container}]}}
        place.patch("apps/v1", "Deployment", "inference", {"spec": {"template": template}})


def test_both_services_as_the_program_declares_them(place: Place) -> None:
    """Everything from one declaration: all pods Ready, every one an endpoint, HEALTHY, and answering through the Gateway."""
    platform.deploy(example(), place)
    wanted = {"inference": 2, "impetus": 1}

    def endpoint_counts() -> dict[str, int]:
        return {name: len(ready_endpoints(place, name)) for name in wanted}

    eventually(lambda: endpoint_counts() == wanted, "every pod is an endpoint", timeout=SECONDS)
    place.answers(GATEWAY, f"/{place.name}/inference/predict", 200, "/predict", "{}")
    place.answers(GATEWAY, f"/{place.name}/impetus/v1/completions", 200, "/v1/completions", "{}")
    for pod in place.client.list("v1", "Pod", place.name):
        (container,) = pod["status"]["containerStatuses"]
        assert container["restartCount"] == 0, pod["metadata"]["name"]
    place.until_health({"name": "inference", "port": PORT}, "HEALTHY")


def impetus(place: Place, app: str, ready: str, start: int, **changes: Any) -> None:
    """The other report's server, behind a Gateway, with its readiness probe on `ready`; it loads models for `start` s."""
    container = {
        "image": IMPETUS,
        "env": [{"name": "SANDBOX_HTTP_STARTUP_SECONDS", "value": str(start)}],
        "ports": [{"containerPort": IMPETUS_PORT}],
        "readinessProbe": servers.probe(ready, IMPETUS_PORT, periodSeconds=5),
        **changes,
    }
    servers.deployment(place, app, container)


def test_a_readiness_probe_that_is_always_green(place: Place) -> None:
    """/api/health answers 200 before a model is loaded: clients get 503 from a pod that is Ready. /api/health/ready does not."""
    place.gateway("gw")
    for app, path in (("early", "/api/health"), ("right", "/api/health/ready")):
        impetus(place, app, path, start=1000)  # 10 s here, in which the next four lines have to be through
        backend = place.service(app, app, IMPETUS_PORT)
        place.health_check(app, to_service(app), path)
        place.route(app, "gw", rule(backend, f"/{app}", filters=[to_root()]))
    place.until_ready("early")
    place.answers("gw", "/early/v1/completions", 503, "Model not loaded", "{}")
    assert not any(found.get("ready") for found in place.containers("right"))
    place.answers("gw", "/right/v1/completions", 503, "no healthy upstream", "{}")
    place.until_event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    place.until_ready("right")
    place.answers("gw", "/right/v1/completions", 200, "/v1/completions", "{}")


def to_root() -> Object:
    """Takes the route's prefix away."""
    path = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
    return {"type": "URLRewrite", "urlRewrite": {"path": path}}


def test_a_startup_budget_that_is_too_short(place: Place) -> None:
    """Models that load for a minute: killed by three probes within half of it, Ready where there is time."""
    for app, failures in (("short", 3), ("long", 90)):
        startup = servers.probe("/api/health/ready", IMPETUS_PORT, failureThreshold=failures)
        impetus(place, app, "/api/health/ready", start=60, startupProbe=startup)
    place.until_event("Killing", "Container main failed startup probe, will be restarted")
    place.until_pods("short", lambda found: found.get("restartCount", 0) >= 2, "restarted again and again")
    place.until_ready("long")
    assert place.containers("long")[0]["restartCount"] == 0


def test_a_server_that_hangs(place: Place) -> None:
    """Without a liveness probe nobody restarts it; with one it is back by itself."""
    live = servers.probe("/api/health/live", IMPETUS_PORT, failureThreshold=6)
    startup = servers.probe("/api/health/ready", IMPETUS_PORT, failureThreshold=90)
    impetus(place, "watched", "/api/health/ready", start=1, livenessProbe=live, startupProbe=startup)
    impetus(place, "unwatched", "/api/health/ready", start=1, startupProbe=startup)
    for app in ("watched", "unwatched"):
        place.until_ready(app)
        fault(place, app, IMPETUS_PORT, alive=False, ready=False)
    place.until_event("Killing", "Container main failed liveness probe, will be restarted")
    place.until_pods("watched", lambda found: found["ready"] and found["restartCount"], "back")
    place.until_pods("unwatched", lambda found: not found["ready"], "taken out")
    (left,) = place.containers("unwatched")
    assert left["restartCount"] == 0


def test_requests_that_no_node_has_room_for(place: Place) -> None:
    """Scaled pods stay Pending for memory; with requests that fit they run."""
    resources = {"requests": {"memory": "60Gi", "cpu": "250m"}}
    servers.http_service(place, "large", replicas=2, resources=resources)
    servers.http_service(place, "small", replicas=2, resources={"requests": {"memory": "1Gi", "cpu": "250m"}})

    def told() -> list[str]:
        conditions = [item for pod in place.pods("large") for item in pod["status"].get("conditions") or []]
        return [str(item["message"]) for item in conditions if item.get("reason") == "Unschedulable"]

    eventually(lambda: any("Insufficient memory" in message for message in told()), "the scheduler says why")
    place.until_ready("small", 2)


@pytest.mark.parametrize("graceful", [False, True], ids=["shorter-than-the-answer", "as-the-program-declares"])
def test_a_request_under_way_when_its_pod_ends(place: Place, *, graceful: bool) -> None:
    """Cut off without preStop and with a grace shorter than the answer takes; answered with what follows drainSeconds."""
    settings = example()
    settings["services"] = [{**settings["services"][0], "drainSeconds": 900}]
    settings["services"][0].pop("autoscaling")
    settings["services"][0]["replicas"] = 1

    def weaken(made: Object) -> None:
        if made["kind"] == "Deployment" and not graceful:
            pod = made["spec"]["template"]["spec"]
            pod["terminationGracePeriodSeconds"] = 1
            pod["containers"][0].pop("lifecycle")

    platform.deploy(settings, place, weaken)
    path = f"/{place.name}/inference/predict"
    place.answers(GATEWAY, path, 200, "/predict", "{}")
    (pod,) = place.client.list("v1", "Pod", place.name)
    local = port_of(place, pod["metadata"]["name"], PORT)
    latency = 3000 if graceful else 6000  # well within the grace, or well beyond it
    assert ask(local, "/__fault", method="POST", body=json.dumps({"latency_ms": latency}))[0] == 200
    seen: list[tuple[int, str]] = []
    client = threading.Thread(target=lambda: seen.append(place.ask(GATEWAY, path, "{}")))
    client.start()
    eventually(lambda: in_flight(local) == 1, "the request has arrived")
    place.delete("v1", "Pod", pod["metadata"]["name"])
    client.join(SECONDS)
    assert not client.is_alive(), "neither answered nor cut off"
    if graceful:
        assert seen[0][0] == 200, seen
    else:
        assert seen == [(503, CONNECTION_TERMINATED)]


def in_flight(local: int) -> float:
    """The server's own gauge of requests that it works on."""
    lines = ask(local, "/metrics")[1].splitlines()
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(http_servers.IN_FLIGHT))
