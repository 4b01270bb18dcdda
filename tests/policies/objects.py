"""A stack that passes every policy, as builders; each test spoils one thing in it."""

from __future__ import annotations

import copy
from typing import Any

from tests.policies.harness import Made, Props, kubernetes

REGIONAL = "gke-l7-regional-external-managed"
GLOBAL = "gke-l7-global-external-managed"
POOL_GROUP = "inference.networking.k8s.io"


def gateway(class_name: Any = REGIONAL, name: str = "inference", namespace: str = "gateways") -> Made:
    """A Gateway of a class that serves InferencePools."""
    spec = {"gatewayClassName": class_name, "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]}
    return kubernetes("gateway.networking.k8s.io/v1", "Gateway", name, namespace, spec=spec)


def pool_ref(name: Any = "qwen-inference-pool") -> Props:
    """A backend reference to the service's InferencePool."""
    return {"group": POOL_GROUP, "kind": "InferencePool", "name": name, "port": 8000}


def service_ref(name: Any = "qwen-kserve-workload-svc") -> Props:
    """A backend reference to the service's workload Service."""
    return {"name": name, "port": 8000}


def route(*backend_refs: Any, name: str = "qwen", parent: Any = None, rule: Props | None = None) -> Made:
    """An HTTPRoute on that Gateway; `rule` adds to its one rule."""
    parents = [{"name": "inference", "namespace": "gateways"}] if parent is None else parent
    rules = [
        {
            "matches": [{"path": {"type": "PathPrefix", "value": "/models/qwen"}}],
            "backendRefs": list(backend_refs or (pool_ref(),)),
            **(rule or {}),
        }
    ]
    return kubernetes("gateway.networking.k8s.io/v1", "HTTPRoute", name, spec={"parentRefs": parents, "rules": rules})


def health(target: Props | None = None, name: str = "pool", namespace: str = "models", **default: Any) -> Made:
    """A HealthCheckPolicy for the InferencePool."""
    spec = {
        "targetRef": target or {"group": POOL_GROUP, "kind": "InferencePool", "name": "qwen-inference-pool"},
        "default": {
            "checkIntervalSec": 15,
            "timeoutSec": 15,
            "healthyThreshold": 1,
            "unhealthyThreshold": 2,
            "config": {
                "type": "HTTP",
                "httpHealthCheck": {"portSpecification": "USE_FIXED_PORT", "port": 8000, "requestPath": "/health"},
            },
            **default,
        },
    }
    return kubernetes("networking.gke.io/v1", "HealthCheckPolicy", name, namespace, spec=spec)


def service_health(namespace: str = "models") -> Made:
    """A HealthCheckPolicy for the workload Service."""
    return health({"group": "", "kind": "Service", "name": "qwen-kserve-workload-svc"}, "service", namespace)


def llm(router: Any = None, **spec: Any) -> Made:
    """An LLMInferenceService routed by reference, with a scheduler, on a 2x2 slice."""
    given = {"scheduler": {}, "route": {"http": {"refs": [{"name": "qwen"}]}}} if router is None else router
    container = {"name": "main", "resources": {"requests": {"google.com/tpu": "4"}, "limits": {"google.com/tpu": "4"}}}
    body = {
        "model": {"uri": "hf://Qwen/Qwen2.5-3B", "name": "qwen"},
        "router": given,
        "template": {"nodeSelector": selector("2x2"), "containers": [container]},
        **spec,
    }
    return kubernetes("serving.kserve.io/v1alpha2", "LLMInferenceService", "qwen", spec=body)


def llm_config(name: str, namespace: str = "models", **spec: Any) -> Made:
    """An LLMInferenceServiceConfig."""
    return kubernetes("serving.kserve.io/v1alpha2", "LLMInferenceServiceConfig", name, namespace, spec=spec)


def selector(topology: Any, accelerator: Any = "tpu-v6e-slice") -> Props:
    """Node selectors of a TPU pod."""
    return {"cloud.google.com/gke-tpu-accelerator": accelerator, "cloud.google.com/gke-tpu-topology": topology}


def node_pool(**changes: Any) -> Made:
    """A node pool of single-host v6e VMs."""
    props: Props = {
        "name": "v6e",
        "cluster": "inference",
        "location": "us-east5",
        "nodeLocations": ["us-east5-b"],
        "nodeCount": 3,
        "nodeConfig": {"machineType": "ct6e-standard-4t", "diskType": "hyperdisk-balanced"},
    }
    return Made("gcp:container/nodePool:NodePool", "v6e", spoiled(props, changes))


def cluster(**changes: Any) -> Made:
    """A cluster with the Gateway API on."""
    props: Props = {
        "name": "inference",
        "location": "us-east5",
        "gatewayApiConfig": {"channel": "CHANNEL_STANDARD"},
        "addonsConfig": {"httpLoadBalancing": {"disabled": False}},
        "minMasterVersion": "1.34.1-gke.1829001",
    }
    return Made("gcp:container/cluster:Cluster", "inference", spoiled(props, changes))


def subnet(name: str = "proxies", **changes: Any) -> Made:
    """A proxy-only subnet."""
    props: Props = {
        "name": name,
        "region": "us-east5",
        "purpose": "REGIONAL_MANAGED_PROXY",
        "role": "ACTIVE",
        "ipCidrRange": "10.9.0.0/23",
    }
    return Made("gcp:compute/subnetwork:Subnetwork", name, spoiled(props, changes))


def good_stack() -> list[Made]:
    """Everything the platform declares, right."""
    return [
        cluster(),
        node_pool(),
        subnet(),
        subnet("nodes", purpose="PRIVATE", role=None),
        gateway(),
        route(pool_ref(), service_ref()),
        llm(),
        health(),
        service_health(),
    ]


def spoiled(props: Props, changes: Props) -> Props:
    """`props` with dotted paths (written with `__`) replaced; None removes."""
    result = copy.deepcopy(props)
    for path, value in changes.items():
        *steps, last = path.split("__")
        place = result
        for step in steps:
            place = place.setdefault(step, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = copy.deepcopy(value)
    return result
