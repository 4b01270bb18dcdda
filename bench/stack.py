"""A synthetic stack of any size: model after model with all that belongs to one, as a large platform declares it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from typing import Any

Entry = tuple[str, str, dict[str, Any]]
"""Type token, name and properties of a resource."""

_POOL_GROUP = "inference.networking.k8s.io"
_MODELS_PER_GATEWAY = 5


def stack(size: int) -> list[Entry]:
    """So many resources: network, cluster, and as many models as fit."""
    return list(islice(_entries(), size))


def _entries() -> Iterator[Entry]:
    yield _cluster()
    yield _subnet("nodes", "PRIVATE")
    yield _subnet("proxies", "REGIONAL_MANAGED_PROXY")
    for number in count():
        if number % _MODELS_PER_GATEWAY == 0:
            yield _gateway(number)
        yield from _model(number)


def _model(number: int) -> Iterator[Entry]:
    name, namespace = f"model-{number}", f"team-{number % 20}"
    gateway = f"gateway-{number - number % _MODELS_PER_GATEWAY}"
    pool, service = f"{name}-inference-pool", f"{name}-kserve-workload-svc"
    yield _node_pool(number)
    yield _object("serving.kserve.io/v1alpha2", "LLMInferenceService", name, namespace, _service(name))
    refs = [
        {"group": _POOL_GROUP, "kind": "InferencePool", "name": pool, "port": 8000},
        {"name": service, "port": 8000},
    ]
    yield _object("gateway.networking.k8s.io/v1", "HTTPRoute", name, namespace, _route(name, gateway, refs))
    targets = [
        {"group": _POOL_GROUP, "kind": "InferencePool", "name": pool},
        {"group": "", "kind": "Service", "name": service},
    ]
    for target in targets:
        kind = target["kind"].lower()
        yield _object("networking.gke.io/v1", "HealthCheckPolicy", f"{name}-{kind}", namespace, _health(target))
        timeout = {
            "targetRef": target,
            "default": {
                "timeoutSec": 3600,
                "connectionDraining": {"drainingTimeoutSec": 60},
                "securityPolicy": "clients",
            },
        }
        yield _object("networking.gke.io/v1", "GCPBackendPolicy", f"{name}-{kind}", namespace, timeout)
    yield _object("apps/v1", "Deployment", f"{name}-ui", namespace, _deployment(f"{name}-ui"))
    yield _object("core/v1", "ConfigMap", f"{name}-ui", namespace, {"values": {str(i): "x" * 50 for i in range(20)}})


def _object(version: str, kind: str, name: str, namespace: str, spec: dict[str, Any]) -> Entry:
    metadata = {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/name": name}}
    body = {"apiVersion": version.removeprefix("core/"), "kind": kind, "metadata": metadata, "spec": spec}
    return f"kubernetes:{version}:{kind}", f"{kind}-{name}", body


def _gateway(number: int) -> Entry:
    listener = {
        "name": "https",
        "port": 443,
        "protocol": "HTTPS",
        "tls": {"mode": "Terminate", "options": {"networking.gke.io/cert-manager-certs": "inference"}},
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    spec = {"gatewayClassName": "gke-l7-regional-external-managed", "listeners": [listener]}
    return _object("gateway.networking.k8s.io/v1", "Gateway", f"gateway-{number}", "gateways", spec)


def _route(name: str, gateway: str, refs: list[dict[str, Any]]) -> dict[str, Any]:
    rules = [
        {"matches": [{"path": {"type": "PathPrefix", "value": f"/{name}{path}"}}], "backendRefs": [ref]}
        for path, ref in zip(("/v1", "/health"), refs, strict=True)
    ]
    return {"parentRefs": [{"name": gateway, "namespace": "gateways"}], "rules": rules}


def _service(name: str) -> dict[str, Any]:
    probe = {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 10, "failureThreshold": 360}
    container = {
        "name": "main",
        "image": f"vllm/vllm-tpu:v0.27.0@sha256:{'0' * 64}",
        "command": ["vllm", "serve", "/mnt/models", "--tensor-parallel-size=4", "--max-model-len=8192", "--port=8000"],
        "ports": [{"containerPort": 8000}],
        "startupProbe": probe,
        "readinessProbe": {**probe, "failureThreshold": 3},
        "resources": {side: {"google.com/tpu": "4", "cpu": "24", "memory": "100Gi"} for side in ("requests", "limits")},
    }
    selector = {"cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice", "cloud.google.com/gke-tpu-topology": "2x2"}
    return {
        "model": {"uri": "hf://Qwen/Qwen2.5-3B-Instruct", "name": name},
        "parallelism": {"tensor": 4},
        "router": {"scheduler": {}, "route": {"http": {"refs": [{"name": name}]}}},
        "template": {"nodeSelector": selector, "containers": [container], "terminationGracePeriodSeconds": 120},
    }


def _health(target: dict[str, Any]) -> dict[str, Any]:
    check = {"portSpecification": "USE_FIXED_PORT", "port": 8000, "requestPath": "/health"}
    config = {"type": "HTTP", "httpHealthCheck": check}
    return {"targetRef": target, "default": {"checkIntervalSec": 15, "timeoutSec": 15, "config": config}}


def _deployment(name: str) -> dict[str, Any]:
    container = {
        "name": "ui",
        "image": f"example.com/ui:1.2.3@sha256:{'1' * 64}",
        "ports": [{"containerPort": 8080}],
        "env": [{"name": f"SETTING_{i}", "value": str(i)} for i in range(10)],
        "resources": {side: {"cpu": "1", "memory": "1Gi"} for side in ("requests", "limits")},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    labels = {"app": name}
    return {
        "replicas": 2,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }


def _node_pool(number: int) -> Entry:
    config = {
        "machineType": "ct6e-standard-4t",
        "diskType": "hyperdisk-balanced",
        "serviceAccount": "nodes@example.iam.gserviceaccount.com",
        "workloadMetadataConfig": {"mode": "GKE_METADATA"},
        "shieldedInstanceConfig": {"enableSecureBoot": True, "enableIntegrityMonitoring": True},
    }
    properties = {
        "name": f"v6e-{number}",
        "cluster": "inference",
        "location": "us-east5",
        "nodeLocations": ["us-east5-b"],
        "nodeCount": 2,
        "management": {"autoRepair": True, "autoUpgrade": True},
        "nodeConfig": config,
    }
    return "gcp:container/nodePool:NodePool", f"v6e-{number}", properties


def _cluster() -> Entry:
    properties = {
        "name": "inference",
        "location": "us-east5",
        "networkingMode": "VPC_NATIVE",
        "gatewayApiConfig": {"channel": "CHANNEL_STANDARD"},
        "releaseChannel": {"channel": "REGULAR"},
        "workloadIdentityConfig": {"workloadPool": "example.svc.id.goog"},
        "privateClusterConfig": {"enablePrivateNodes": True, "enablePrivateEndpoint": True},
        "datapathProvider": "ADVANCED_DATAPATH",
    }
    return "gcp:container/cluster:Cluster", "inference", properties


def _subnet(name: str, purpose: str) -> Entry:
    properties = {
        "name": name,
        "region": "us-east5",
        "purpose": purpose,
        "role": "ACTIVE",
        "ipCidrRange": "10.9.0.0/23",
    }
    return "gcp:compute/subnetwork:Subnetwork", name, properties
