"""The load balancer speaks TLS to servers that do not (deployment report 6 and 15; the report on HTTPS).

Two servers that speak plain HTTP; what differs is the Service's appProtocol.
"""

from __future__ import annotations

from rules.gateway import GKE_NETWORKING_API_VERSION
from tests.incidents.replay.conftest import PICKER, SERVERS
from tests.incidents.replay.place import Object, Place, rule, to_service

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


def test_what_the_report_tried_has_no_effect(models: Place) -> None:
    """The annotation is Ingress's, and a GCPBackendPolicy has no field for the protocol."""
    model(models, "tried", "https")
    annotation = {"cloud.google.com/app-protocols": '{"8000":"HTTP"}'}
    models.patch("v1", "Service", "tried", {"metadata": {"annotations": annotation}})
    spec = {"targetRef": to_service("tried"), "default": {"timeoutSec": 60}}
    models.create(GKE_NETWORKING_API_VERSION, "GCPBackendPolicy", "tried", spec)
    models.until(GKE_NETWORKING_API_VERSION, "GCPBackendPolicy", "tried", "Attached", "True")
    models.answers("tried", "/health", 503, TLS_ERROR)
