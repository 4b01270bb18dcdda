"""Health checks against servers, backends' timeouts, vLLM on TPU, scaling and shutdown."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.harness import UNKNOWN, Made, kubernetes
from tests.policies.objects import (
    POOL_GROUP,
    api_health,
    backend,
    deployment,
    gateway,
    health,
    llm,
    llm_config,
    probe,
    route,
    selector,
    server,
    service,
    service_health,
    service_ref,
    web,
)

API = {"group": "", "kind": "Service", "name": "api"}
POOL = {"group": POOL_GROUP, "kind": "InferencePool", "name": "qwen-inference-pool"}
INCIDENT = {"servedPaths": {"*/inference-api:*": ["/ready", "/healthz"]}}


def http(**check: Any) -> dict[str, Any]:
    """A config of one HTTP check."""
    return {"type": "HTTP", "httpHealthCheck": {"portSpecification": "USE_FIXED_PORT", "port": 8000, **check}}


def on_tpu(container: Any = None, topology: str = "2x2", **spec: Any) -> Made:
    """An LLMInferenceService of that container."""
    template = {"nodeSelector": selector(topology), "containers": [container or server()]}
    return llm(None, template=template, **spec)


def tls_map() -> Made:
    """The ConfigMap that turns KServe's TLS on."""
    data = {"ingress": '{"enableLLMInferenceServiceTLS": true}'}
    return kubernetes("v1", "ConfigMap", "inferenceservice-config", "kserve", data=data)


def group(size: int, chips: int, parallel: int) -> Made:
    """A LeaderWorkerSet of vLLM servers on a 4x4 slice."""
    limits = {"google.com/tpu": chips}
    pod = {
        "nodeSelector": selector("4x4"),
        "containers": [server(resources={"limits": limits}, args=["--served-model-name=qwen", f"-tp={parallel}"])],
    }
    template = {"spec": pod}
    body = {"leaderWorkerTemplate": {"size": size, "leaderTemplate": template, "workerTemplate": template}}
    return kubernetes("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "qwen", spec=body)


def hpa(name: Any = "api", kind: str = "Deployment", low: Any = 2, high: Any = 6, **spec: Any) -> Made:
    """A HorizontalPodAutoscaler by CPU."""
    target = {"type": "Utilization", "averageUtilization": 70}
    body = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": name},
        "minReplicas": low,
        "maxReplicas": high,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        **spec,
    }
    return kubernetes("autoscaling/v2", "HorizontalPodAutoscaler", "api", spec=body)


LENGTH = ["--served-model-name=qwen", "--tensor-parallel-size=4", "--max-model-len=8192"]


def picked(
    *,
    scorer: Any = None,
    producer: Any = None,
    detector: Any = None,
    other: str = "max-score-picker",
    profile: Any = ("prefix-cache-scorer",),
    args: Any = (),
    **fields: Any,
) -> Made:
    """An LLMInferenceService whose endpoint picker has a configuration of its own."""
    plugins: list[Any] = [
        {"type": "prefix-cache-scorer", "parameters": scorer or {}},
        {"type": "approx-prefix-cache-producer", "parameters": producer or {}},
        {"type": "utilization-detector", "parameters": detector or {}},
        {"type": other},
    ]
    config = {
        "apiVersion": "llm-d.ai/v1alpha1",
        "kind": "EndpointPickerConfig",
        "plugins": plugins,
        "schedulingProfiles": [{"name": "default", "plugins": [{"pluginRef": name} for name in profile]}],
        **fields,
    }
    router = {"scheduler": {"config": {"inline": config}}, "route": {"http": {"refs": [{"name": "qwen"}]}}}
    template = {"nodeSelector": selector("2x2"), "containers": [server(args=list(args))]}
    return llm(router, template=template)


def referred(text: str | None) -> tuple[Made, ...]:
    """An LLMInferenceService that refers to a ConfigMap, and that with the text."""
    router = {"scheduler": {"config": {"ref": {"name": "picker"}}}, "route": {"http": {"refs": [{"name": "qwen"}]}}}
    data = {} if text is None else {"epp": text}
    return llm(router), kubernetes("v1", "ConfigMap", "picker", data=data)


ADAPTER = "prometheus.googleapis.com|in_flight|gauge"
NATIVE = "autoscaling.gke.io|api|in-flight"


def by(name: Any, kind: str = "Pods") -> Made:
    """An autoscaler by one custom metric."""
    target = {"type": "AverageValue", "averageValue": "10"}
    return hpa(metrics=[{"type": kind, kind.lower(): {"metric": {"name": name}, "target": target}}])


def scraped(labels: Any, namespace: str = "models") -> Made:
    """A PodMonitoring of pods with those labels."""
    spec = {"selector": {"matchLabels": labels}, "endpoints": [{"port": "http"}]}
    return kubernetes("monitoring.googleapis.com/v1", "PodMonitoring", "api", namespace, spec=spec)


def offering(name: Any = "api", gauge: Any = "in-flight") -> Made:
    """An AutoscalingMetric with one gauge."""
    gauges = [{"gauge": {"name": gauge, "prometheusMetricName": "in_flight"}}]
    containers = [{"endpoint": {"port": 8080}, "metrics": gauges}]
    pod = {"selector": {"matchLabels": {"app": "api"}}, "containers": containers}
    return kubernetes("autoscaling.gke.io/v1beta1", "AutoscalingMetric", name, spec={"metrics": [{"pod": pod}]})


def sleeping(seconds: int) -> dict[str, Any]:
    """A preStop hook that sleeps."""
    return {"preStop": {"exec": {"command": ["/bin/sh", "-c", f"sleep {seconds}"]}}}


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
    "vllm-server": [
        fail(
            "tensor-parallel",
            "only 4 cores",
            on_tpu(server(args=["--served-model-name=qwen", "--tensor-parallel-size=8"])),
        ),
        fail("tensor-parallel", "2 of 4 cores idle", on_tpu(server(args=["--served-model-name", "qwen", "-tp", "2"]))),
        fail("tensor-parallel", "12 of 16 cores idle", group(4, 4, 4)),
        fail("group", "a 4x4 slice is 16 chips", group(2, 4, 8)),
        fail("served-name", "spec.model.name is 'qwen'", on_tpu(server(args=["--served-model-name=other", "-tp=4"]))),
        fail("port", "--port 9000", on_tpu(server(args=["--served-model-name=qwen", "-tp=4", "--port", "9000"]))),
        fail("kv-cache-dtype", "its fp8 is e5m2", on_tpu(server(args=[*LENGTH, "--kv-cache-dtype=fp8_e4m3"]))),
        fail("quantization", "has CUDA kernels only", on_tpu(server(args=[*LENGTH, "-q", "gptq_marlin"]))),
        good(on_tpu(server(args=[*LENGTH, "--kv-cache-dtype=fp8_e5m2", "--quantization=fp8"]))),
        good(on_tpu(server(args=["--served-model-name=qwen", "-tp=2", "-dp=2"]))),
        fail("port", "routing sidecar", on_tpu(server(args=[*LENGTH, "--port=8000"]), prefill={})),
        near(on_tpu(server(args=[*LENGTH, "--port=8001"]), prefill={})),
        near(on_tpu(server(args=[*LENGTH, "--quantization=newer"]))),
        fail(
            "kv-connector",
            "does not run on TPU",
            on_tpu(
                server(
                    args=[
                        "--served-model-name=qwen",
                        "-tp=4",
                        "--kv-transfer-config",
                        '{"kv_connector": "NixlConnector"}',
                    ]
                )
            ),
        ),
        fail("kv-connector", "spec.kvCacheOffloading", llm(kvCacheOffloading={"cpu": "10Gi"})),
        missing("image", "built for CUDA", on_tpu(server(image=None))),
        missing("tensor-parallel", "is 1 where it is not written", on_tpu(server(args=["--served-model-name=qwen"]))),
        missing("served-name", "serves the model as '/mnt/models'", on_tpu(server(args=["-tp=4"]))),
        missing(
            "tensor-parallel",
            "spec.parallelism.tensor is missing",
            on_tpu(server(command=None, args=["--max-model-len=8"])),
        ),
        unknown("undecided", "args[0] is '(unknown)'", on_tpu(server(args=[UNKNOWN]))),
        good(llm()),
        good(
            on_tpu(
                server(command=["bash", "-c", "exec vllm serve /mnt/models --served-model-name qwen -tp 4"], args=None)
            )
        ),
        good(group(4, 4, 16)),
        near(
            on_tpu(
                server(
                    args=[
                        "--served-model-name",
                        "alias",
                        "qwen",
                        "--tensor-parallel-size=2",
                        "--pipeline-parallel-size=2",
                    ]
                )
            )
        ),
        near(on_tpu(server(command=None, args=["--max-model-len=8"]), parallelism={"tensor": 4})),
        near(deployment(server(resources=None, args=["-tp=8"]))),
        near(deployment(web(resources={"limits": {"google.com/tpu": 4}}))),
    ],
    "tpu-startup-budget": [
        fail("startup", "is '300 s in all'", on_tpu(server(startupProbe=probe(periodSeconds=10, failureThreshold=30)))),
        fail("startup", "is '600 s in all'", llm(None, template={"containers": [server(startupProbe=None)]})),
        fail(
            "startup",
            "is '1000 s in all'",
            on_tpu(server(startupProbe__failureThreshold=100)),
            config={"minimumSeconds": 1800},
        ),
        missing("startup", "kills the server after 60 s", deployment(server(startupProbe=None))),
        missing("", "", deployment(server(startupProbe=None, livenessProbe=None))),
        unknown("undecided", "failureThreshold is '(unknown)'", on_tpu(server(startupProbe__failureThreshold=UNKNOWN))),
        good(llm()),
        good(on_tpu(server(startupProbe=probe(initialDelaySeconds=600, periodSeconds=30, failureThreshold=10)))),
        near(deployment(web(startupProbe=probe(failureThreshold=3)))),
        near(deployment(server(startupProbe=None, livenessProbe=probe(initialDelaySeconds=900)))),
        near(
            llm(None, template={"containers": [server(startupProbe=None)]}),
            llm_config(
                "kserve-config-llm-template",
                template={"containers": [{"name": "main", "startupProbe": probe(failureThreshold=200)}]},
            ),
        ),
    ],
    "endpoint-picker-config": [
        fail("strict", "saturation is 'set'", picked(saturation={"queueDepthThreshold": 5})),
        fail("strict", "no plugin of that name is declared", picked(profile=["queue-scorer"])),
        fail("strict", "it decodes no such kind", picked(kind="PickerConfig")),
        fail("strict", "approx-prefix-cache-producer is no filter", picked(profile=["approx-prefix-cache-producer"])),
        fail("parameter", "KServe 0.20 removes it", picked(scorer={"lruCapacityPerServer": 31250})),
        fail("parameter", "has no such parameter in v0.9.0", picked(detector={"queueDepth": 5})),
        near(picked(other="a-scorer-of-another-version")),
        fail("block-size", "Write 256", picked(producer={"autoTune": False, "blockSizeTokens": 16}, args=LENGTH)),
        fail("strict", "this is no EndpointPickerConfig", *referred("plugins: [")),
        fail("strict", "data.epp.plugin is", *referred("plugin: []")),
        missing("", "", llm()),
        missing("strict", "data.epp is missing", *referred(None)),
        unknown("undecided", "is '(unknown)'", picked(kind=UNKNOWN)),
        good(picked()),
        good(picked(producer={"autoTune": False, "blockSizeTokens": 32}, args=["--block-size=32"])),
        good(*referred("apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins: []\n")),
        near(picked(producer={"autoTune": True, "blockSizeTokens": 16}, args=LENGTH)),
        near(picked(apiVersion="inference.networking.x-k8s.io/v1alpha1")),
    ],
    "autoscaler-target": [
        fail("fixed-replicas", "sets it back to 2", deployment(), hpa()),
        fail("limits", "minReplicas is 8", deployment(replicas=None), hpa(low=8)),
        fail("limits", "nothing is ever scaled", deployment(replicas=None), hpa(low=6)),
        fail("target", "no Deployment of that name", deployment(replicas=None), hpa("other")),
        fail("target", "writes that number back", llm(replicas=2), hpa("qwen-kserve")),
        good(llm(), hpa("qwen-kserve")),
        fail("fixed-replicas", "spec.replicas is 3", deployment(replicas=3), hpa(metrics=[])),
        missing("readiness", "readinessProbe is missing", deployment(web(readinessProbe=None), replicas=None), hpa()),
        missing("metric", "requests.cpu is missing", deployment(web(resources=None), replicas=None), hpa()),
        missing("limits", "maxReplicas is missing", deployment(replicas=None), hpa(high=None)),
        unknown("undecided", "scaleTargetRef.name is '(unknown)'", deployment(replicas=None), hpa(UNKNOWN)),
        unknown("undecided", "maxReplicas is '(unknown)'", deployment(replicas=None), hpa(high=UNKNOWN)),
        good(deployment(replicas=None), hpa()),
        good(deployment(replicas=None), hpa(low=None)),
        near(deployment(namespace="other"), hpa()),
        near(deployment()),
        near(deployment(web(resources={"limits": {"cpu": 1}}), replicas=None), hpa()),
        near(hpa("Foo", kind="Rollout"), deployment(replicas=None)),
        fail("metric", "no PodMonitoring", deployment(replicas=None), by(ADAPTER)),
        fail("metric", "no PodMonitoring", deployment(replicas=None), by(ADAPTER), scraped({"app": "other"})),
        fail("metric", "Write custom|in_flight", deployment(replicas=None), by("custom/in_flight")),
        fail("metric", "Declare an AutoscalingMetric", deployment(replicas=None), by(NATIVE)),
        fail("metric", "Write one of autoscaling.gke.io|api|load", by(NATIVE), offering(gauge="load")),
        missing("metric", "no PodMonitoring", deployment(replicas=None), by(ADAPTER), scraped({"app": "api"}, "other")),
        unknown("undecided", "matchLabels", deployment(replicas=None), by(ADAPTER), scraped({"app": UNKNOWN})),
        unknown("undecided", "metric.name is '(unknown)'", deployment(replicas=None), by(UNKNOWN)),
        unknown("undecided", "gauge.name is '(unknown)'", by(NATIVE), offering(gauge=UNKNOWN)),
        good(deployment(replicas=None), by(ADAPTER), scraped({"app": "api"})),
        good(deployment(replicas=None), by(NATIVE), offering()),
        near(deployment(replicas=None), by("custom.example.com|in_flight")),
        near(deployment(replicas=None), by(ADAPTER, "External")),
        near(deployment(replicas=None), by(ADAPTER), scraped({})),
    ],
    "service-scaling": [
        fail("fixed-replicas", "spec.replicas is 2", llm(replicas=2, scaling={"minReplicas": 1, "maxReplicas": 2})),
        fail("limits", "minReplicas is 3", llm(scaling={"minReplicas": 3, "maxReplicas": 2})),
        missing("", "", llm(scaling={"maxReplicas": 2})),
        unknown("", "", llm(replicas=UNKNOWN)),
        good(llm(replicas=2)),
        good(llm(scaling={"minReplicas": 1, "maxReplicas": 2})),
        near(llm(scaling={"minReplicas": 2, "maxReplicas": 2})),
    ],
    "graceful-shutdown": [
        fail("grace", "preStop hook alone waits 60 s", deployment(web(lifecycle=sleeping(60)))),
        fail("grace", "clients see cut streams", llm(), backend(connectionDraining={"drainingTimeoutSec": 300})),
        missing(
            "grace",
            "terminationGracePeriodSeconds is 30",
            deployment(),
            service(),
            backend(API, connectionDraining={"drainingTimeoutSec": 60}),
        ),
        unknown(
            "undecided",
            "requests under way",
            deployment(web(lifecycle=sleeping(60)), terminationGracePeriodSeconds=UNKNOWN),
        ),
        good(llm(), backend(connectionDraining={"drainingTimeoutSec": 60})),
        good(deployment(web(lifecycle=sleeping(15)))),
        near(deployment(web(lifecycle={"preStop": {"exec": {"command": ["/bin/drain", "900"]}}}))),
        near(deployment(web(lifecycle={"preStop": {"sleep": {"seconds": 60}}}), terminationGracePeriodSeconds=90)),
    ],
}
