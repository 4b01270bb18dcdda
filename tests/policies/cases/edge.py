"""Protection at the edge, and TLS between load balancer and servers."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.cases.listeners import listening, plain
from tests.policies.harness import UNKNOWN, Made, kubernetes
from tests.policies.objects import GLOBAL, POOL_GROUP, gateway, https, llm, probe, route, selector, server, spoiled

GKE: Final = "networking.gke.io/v1"
POOL: Final = {"group": POOL_GROUP, "kind": "InferencePool", "name": "qwen-inference-pool"}
ENTRY: Final = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "inference"}
EVENTS: Final = ["RequestHeaders", "RequestBody", "ResponseHeaders", "ResponseBody"]
CERTIFICATE: Final = ("--ssl-certfile=/var/run/kserve/tls/tls.crt", "--ssl-keyfile=/var/run/kserve/tls/tls.key")


def iap(**changes: Any) -> Made:
    """A GCPBackendPolicy on the pool that turns IAP on."""
    block = {"enabled": True, "clientID": "1-a.apps.googleusercontent.com", "oauth2ClientSecret": {"name": "iap"}}
    spec = {"targetRef": POOL, "default": {"timeoutSec": 600, "iap": spoiled(block, changes)}}
    return kubernetes(GKE, "GCPBackendPolicy", "pool", spec=spec)


def front(target: Any = None, namespace: str = "gateways", **default: Any) -> Made:
    """A GCPGatewayPolicy."""
    spec = {"targetRef": ENTRY if target is None else target, "default": default}
    return kubernetes(GKE, "GCPGatewayPolicy", "front", namespace, spec=spec)


def armor(target: Any = None, **changes: Any) -> Made:
    """A GCPTrafficExtension with Model Armor in us-east5."""
    callout = {
        "name": "armor",
        "googleAPIServiceName": "modelarmor.us-east5.rep.googleapis.com",
        "timeout": "500ms",
        "failOpen": False,
        "supportedEvents": EVENTS,
    }
    chain = {"name": "armor", "extensions": [spoiled(callout, changes)]}
    spec = {"targetRefs": [ENTRY if target is None else target], "extensionChains": [chain]}
    return kubernetes(GKE, "GCPTrafficExtension", "armor", "gateways", spec=spec)


def addressed(region: Any) -> tuple[Made, Made]:
    """The Gateway with a regional address, and the address."""
    made = gateway()
    spec = {**made.props["spec"], "addresses": [{"type": "NamedAddress", "value": "front"}]}
    address = Made("gcp:compute/address:Address", "front", {"name": "front", "region": region})
    return Made(made.token, made.name, {**made.props, "spec": spec}), address


def switch(ingress: Any = '{"enableLLMInferenceServiceTLS": true}') -> Made:
    """KServe's ConfigMap, with the TLS switch on."""
    return kubernetes("v1", "ConfigMap", "inferenceservice-config", "kserve", data={"ingress": ingress})


def release() -> Made:
    """KServe's chart, which leaves the switch off."""
    props = {
        "chart": "oci://ghcr.io/kserve/charts/kserve-llmisvc-resources",
        "version": "v0.20.0",
        "namespace": "kserve",
    }
    return Made("kubernetes:helm.sh/v3:Release", "kserve", props)


def serving(*arguments: str, scheme: str = "HTTPS", **changes: Any) -> Made:
    """A service whose server has further arguments, and probes of that scheme."""
    probes = {
        name: {**probe(), "httpGet": {"path": "/health", "port": 8000, "scheme": scheme}}
        for name in ("startupProbe", "readinessProbe", "livenessProbe")
    }
    container = spoiled({**server(), **probes}, changes)
    if "args" not in changes:
        container["args"] = [*container["args"], *arguments]
    return llm(template={"nodeSelector": selector("2x2"), "containers": [container]})


CASES: Final[Cases] = {
    "edge-protection": [
        fail("iap", "answers everybody", iap(clientID=None)),
        fail("iap", "spec.default.iap.oauth2ClientSecret.name", iap(oauth2ClientSecret=None)),
        fail("iap", "speaks plain HTTP", iap(), route(), listening(plain())),
        fail("target", "for Gateways alone", front({"group": "", "kind": "Service", "name": "api"})),
        fail("target", "of its own namespace only", front({**ENTRY, "namespace": "gateways"}, "models")),
        fail("global-access", "answers the whole internet", front(allowGlobalAccess=True), gateway()),
        fail("fail-open", "pass unchecked", armor(failOpen=True)),
        fail("events", "never sees the text", armor(supportedEvents=["RequestHeaders"])),
        fail("limits", "10ms to 10000ms", armor(timeout="1m")),
        fail("region", "the Gateway is in europe-west4", armor(), *addressed("europe-west4")),
        fail("extension-class", "regional Gateways only", armor(), gateway(GLOBAL)),
        fail("target", "unattached", armor({"group": "", "kind": "Service", "name": "api"})),
        missing("iap iap", "OAuth client of your own", iap(clientID=None, oauth2ClientSecret=None)),
        missing("events", "supportedEvents is missing", armor(supportedEvents=None)),
        missing("", "", iap(enabled=None, clientID=None)),
        unknown("undecided", "whether the backend is behind IAP", iap(enabled=UNKNOWN)),
        unknown("undecided", "whether requests pass unjudged", armor(failOpen=UNKNOWN)),
        unknown("undecided", "whether the policy attaches", front({**ENTRY, "name": UNKNOWN})),
        unknown("", "", iap(clientID=UNKNOWN)),
        good(iap(), route(), gateway(), front(sslPolicy="modern"), armor(), *addressed("us-east5")[1:]),
        good(armor(), *addressed("us-east5")),
        good(front(allowGlobalAccess=True), gateway("gke-l7-rilb")),
        near(
            iap(),
            route(parent=[{"name": "inference", "namespace": "gateways", "sectionName": "https"}]),
            listening(plain(), https()),
        ),
        near(iap(enabled=False, clientID=None)),
        near(armor(googleAPIServiceName="dlp.googleapis.com", failOpen=True)),
        near(armor(timeout="2s500ms"), gateway("istio")),
    ],
    "backend-tls": [
        fail("backend-tls", "a server of plain HTTP", serving(), switch()),
        fail("backend-tls", "speaks TLS alone", serving(*CERTIFICATE, scheme="HTTP"), switch('{"urlScheme": "http"}')),
        fail("backend-tls", "speaks TLS alone", serving(*CERTIFICATE, scheme="HTTP"), release()),
        fail(
            "backend-tls backend-tls backend-tls",
            "startupProbe.httpGet.scheme is 'HTTP'",
            serving(*CERTIFICATE, scheme="HTTP"),
            switch(),
        ),
        missing("backend-tls", "a server of plain HTTP", serving(args=None), switch()),
        unknown("undecided", "whether servers speak TLS", serving(*CERTIFICATE), switch(UNKNOWN)),
        unknown("undecided", "whether the server speaks TLS", serving(args=[UNKNOWN]), switch()),
        good(serving(*CERTIFICATE), switch()),
        good(serving(scheme="HTTP"), release()),
        near(serving(scheme="HTTPS", command=None), switch()),
        near(serving(*CERTIFICATE)),
        near(serving("--ssl-certfile", "/tls.crt", "--ssl-keyfile", "/tls.key"), switch()),
    ],
}
