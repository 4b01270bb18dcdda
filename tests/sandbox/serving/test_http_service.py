"""The stand-in for plain HTTP inference servers, and the reports whose incidents it replays."""

from __future__ import annotations

import threading
import time

import pytest

from rules import http_servers
from sandbox.serving import prometheus
from sandbox.serving.http_service import options
from tests.sandbox.serving.conftest import Running, Start
from tests.sandbox.support import eventually

QUICK = {"latency_ms": 1}


def value(server: Running, name: str, path: str = "/metrics") -> float:
    """The first sample of a metric."""
    return prometheus.parse(server.get(path).text)[name][0][1]


def ready_server(start: Start) -> Running:
    """The first report's server, once it is ready."""
    server = start("http_service", [])
    eventually(lambda: server.get("/ready").status == 200, "readiness")
    return server


def test_the_reports_server_answers_ready_and_healthz_and_not_what_its_probes_asked(start: Start) -> None:
    """Scaled pods stayed 0/1 Ready: probes asked /readyz and /health, which are 404."""
    server = start("http_service", [], options=["--image", "registry/inference"])
    eventually(lambda: server.get("/ready").status == 200, "readiness")
    assert server.get("/healthz").status == 200
    assert [server.get(path).status for path in ("/readyz", "/health", "/")] == [404, 404, 404]
    eventually(lambda: '"GET /readyz HTTP/1.1" 404 Not Found' in server.lines(), "the log line of the report")


def test_the_other_reports_server_has_its_own_paths_and_answers(start: Start) -> None:
    """Liveness and readiness under /api/health, with the fields that its guide lists."""
    server = start("http_service", [], options=["--image", "gerdsenai/impetus-llm-server"])
    assert server.get("/api/health/live").json()["alive"] is True
    eventually(lambda: server.get("/api/health/ready").status == 200, "readiness")
    ready = server.get("/api/health/ready").json()
    assert (ready["ready"], ready["message"], ready["checks"]["models_loaded"]) == (True, "Ready", True)
    assert server.get("/healthz").status == 404
    for name in http_servers.IMPETUS_METRICS:
        assert value(server, name, "/api/health/metrics") >= 0
    assert value(server, "impetus_health_status", "/api/health/metrics") == 1


def test_until_started_it_is_alive_and_not_ready(start: Start) -> None:
    """Why there are three probes: liveness must hold while models load, readiness must not."""
    words = [
        "--endpoint=health:/healthz",
        "--endpoint=ready:/readyz",
        "--endpoint",
        "startup:/startupz",
        "--endpoint=serve:/p",
    ]
    server = start("http_service", words, environment={"SANDBOX_HTTP_STARTUP_SECONDS": "4000"})
    statuses = [server.get(path).status for path in ("/healthz", "/readyz", "/startupz", "/p")]
    assert statuses == [200, 503, 503, 503]
    eventually(lambda: server.get("/startupz").status == 200, "start-up ends")
    assert server.get("/readyz").status == 200


def test_faults_change_what_probes_and_clients_see(start: Start) -> None:
    """Incidents are replayed while it runs, and undone."""
    server = ready_server(start)
    assert server.post("/__fault", {"ready": False}).status == 200
    assert [server.get(path).status for path in ("/ready", "/healthz")] == [503, 200]
    server.post("/__fault", {"ready": True, "alive": False, "error_rate": 0.5, **QUICK})
    assert [server.get(path).status for path in ("/ready", "/healthz")] == [200, 503]
    statuses = [server.post("/predict", {}).status for _ in range(4)]
    assert sorted(statuses) == [200, 200, 500, 500]
    assert value(server, http_servers.ERROR_RATIO) == 0.5
    assert server.get("/__fault").json()["error_rate"] == 0.5


@pytest.mark.parametrize(
    "fault", [{"reddy": False}, {"ready": 1}, {"latency_ms": -1}, {"error_rate": 2}, {"latency_ms": True}, [], "{"]
)
def test_a_wrong_fault_changes_nothing(start: Start, fault: object) -> None:
    """A typing error in an incident must not look like an incident that had no effect."""
    server = start("http_service", [])
    before = server.get("/__fault").json()
    assert server.post("/__fault", fault).status == 400
    assert server.get("/__fault").json() == before


def test_the_sandboxs_own_questions_are_not_logged(start: Start) -> None:
    """The incident: requests drowned in what the metrics-server asks every second."""
    server = ready_server(start)
    assert server.get("/__usage").status == 200
    assert server.get("/healthz").status == 200
    eventually(lambda: "GET /healthz" in server.lines(), "a request is logged")
    assert "__usage" not in server.lines()


def test_faults_cannot_be_set_through_a_load_balancer(start: Start) -> None:
    """What comes from outside has passed a proxy."""
    server = ready_server(start)
    answer = server.ask("POST", "/__fault", {"ready": False}, {"x-forwarded-for": "203.0.113.7"})
    assert answer.status == 404
    assert server.get("/ready").status == 200


def test_requests_beyond_its_workers_queue_and_the_metrics_say_so(start: Start) -> None:
    """Two pods under the load of four: latency, requests in flight and CPU time rise, as the autoscaler needs."""
    server = ready_server(start)
    server.post("/__fault", {"latency_ms": 1500})
    before, began = value(server, "process_cpu_seconds_total"), time.monotonic()
    clients = [threading.Thread(target=server.post, args=("/predict", {})) for _ in range(2 * http_servers.CONCURRENCY)]
    for client in clients:
        client.start()
    eventually(lambda: value(server, http_servers.IN_FLIGHT) == len(clients), "all in flight")
    for client in clients:
        client.join()
    assert value(server, http_servers.LATENCY_P95) > 0.6
    cores = (value(server, "process_cpu_seconds_total") - before) / (time.monotonic() - began)
    assert 2 * http_servers.IDLE_CPU < cores <= http_servers.BUSY_CPU
    assert value(server, http_servers.IN_FLIGHT) == 0


def test_sigterm_finishes_what_runs(start: Start) -> None:
    """A scale-down loses no request."""
    server = ready_server(start)
    server.post("/__fault", {"latency_ms": 3000})
    statuses: list[int] = []
    client = threading.Thread(target=lambda: statuses.append(server.post("/predict", {}).status))
    client.start()
    eventually(lambda: value(server, http_servers.IN_FLIGHT) == 1, "the request runs")
    server.process.terminate()
    client.join()
    assert statuses == [200]
    assert server.ended() == 0


def test_paths_and_port_come_from_arguments_environment_or_image() -> None:
    """What the container declares goes before what the image is known for."""
    assert options.parse("x/impetus-llm-server", [], {}).server.port == 8080
    assert options.parse("x/impetus-llm-server", [], {"IMPETUS_PORT": "9000"}).server.port == 9000
    found = options.parse(
        "x/inference", ["--port", "7000", "--workers=4"], {options.ENDPOINTS: "ready:/r,live:/l"}
    ).server
    assert (found.port, dict(found.paths)) == (7000, {"/r": "ready", "/l": "live"})


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--endpoint=redy:/r"], "endpoint 'redy:/r': write ROLE:/PATH"),
        (["--endpoint=ready:r"], "endpoint 'ready:r'"),
        (["--port=http"], "port 'http': write a number"),
        (["--port=0"], "port '0'"),
    ],
)
def test_a_wrong_declaration_ends_it(words: list[str], says: str) -> None:
    """The message names what to write."""
    with pytest.raises(options.OptionError) as caught:
        options.parse("x/inference", words, {})
    assert says in str(caught.value)
