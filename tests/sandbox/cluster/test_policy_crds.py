"""GKE's own CRDs refuse what a GKE cluster refuses, and accept what it accepts, through a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.cluster.runtime import ClusterRuntime
from sandbox.kube.client import ApiError

SERVICE = {"group": "", "kind": "Service", "name": "model"}
GATEWAY = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gateway"}
POOL = {"group": "inference.networking.k8s.io", "kind": "InferencePool", "name": "model"}


def policy(kind: str, spec: dict[str, Any], namespace: str) -> dict[str, Any]:
    """A policy of GKE's group named `policy`."""
    metadata = {"name": "policy", "namespace": namespace}
    return {"apiVersion": "networking.gke.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def health_check(default: dict[str, Any], namespace: str, target: dict[str, str] = SERVICE) -> dict[str, Any]:
    """A HealthCheckPolicy with `default` as its settings."""
    return policy("HealthCheckPolicy", {"targetRef": target, "default": default}, namespace)


def http(**fields: Any) -> dict[str, Any]:
    """Settings with an HTTP check of `fields`."""
    return {"config": {"type": "HTTP", "httpHealthCheck": fields}}


def accepted(cluster: ClusterRuntime, obj: dict[str, Any]) -> dict[str, Any]:
    """What the API server made of `obj`."""
    return cluster.client.apply(obj, field_manager="test")


def refusal(cluster: ClusterRuntime, obj: dict[str, Any]) -> str:
    """Why the API server refuses `obj`."""
    with pytest.raises(ApiError) as caught:
        cluster.client.apply(obj, field_manager="test")
    assert caught.value.status in {400, 422, 500}, "500 is what server-side apply says to an undeclared field"
    return caught.value.message


@pytest.mark.parametrize(
    "default",
    [
        pytest.param(http(requestPath="/health", port=8000, portSpecification="USE_FIXED_PORT"), id="fixed port"),
        pytest.param(http(requestPath="/health", portSpecification="USE_SERVING_PORT"), id="serving port"),
        pytest.param(http(portName="http", portSpecification="USE_NAMED_PORT"), id="named port"),
        pytest.param(http(requestPath="/health", port=8000), id="port without specification, as llm-d's chart writes"),
        pytest.param(http(requestPath="/health"), id="path only, as Google's samples write"),
        pytest.param(http(requestPath="/v1/models?x=%20(a)"), id="path with a query"),
        pytest.param({"config": {"type": "GRPC", "grpcHealthCheck": {"port": 9003}}}, id="gRPC"),
        pytest.param({"config": {"type": "TCP", "tcpHealthCheck": {"proxyHeader": "PROXY_V1"}}}, id="TCP"),
        pytest.param({"config": {"type": "HTTPS", "httpHealthCheck": {}}}, id="type and check differ: not looked at"),
        pytest.param({"checkIntervalSec": 5}, id="interval as long as the default timeout"),
        pytest.param({"timeoutSec": 5}, id="timeout as long as the default interval"),
        pytest.param({"checkIntervalSec": 300, "timeoutSec": 300}, id="largest interval"),
        pytest.param({"checkIntervalSec": 1, "timeoutSec": 1, "healthyThreshold": 10}, id="smallest interval"),
        pytest.param({"logConfig": {"enabled": True}}, id="logging only"),
    ],
)
def test_health_check_accepted(running_cluster: ClusterRuntime, namespace: str, default: dict[str, Any]) -> None:
    """What GKE 1.33 takes is taken, leniency included: the published, stricter CRD would hide what people get wrong."""
    assert accepted(running_cluster, health_check(default, namespace))["spec"]["default"] == default


@pytest.mark.parametrize(
    ("default", "message"),
    [
        (http(portSpecification="USE_FIXED_PORT"), "USE_FIXED_PORT takes port and no portName"),
        (http(portSpecification="USE_FIXED_PORT", port=1, portName="a"), "USE_FIXED_PORT takes port and no portName"),
        (http(portSpecification="USE_NAMED_PORT", port=80), "USE_NAMED_PORT takes portName and no port"),
        (http(portSpecification="USE_SERVING_PORT", port=8000), "USE_SERVING_PORT takes neither port nor portName"),
        (http(portSpecification="SERVING"), "Unsupported value"),
        (http(requestPath="health"), "requestPath"),
        (http(requestPath="/" + "a" * 2048), "may not be more than 2048"),
        (http(host="Model.example"), "host"),
        (http(response="ok\N{SNOWMAN}"), "response"),
        (http(port=0), "greater than or equal to 1"),
        (http(port=65536), "less than or equal to 65535"),
        (http(path="/health"), ".spec.default.config.httpHealthCheck.path: field not declared in schema"),
        ({"config": {"type": "HTTP"}}, "should have at least 2 properties"),
        ({"config": {"httpHealthCheck": {}, "tcpHealthCheck": {}}}, "type: Required value"),
        (
            {"config": {"type": "HTTP", "httpHealthCheck": {}, "tcpHealthCheck": {}}},
            "must have at most 2 items",
        ),
        ({"config": {"type": "UDP", "tcpHealthCheck": {}}}, 'Unsupported value: "UDP"'),
        ({"checkIntervalSec": 10, "timeoutSec": 15}, "timeoutSec must not be longer than checkIntervalSec"),
        ({"timeoutSec": 6}, "which is 5 where it is not given"),
        ({"checkIntervalSec": 4}, "checkIntervalSec below 5 needs a timeoutSec"),
        ({"checkIntervalSec": 301}, "less than or equal to 300"),
        ({"healthyThreshold": 11}, "less than or equal to 10"),
        ({"unhealthyThreshold": 0}, "greater than or equal to 1"),
    ],
)
def test_health_check_refused(
    running_cluster: ClusterRuntime, namespace: str, default: dict[str, Any], message: str
) -> None:
    """A value GKE refuses is refused at apply time, with the field in the message."""
    assert message in refusal(running_cluster, health_check(default, namespace))


def test_health_check_takes_one_target_of_any_kind(running_cluster: ClusterRuntime, namespace: str) -> None:
    """A wrong kind is accepted and just never attached, as on GKE: only a policy or the status can tell."""
    accepted(running_cluster, health_check({}, namespace, POOL))
    accepted(running_cluster, health_check({}, namespace, {**POOL, "kind": "Deployment"}))
    assert "group: Required value" in refusal(
        running_cluster, health_check({}, namespace, {"kind": "Service", "name": "model"})
    )
    several = policy("HealthCheckPolicy", {"targetRefs": [SERVICE]}, namespace)
    assert ".spec.targetRefs: field not declared in schema" in refusal(running_cluster, several)


def test_status_is_a_subresource(running_cluster: ClusterRuntime, namespace: str) -> None:
    """`Attached` is written by GKE's controller alone: what a manifest says about it is dropped."""
    forged = {
        "type": "Attached",
        "status": "True",
        "reason": "Forged",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    obj = {**health_check({}, namespace), "status": {"conditions": [forged]}}
    assert "status" not in accepted(running_cluster, obj)


@pytest.mark.parametrize(
    ("target", "default"),
    [
        (SERVICE, {"timeoutSec": 300, "sessionAffinity": {"type": "CLIENT_IP"}}),
        (SERVICE, {"timeoutSec": 2147483647, "connectionDraining": {"drainingTimeoutSec": 3600}}),
        (POOL, {"timeoutSec": 300, "logging": {"enabled": True, "sampleRate": 1000000}}),
        (POOL, {"backendPreference": "PREFERRED", "maxRatePerEndpoint": 10}),
        (POOL, {"balancingMode": "CUSTOM_METRICS", "customMetrics": [{"name": "gke.named", "dryRun": False}]}),
        (
            {**SERVICE, "group": "net.gke.io", "kind": "ServiceImport"},
            {"scopes": [{"selector": {"gke.io/zone": "us-east5-b"}, "capacityScalerPercent": 50}]},
        ),
    ],
)
def test_backend_policy_accepted(
    running_cluster: ClusterRuntime, namespace: str, target: dict[str, str], default: dict[str, Any]
) -> None:
    """The settings a GKE 1.33 cluster takes, each at its bound."""
    accepted(running_cluster, policy("GCPBackendPolicy", {"targetRef": target, "default": default}, namespace))


@pytest.mark.parametrize(
    ("target", "default", "message"),
    [
        (POOL, {"sessionAffinity": {"type": "CLIENT_IP"}}, "an InferencePool has no sessionAffinity"),
        (SERVICE, {"scopes": [{"selector": {"gke.io/zone": "a"}}]}, "scopes are for a ServiceImport"),
        (
            {**SERVICE, "kind": "ServiceImport"},
            {"maxRatePerEndpoint": 1, "scopes": [{"maxRatePerEndpoint": 2}]},
            "maxRatePerEndpoint is given in default and in a scope",
        ),
        (
            {**SERVICE, "kind": "ServiceImport"},
            {"scopes": [{"selector": {"zone": "a"}}]},
            "a scope is selected by gke.io/zone",
        ),
        (SERVICE, {"timeoutSec": 0}, "greater than or equal to 1"),
        (SERVICE, {"timeoutSec": "300s"}, "timeoutSec: expected numeric"),
        (SERVICE, {"connectionDraining": {"drainingTimeoutSec": 3601}}, "less than or equal to 3600"),
        (SERVICE, {"sessionAffinity": {"type": "COOKIE"}}, "Unsupported value"),
        (SERVICE, {"backendPreference": "FIRST"}, "Unsupported value"),
        (SERVICE, {"logging": {"sampleRate": 1000001}}, "less than or equal to 1000000"),
        (SERVICE, {"timeout": 300}, ".spec.default.timeout: field not declared in schema"),
    ],
)
def test_backend_policy_refused(
    running_cluster: ClusterRuntime, namespace: str, target: dict[str, str], default: dict[str, Any], message: str
) -> None:
    """A setting GKE refuses is refused at apply time."""
    obj = policy("GCPBackendPolicy", {"targetRef": target, "default": default}, namespace)
    assert message in refusal(running_cluster, obj)


def test_gateway_policy(running_cluster: ClusterRuntime, namespace: str) -> None:
    """A GCPGatewayPolicy has three settings and no others."""
    spec: dict[str, Any] = {"targetRef": GATEWAY, "default": {"sslPolicy": "modern", "allowGlobalAccess": True}}
    accepted(running_cluster, policy("GCPGatewayPolicy", spec, namespace))
    spec["default"] = {"tlsPolicy": "modern"}
    assert ".spec.default.tlsPolicy: field not declared in schema" in refusal(
        running_cluster, policy("GCPGatewayPolicy", spec, namespace)
    )


BODY_ROUTING: dict[str, Any] = {
    "name": "router",
    "backendRef": {"group": "", "kind": "Service", "name": "router", "port": 9004},
    "authority": "router.example.com",
    "timeout": "500ms",
    "supportedEvents": ["RequestHeaders", "RequestBody", "RequestTrailers"],
    "requestBodySendMode": "FullDuplexStreamed",
}
MODEL_ARMOR: dict[str, Any] = {
    "name": "armor",
    "googleAPIServiceName": "modelarmor.us-east5.rep.googleapis.com",
    "timeout": "500ms",
    "failOpen": False,
    "supportedEvents": ["RequestHeaders", "RequestBody", "ResponseHeaders", "ResponseBody"],
    "metadata": {"model_armor_settings": '[{"model": "/v1/chat/completions"}]'},
}


def extension(kind: str, fields: dict[str, Any], namespace: str) -> dict[str, Any]:
    """An extension of `kind` with one chain of one callout."""
    return policy(
        kind, {"targetRefs": [GATEWAY], "extensionChains": [{"name": "c", "extensions": [fields]}]}, namespace
    )


@pytest.mark.parametrize("kind", ["GCPRoutingExtension", "GCPTrafficExtension"])
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (BODY_ROUTING, None),
        (MODEL_ARMOR, None),
        ({**BODY_ROUTING, "supportedEvents": ["RequestBody"]}, "FullDuplexStreamed needs RequestTrailers too"),
        ({**BODY_ROUTING, "authority": ""}, "a Service needs an authority"),
        ({**BODY_ROUTING, "timeout": "11s"}, "timeout is 10ms at least and 10000ms at most"),
        ({**BODY_ROUTING, **MODEL_ARMOR}, "give either backendRef or googleAPIServiceName"),
        ({**MODEL_ARMOR, "authority": "a"}, "only a Service takes an authority"),
        ({**MODEL_ARMOR, "responseBodySendMode": "Streamed"}, "send modes are for a Service only"),
        ({**MODEL_ARMOR, "googleAPIServiceName": "storage.googleapis.com"}, "googleAPIServiceName"),
        (
            {"name": "wasm", "backendRef": {"group": "networking.gke.io", "kind": "GCPWasmPlugin", "name": "p"}},
            "a GCPWasmPlugin needs supportedEvents",
        ),
        ({"name": "none"}, "give either backendRef or googleAPIServiceName"),
    ],
)
def test_extension(
    running_cluster: ClusterRuntime, namespace: str, kind: str, fields: dict[str, Any], message: str | None
) -> None:
    """Body-based routing and Model Armor as Google's samples configure them, and the ways to get them wrong."""
    obj = extension(kind, fields, namespace)
    if message is None:
        accepted(running_cluster, obj)
    else:
        assert message in refusal(running_cluster, obj)


def test_traffic_distribution(running_cluster: ClusterRuntime, namespace: str) -> None:
    """Up to 16 targets, algorithms by name, thresholds in percent."""
    kind = "GCPTrafficDistributionPolicy"
    default: dict[str, Any] = {
        "serviceLbAlgorithm": "WATERFALL_BY_ZONE",
        "localityLbAlgorithm": "LEAST_REQUEST",
        "autoCapacityDrain": {"enableAutoCapacityDrain": True},
        "failoverConfig": {"failoverHealthThreshold": 70},
    }
    accepted(running_cluster, policy(kind, {"targetRefs": [SERVICE] * 16, "default": default}, namespace))
    for spec, message in (
        ({"targetRefs": [SERVICE] * 17}, "must have at most 16 items"),
        ({"targetRefs": []}, "should have at least 1 items"),
        ({"targetRefs": [SERVICE], "default": {"serviceLbAlgorithm": "ROUND_ROBIN"}}, "Unsupported value"),
        (
            {"targetRefs": [SERVICE], "default": {"failoverConfig": {"failoverHealthThreshold": 101}}},
            "less than or equal to 100",
        ),
    ):
        assert message in refusal(running_cluster, policy(kind, spec, namespace))


def test_policies_are_labelled_direct(running_cluster: ClusterRuntime) -> None:
    """Tools such as gwctl find policy CRDs by this label."""
    label = "gateway.networking.k8s.io/policy=Direct"
    crds = running_cluster.client.list("apiextensions.k8s.io/v1", "CustomResourceDefinition", label_selector=label)
    kinds = {crd["spec"]["names"]["kind"] for crd in crds}
    assert kinds >= {
        "HealthCheckPolicy",
        "GCPBackendPolicy",
        "GCPGatewayPolicy",
        "GCPTrafficDistributionPolicy",
        "GCPRoutingExtension",
        "GCPTrafficExtension",
    }
