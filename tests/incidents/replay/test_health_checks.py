"""Pods Ready, backends UNHEALTHY: the load balancer's own health checks (deployment report 5 and 13; health check report).

Two Ready servers and a Gateway; what differs is the HealthCheckPolicy.
"""

from __future__ import annotations

import pytest

from rules.gateway import GKE_NETWORKING_API_VERSION
from rules.load_balancer import NO_HEALTHY_UPSTREAM
from sandbox.balancer import by_hand
from sandbox.clock import SPEED
from tests.incidents.replay.conftest import PICKER, SERVERS
from tests.incidents.replay.place import SECONDS, Object, Place, rule, to_service
from tests.sandbox.support import eventually

PROMPT = '{"prompt": "Hello from Pattern 3!", "max_tokens": 4}'


def behind_gateway(place: Place, name: str, kind: str) -> Object:
    """A Gateway with one route to the servers, through a Service or an InferencePool; returns the backendRef."""
    place.gateway(name)
    backend = place.service(name, SERVERS) if kind == "Service" else place.pool(name, SERVERS, PICKER)
    place.route(name, name, rule(backend))
    return backend


def target(backend: Object) -> Object:
    """The targetRef of a policy that attaches to the backend."""
    return {"group": backend.get("group", ""), "kind": backend.get("kind", "Service"), "name": backend["name"]}


@pytest.mark.parametrize("kind", ["Service", "InferencePool"])
def test_without_a_policy_gke_asks_for_the_root_path(models: Place, kind: str) -> None:
    """All pods Ready, health check `requestPath: /`, every backend UNHEALTHY, "no healthy upstream"; gone with a policy."""
    name = f"no-policy-{kind.lower()}"
    backend = behind_gateway(models, name, kind)
    models.until_health(backend, "UNHEALTHY", "GET / answered 404")
    assert models.backend(backend)["healthCheck"]["requestPath"] == "/"
    assert all(status["ready"] for status in models.containers(SERVERS))
    models.answers(name, "/v1/completions", 503, NO_HEALTHY_UPSTREAM, PROMPT)

    models.health_check(name, target(backend))
    models.until(GKE_NETWORKING_API_VERSION, "HealthCheckPolicy", name, "Attached", "True")
    models.until_health(backend, "HEALTHY")
    models.answers(name, "/v1/completions", 200, "text_completion", PROMPT)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"group": "inference.networking.x-k8s.io"}, "TargetNotFound"),
        ({"group": ""}, "TargetNotFound"),
        ({"kind": "Inferencepool"}, "TargetNotFound"),
        ({"name": "aimed-past-typo"}, "TargetNotFound"),
    ],
    ids=["retired-group", "no-group", "kind", "name"],
)
def test_a_policy_aimed_past_its_pool_changes_nothing(
    models: Place, aimed_past: Object, changes: dict[str, str], reason: str
) -> None:
    """The API server takes the policy, nothing says that it has no effect but a condition, and GKE goes on asking for /."""
    name = f"past-{'-'.join(changes)}-{len(''.join(changes.values()))}"
    models.health_check(name, {**target(aimed_past), **changes})
    models.until(GKE_NETWORKING_API_VERSION, "HealthCheckPolicy", name, "Attached", "False", reason)
    check = models.backend(aimed_past)["healthCheck"]
    assert (check["requestPath"], check["policy"]) == ("/", None)
    models.answers("aimed-past", "/v1/completions", 503, NO_HEALTHY_UPSTREAM, PROMPT)


@pytest.fixture(scope="module")
def aimed_past(models: Place) -> Object:
    """A pool behind a Gateway that no policy covers."""
    backend = behind_gateway(models, "aimed-past", "InferencePool")
    models.until_health(backend, "UNHEALTHY", "GET / answered 404")
    return backend


def test_a_policy_for_the_pools_shadow_service(models: Place, aimed_past: Object) -> None:
    """The report's own attempt: the headless Service beside the pool is not what the Gateway routes to (GatewayNotFound)."""
    shadow = "aimed-past-ip-6a587483"
    ports = [{"port": 54321, "targetPort": 8000}]
    models.create("v1", "Service", shadow, {"clusterIP": "None", "selector": {"app": SERVERS}, "ports": ports})
    models.health_check("shadow", to_service(shadow))
    models.until(GKE_NETWORKING_API_VERSION, "HealthCheckPolicy", "shadow", "Attached", "False", "GatewayNotFound")
    assert models.health(aimed_past)[0][0] == "UNHEALTHY"


def test_a_health_check_that_is_changed_by_hand(models: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """`gcloud compute health-checks update --request-path=/health` heals the pool, and minutes later GKE asks for / again."""
    monkeypatch.setenv(SPEED, "30")  # a change holds for 6 s, which no busy machine misses
    backend = behind_gateway(models, "by-hand", "InferencePool")
    models.until_health(backend, "UNHEALTHY", "GET / answered 404")
    by_hand.change(models.cluster.directory, models.key(backend), "/health")
    models.until_health(backend, "HEALTHY")
    models.until_health(backend, "UNHEALTHY", "GET / answered 404")
    assert models.backend(backend)["healthCheck"]["requestPath"] == "/"
    models.answers("by-hand", "/v1/completions", 503, NO_HEALTHY_UPSTREAM, PROMPT)

    models.health_check("by-hand", target(backend))
    models.until_health(backend, "HEALTHY")
    by_hand.change(models.cluster.directory, models.key(backend), "/")
    models.until_health(backend, "UNHEALTHY", "GET / answered 404")
    models.until_health(backend, "HEALTHY")


def test_a_policy_with_a_path_that_vllm_does_not_serve(models: Place) -> None:
    """Attached and wrong: /readyz is as much a 404 as /."""
    backend = behind_gateway(models, "wrong-path", "Service")
    models.health_check("wrong-path", to_service("wrong-path"), "/readyz")
    models.until_health(backend, "UNHEALTHY", "GET /readyz answered 404")
    models.answers("wrong-path", "/health", 503, NO_HEALTHY_UPSTREAM)


def test_an_https_check_of_a_plain_server(models: Place) -> None:
    """Protocol HTTPS, server HTTP: UNHEALTHY, and vLLM's log is full of what the report took for normal."""
    backend = behind_gateway(models, "https-check", "Service")
    models.health_check("https-check", to_service("https-check"), kind="HTTPS")
    models.until_health(backend, "UNHEALTHY", "TLS failed")
    models.answers("https-check", "/health", 503, NO_HEALTHY_UPSTREAM)
    invalid = "WARNING:  Invalid HTTP request received."
    eventually(lambda: invalid in models.log(SERVERS), "the servers say what they got", timeout=SECONDS)


def test_a_policy_of_another_model_does_not_help(models: Place) -> None:
    """Pattern 1 had its policies when Pattern 3 was added beside it without any: each backend needs its own."""
    models.gateway("two")
    first, second = (models.service(name, SERVERS) for name in ("pattern1", "pattern3"))
    for name, backend in (("pattern1", first), ("pattern3", second)):
        models.route(name, "two", rule(backend, "/v1/models" if name == "pattern1" else "/health"))
    models.health_check("pattern1", to_service("pattern1"))
    models.until_health(first, "HEALTHY")
    models.until_health(second, "UNHEALTHY", "GET / answered 404")
    models.answers("two", "/v1/models", 200)
    models.answers("two", "/health", 503, NO_HEALTHY_UPSTREAM)
