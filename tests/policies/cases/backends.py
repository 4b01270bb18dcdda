"""Backends: health checks and probes against servers, timeouts, backend policies."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.cases.parts import API, on_tpu
from tests.policies.harness import UNKNOWN, Made, kubernetes
from tests.policies.objects import (
    POOL_GROUP,
    api_health,
    backend,
    deployment,
    gateway,
    health,
    llm,
    probe,
    route,
    server,
    service,
    service_health,
    service_ref,
    web,
)

POOL = {"group": POOL_GROUP, "kind": "InferencePool", "name": "qwen-inference-pool"}


INCIDENT = {"servedPaths": {"*/inference-api:*": ["/ready", "/healthz"]}}


def http(**check: Any) -> dict[str, Any]:
    """A config of one HTTP check."""
    return {"type": "HTTP", "httpHealthCheck": {"portSpecification": "USE_FIXED_PORT", "port": 8000, **check}}


def tls_map() -> Made:
    """The ConfigMap that turns KServe's TLS on."""
    data = {"ingress": '{"enableLLMInferenceServiceTLS": true}'}
    return kubernetes("v1", "ConfigMap", "inferenceservice-config", "kserve", data=data)


CASES: Final[Cases] = {
    "health-check-agreement": [
        fail(
            "path",
            "the server of Deployment models/api is known to answer /healthz, /ready only",
            deployment(),
            service(),
            api_health(requestPath="/readyz"),
        ),
        fail("port", "listens on 8080", deployment(), service(), api_health(port=8000)),
        fail(
            "scheme", "Write HTTP and httpHealthCheck", llm(), health(config={"type": "HTTPS", "httpsHealthCheck": {}})
        ),
        fail("scheme", "is probed with HTTPS", llm(None, template={}), tls_map(), health()),
        fail("path", "/health, /metrics, /v1/models", llm(), health(config=http(requestPath="/healthz"))),
        fail("duplicate", "GKE keeps the oldest", llm(), health(), health(name="second")),
        fail("app-protocol", "appProtocol is 'https'", deployment(), service(appProtocol="https"), api_health()),
        missing(
            "path",
            "requestPath is '/readyz'",
            deployment(web(livenessProbe=None)),
            service(),
            api_health(requestPath="/readyz"),
        ),
        missing("", "", service(), api_health(requestPath="/readyz")),
        missing("", "", deployment(web(livenessProbe=None, readinessProbe=None)), service(), api_health()),
        unknown("undecided", "httpHealthCheck.port is '(unknown)'", deployment(), service(), api_health(port=UNKNOWN)),
        unknown(
            "", "", deployment(web(readinessProbe__httpGet__path=UNKNOWN)), service(), api_health(requestPath="/x")
        ),
        good(deployment(), service(), api_health()),
        good(llm(), health(), service_health()),
        near(llm(), health(config=http(requestPath="/v1/models"))),
        near(deployment(), service(targetPort=8080), api_health(portSpecification="USE_SERVING_PORT", port=None)),
        near(deployment(namespace="other"), service(), api_health(requestPath="/readyz")),
        near(
            llm(None, template={}),
            tls_map(),
            health(config={"type": "HTTPS", "httpsHealthCheck": {"requestPath": "/health"}}),
        ),
    ],
    "probe-paths": [
        fail("path", "Write /ready.", deployment(web(readinessProbe=probe("/readyz", 8080))), config=INCIDENT),
        fail(
            "path path",
            "never turns Ready",
            deployment(web(readinessProbe=probe("/readyz", 8080), startupProbe=probe("/health", 8080))),
            config=INCIDENT,
        ),
        fail(
            "path",
            "readinessProbe.httpGet.path is '/readyz'",
            llm(None, template={"containers": [server(readinessProbe=probe("/readyz"))]}),
        ),
        fail(
            "port", "no port of that name (it has http (8080))", deployment(web(readinessProbe=probe("/ready", "web")))
        ),
        missing("", "", deployment(web(readinessProbe=None, livenessProbe=None)), config=INCIDENT),
        missing("", "", llm(None, template={})),
        unknown("undecided", "path is '(unknown)'", on_tpu(server(readinessProbe=probe(UNKNOWN)))),
        unknown("", "", deployment(web(readinessProbe=probe(UNKNOWN)))),
        good(deployment(), config=INCIDENT),
        good(llm()),
        near(deployment(web(readinessProbe=probe("/readyz", 8080)))),
        near(on_tpu(server(readinessProbe=probe("/health?full=1")))),
        near(deployment(web(readinessProbe={"tcpSocket": {"port": 8080}})), config=INCIDENT),
    ],
    "backend-timeout": [
        fail("timeout", "after 30 s, in the middle", gateway(), route(), backend(timeoutSec=30)),
        fail(
            "timeout",
            "spec.default.timeoutSec is 100",
            route(),
            backend(timeoutSec=100),
            config={"minimumSeconds": 120},
        ),
        fail("missing", "no GCPBackendPolicy", route(), backend(namespace="other")),
        fail("duplicate", "GKE keeps the oldest", route(), backend(), backend(name="second")),
        missing("missing", "'InferencePool models/qwen-inference-pool'", gateway(), route()),
        missing(
            "timeout",
            "spec.default.timeoutSec is missing",
            route(),
            kubernetes("networking.gke.io/v1", "GCPBackendPolicy", "pool", spec={"targetRef": POOL}),
        ),
        missing("missing", "'Service models/qwen-kserve-workload-svc'", llm({"route": {"http": {}}})),
        unknown("undecided", "timeoutSec is '(unknown)'", route(), backend(timeoutSec=UNKNOWN)),
        unknown("undecided", "targetRef.name is '(unknown)'", route(), backend({**POOL, "name": UNKNOWN})),
        good(gateway(), route(), backend()),
        good(llm({"scheduler": {}, "route": {"http": {}}}), backend()),
        near(gateway("istio"), route()),
        near(route(service_ref())),
        near(llm({})),
        near(route(), backend(timeoutSec=60.0)),
    ],
    "backend-policy": [
        fail("session-affinity", "refuses session affinity", backend(sessionAffinity={"type": "CLIENT_IP"})),
        fail("target", "retired group", backend({**POOL, "group": "inference.networking.x-k8s.io"})),
        fail(
            "target",
            "attaches a GCPBackendPolicy to no such kind",
            backend({"group": "apps", "kind": "Deployment", "name": "a"}),
        ),
        fail("target", "only within its namespace", backend({**POOL, "namespace": "other"})),
        fail("limits", "from 0 to 3600", backend(connectionDraining={"drainingTimeoutSec": 7200})),
        missing("target", "spec.targetRef.group is missing", backend({"kind": "InferencePool", "name": "a"})),
        unknown("undecided", "targetRef.kind is '(unknown)'", backend({**POOL, "kind": UNKNOWN})),
        unknown("", "", backend(timeoutSec=UNKNOWN)),
        good(backend()),
        good(backend(API)),
        near(backend(API, sessionAffinity={"type": "CLIENT_IP"})),
        near(kubernetes("example.com/v1", "GCPBackendPolicy", "a", spec={})),
    ],
}
