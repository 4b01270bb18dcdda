"""Gateways' listeners: plain HTTP, certificates, redirects, addresses."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.harness import UNKNOWN, Made
from tests.policies.objects import (
    GLOBAL,
    gateway,
    https,
    route,
)

INTERNAL: Final = "gke-l7-rilb"


REDIRECT: Final = {"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}]}


def listening(*listeners: Any, class_name: Any = "gke-l7-regional-external-managed", **metadata: Any) -> Made:
    """A Gateway with these listeners."""
    made = gateway(class_name)
    body = {**made.props, "spec": {**made.props["spec"], "listeners": list(listeners)}}
    return Made(made.token, made.name, {**body, "metadata": {**made.props["metadata"], **metadata}})


def plain(**changes: Any) -> dict[str, Any]:
    """A listener without encryption."""
    return {"name": "http", "port": 80, "protocol": "HTTP", **changes}


def redirecting(section: Any) -> Made:
    """A route that redirects to https, on that listener."""
    return route(rule=REDIRECT, parent=[{"name": "inference", "namespace": "gateways", "sectionName": section}])


def addressed(class_name: str, name: Any) -> Made:
    """A Gateway with a named address."""
    made = gateway(class_name)
    spec = {**made.props["spec"], "addresses": [{"type": "NamedAddress", "value": name}]}
    return Made(made.token, made.name, {**made.props, "spec": spec})


def address(scope: str) -> Made:
    """A reserved address."""
    token = "gcp:compute/address:Address" if scope == "regional" else "gcp:compute/globalAddress:GlobalAddress"
    return Made(token, "front", {"name": "front"})


CASES: Final[Cases] = {
    "public-plain-http": [
        fail("plain-http", "spec.listeners[0].protocol is 'HTTP'", listening(plain())),
        fail("plain-http", "prompts, answers and API keys", listening(https(), plain(), class_name=GLOBAL)),
        fail("plain-http", "spec.listeners[0]", listening(plain()), route(rule=REDIRECT), route(name="second")),
        missing("", "", listening()),
        unknown("undecided", "protocol is '(unknown)'", listening(plain(protocol=UNKNOWN))),
        unknown("undecided", "gatewayClassName is '(unknown)'", listening(plain(), class_name=UNKNOWN)),
        good(gateway()),
        good(
            listening(plain(), https()),
            route(rule=REDIRECT, parent=[{"name": "inference", "namespace": "gateways", "sectionName": "http"}]),
        ),
        near(listening(plain(), class_name=INTERNAL)),
        near(listening(plain(), class_name="istio")),
    ],
    "gateway-listeners": [
        fail("certificate", "never programmed", listening(https(tls={"mode": "Terminate"}))),
        fail("certificate", "GWCER105", listening(https(tls__certificateRefs=[{"name": "tls"}]))),
        fail(
            "certificate certificate",
            "certificate maps are for global classes",
            listening(https(), annotations={"networking.gke.io/certmap": "map"}),
        ),
        fail(
            "address",
            "declares it as a global address",
            addressed("gke-l7-regional-external-managed", "front"),
            address("global"),
        ),
        fail("address", "declares it as a regional address", addressed(GLOBAL, "front"), address("regional")),
        fail(
            "certificate",
            "several certificate sources",
            listening(
                https(tls__options={f"networking.gke.io/{name}-certs": "a" for name in ("cert-manager", "pre-shared")})
            ),
        ),
        fail("redirect-loop", "too many redirects", listening(plain(), https()), route(rule=REDIRECT)),
        missing("certificate", "spec.listeners[0].tls is missing", listening(https(tls=None))),
        unknown("undecided", "tls is '(unknown)'", listening(https(tls=UNKNOWN))),
        unknown("", "", addressed(GLOBAL, UNKNOWN), address("regional")),
        unknown("undecided", "sectionName is '(unknown)'", listening(plain(), https()), redirecting(UNKNOWN)),
        good(gateway()),
        good(addressed("gke-l7-regional-external-managed", "front"), address("regional")),
        near(listening(https(tls=None), class_name=GLOBAL, annotations={"networking.gke.io/certmap": "map"})),
        near(listening(https(tls=None), class_name="istio")),
        near(listening(plain())),
        near(listening(plain(), https()), redirecting("http")),
        near(addressed("gke-l7-regional-external-managed", "elsewhere"), address("global")),
    ],
}
