"""The load balancer speaks TLS to servers that do not (deployment report 6 and 15; the report on HTTPS).

Two servers that speak plain HTTP; what differs is the Service's appProtocol.
"""

from __future__ import annotations

import pytest

from rules.gateway import GKE_NETWORKING_API_VERSION
from sandbox.kube.client import ApiError
from tests.incidents.replay.conftest import PICKER, SERVERS
from tests.incidents.replay.place import SECONDS, Object, Place, rule, to_service
from tests.sandbox.support import eventually

PROMPT = '{"prompt": "Hello", "max_tokens": 4}'
PORT = {"port": 8000, "targetPort": 8000}
TLS_ERROR = "TLS_error:|268435703:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end"


def model(place: Place, name: str, app_protocol: str) -> Object:
    """KServe's two backends behind one Gateway, each with the policy of the report; returns the Service's backendRef."""
    place.gateway(name)
    service = place.service(name, SERVERS, app_protocol=app_protocol)
    pool = place.pool(name, SERVERS, PICKER)
    place.health_check(f"{name}-service", to_service(name))
    place.health_check(f"{name}-pool", pool)
    place.route(name, name, rule(pool, "/v1/completions"), rule(pool, "/v1/chat/completions"), rule(service, "/"))
    return service


def test_a_service_that_says_https_in_front_of_plain_servers(models: Place) -> None:
    """/health and /v1/models fail with a TLS error although every backend is HEALTHY; inference goes on. Both with http."""
    service = model(models, "says-https", "https")
    models.until_health(service, "HEALTHY")
    for path in ("/health", "/v1/models"):
        told = models.answers("says-https", path, 503, TLS_ERROR)
        assert told.startswith("upstream connect error or disconnect/reset before headers.")
    models.answers("says-https", "/v1/completions", 200, "text_completion", PROMPT)

    models.patch("v1", "Service", "says-https", {"spec": {"ports": [{**PORT, "appProtocol": "http"}]}})
    models.answers("says-https", "/health", 200)
    models.answers("says-https", "/v1/models", 200, '"object":"list"')


def test_without_a_policy_such_a_service_is_checked_by_https(models: Place) -> None:
    """The default check follows appProtocol: HTTPS on /, UNHEALTHY (the first form of the incident)."""
    models.gateway("https-default")
    service = models.service("https-default", SERVERS, app_protocol="https")
    models.route("https-default", "https-default", rule(service))
    models.until_health(service, "UNHEALTHY", "TLS failed")
    check = models.backend(service)["healthCheck"]
    assert (check["type"], check["requestPath"]) == ("HTTPS", "/")


def test_an_annotation_of_ingress_has_no_effect(models: Place) -> None:
    """`cloud.google.com/app-protocols` says HTTP, and GKE goes on speaking TLS: it is read for an Ingress alone.

    The same change of the Service adds a port, so that whoever serves the new port has seen the annotation too.
    """
    service = model(models, "annotated", "https")
    models.answers("annotated", "/health", 503, TLS_ERROR)
    annotation = {"cloud.google.com/app-protocols": '{"first":"HTTP","8000":"HTTP","second":"HTTP"}'}
    ports = [
        {"name": "first", **PORT, "appProtocol": "https"},
        {"name": "second", "port": 8001, "targetPort": 8000, "appProtocol": "https"},
    ]
    change: Object = {"metadata": {"annotations": annotation}, "spec": {"ports": ports}}
    models.patch("v1", "Service", "annotated", change)
    second = {"name": "annotated", "port": 8001}
    models.route("second", "annotated", rule(second, "/v1/models"))
    models.until_health(second, "HEALTHY")
    assert [models.backend(each)["protocol"] for each in (service, second)] == ["https", "https"]
    for path in ("/health", "/v1/models"):
        status, told = models.ask("annotated", path)
        assert (status, TLS_ERROR in told) == (503, True), told


def test_a_backend_policy_has_no_word_for_the_protocol(models: Place) -> None:
    """The API server refuses the field; the policy without it is attached, and the TLS errors go on."""
    service = model(models, "tried", "https")
    models.answers("tried", "/health", 503, TLS_ERROR)
    spec: Object = {"targetRef": to_service("tried"), "default": {"timeoutSec": 61, "protocol": "HTTP"}}
    with pytest.raises(ApiError, match=r'unknown field "spec\.default\.protocol"') as refused:
        models.create(GKE_NETWORKING_API_VERSION, "GCPBackendPolicy", "tried", spec)
    assert refused.value.status == 400

    del spec["default"]["protocol"]
    models.create(GKE_NETWORKING_API_VERSION, "GCPBackendPolicy", "tried", spec)
    eventually(lambda: models.backend(service).get("timeoutSec") == 61, "the policy is programmed", timeout=SECONDS)
    assert models.backend(service)["protocol"] == "https"
    status, told = models.ask("tried", "/health")
    assert (status, TLS_ERROR in told) == (503, True), told


@pytest.mark.parametrize(("app_protocol", "protocol"), [(None, "http"), ("https", "https")])
def test_a_port_that_is_merely_called_https(models: Place, app_protocol: str | None, protocol: str) -> None:
    """What the report takes for a fallback is none of GKE's: without appProtocol GKE speaks HTTP, whatever the port's name."""
    name = f"called-{protocol}"
    models.gateway(name)
    port = {"name": "https", **PORT, **({"appProtocol": app_protocol} if app_protocol else {})}
    models.create("v1", "Service", name, {"selector": {"app": SERVERS}, "ports": [port]})
    models.health_check(name, to_service(name))
    backend = {"name": name, "port": 8000}
    models.route(name, name, rule(backend))
    models.until_health(backend, "HEALTHY")
    assert models.backend(backend)["protocol"] == protocol
    if protocol == "http":
        models.answers(name, "/health", 200)
    else:
        models.answers(name, "/health", 503, TLS_ERROR)
