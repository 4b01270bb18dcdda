"""A stack that passes every policy, as builders; each test spoils one thing in it."""

from __future__ import annotations

import copy
from typing import Any

from tests.policies.harness import Made, Props, kubernetes

REGIONAL = "gke-l7-regional-external-managed"
GLOBAL = "gke-l7-global-external-managed"
POOL_GROUP = "inference.networking.k8s.io"
WORKLOAD = {"group": "", "kind": "Service", "name": "qwen-kserve-workload-svc"}


def gateway(class_name: Any = REGIONAL, name: str = "inference", namespace: str = "gateways") -> Made:
    """A Gateway of a class that serves InferencePools."""
    spec = {"gatewayClassName": class_name, "listeners": [https()]}
    return kubernetes("gateway.networking.k8s.io/v1", "Gateway", name, namespace, spec=spec)


def https(**changes: Any) -> Props:
    """A listener with a regional certificate."""
    tls = {"mode": "Terminate", "options": {"networking.gke.io/cert-manager-certs": "inference"}}
    return spoiled({"name": "https", "port": 443, "protocol": "HTTPS", "tls": tls}, changes)


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
    return health(WORKLOAD, "service", namespace)


def llm(router: Any = None, **spec: Any) -> Made:
    """An LLMInferenceService routed by reference, with a scheduler, on a 2x2 slice."""
    given = {"scheduler": {}, "route": {"http": {"refs": [{"name": "qwen"}]}}} if router is None else router
    body = {
        "model": {"uri": "hf://Qwen/Qwen2.5-3B", "name": "qwen"},
        "router": given,
        "template": {"nodeSelector": selector("2x2"), "containers": [server()]},
        **spec,
    }
    return kubernetes("serving.kserve.io/v1alpha2", "LLMInferenceService", "qwen", spec=body)


def server(name: str = "main", **changes: Any) -> Props:
    """A vLLM container on the four chips of a 2x2 slice; `changes` replace its fields, None removes."""
    tpu = {"google.com/tpu": "4"}
    container: Props = {
        "name": name,
        "image": "vllm/vllm-tpu:v0.27.0",
        "command": ["vllm", "serve", "/mnt/models"],
        "args": ["--served-model-name=qwen", "--port=8000", "--tensor-parallel-size=4"],
        "resources": {"requests": tpu, "limits": tpu},
        "startupProbe": probe(periodSeconds=10, failureThreshold=360),
        "readinessProbe": probe(periodSeconds=5),
        "livenessProbe": probe(periodSeconds=10, failureThreshold=6),
    }
    return spoiled(container, changes)


def probe(path: Any = "/health", port: Any = 8000, **fields: Any) -> Props:
    """An HTTP probe."""
    return {"httpGet": {"path": path, "port": port, "scheme": "HTTP"}, **fields}


def deployment(*containers: Any, name: str = "api", namespace: str = "models", replicas: Any = 2, **pod: Any) -> Made:
    """A Deployment of one confined server that is no vLLM, unless other containers are given."""
    spec: Props = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": list(containers or (web(),)), **pod},
        },
    }
    if replicas is None:
        del spec["replicas"]
    return kubernetes("apps/v1", "Deployment", name, namespace, spec=spec)


def web(**changes: Any) -> Props:
    """A confined container of some HTTP server."""
    container: Props = {
        "name": "web",
        "image": "registry.example.com/team/inference-api:1.4.2",
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": probe("/ready", "http"),
        "livenessProbe": probe("/healthz", 8080),
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    return spoiled(container, changes)


def service(name: str = "api", **port: Any) -> Made:
    """A Service in front of that Deployment."""
    spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": "http", **port}]}
    return kubernetes("v1", "Service", name, spec=spec)


def api_health(name: str = "api", **check: Any) -> Made:
    """A HealthCheckPolicy for that Service."""
    config = {
        "type": "HTTP",
        "httpHealthCheck": {"portSpecification": "USE_FIXED_PORT", "port": 8080, "requestPath": "/ready", **check},
    }
    return health({"group": "", "kind": "Service", "name": "api"}, name, config=config)


def backend(target: Props | None = None, name: str = "pool", namespace: str = "models", **default: Any) -> Made:
    """A GCPBackendPolicy for the InferencePool."""
    ref = target or {"group": POOL_GROUP, "kind": "InferencePool", "name": "qwen-inference-pool"}
    return kubernetes(
        "networking.gke.io/v1",
        "GCPBackendPolicy",
        name,
        namespace,
        spec={"targetRef": ref, "default": {"timeoutSec": 600, **default}},
    )


def release(chart: str, version: Any = None, *, name: str | None = None, **values: Any) -> Made:
    """A Helm release; the version is the pinned one unless another is given."""
    pinned = {"cert-manager": "v1.21.1", "lws": "0.8.0"}
    address = "oci://registry.example.com/charts/" + chart
    props: Props = {"name": name or chart, "namespace": chart, "chart": address, "values": values}
    return Made(
        "kubernetes:helm.sh/v3:Release",
        name or chart,
        {**props, "version": pinned.get(chart, "v0.20.0") if version is None else version},
    )


def controllers() -> list[Made]:
    """KServe and what it needs, as the platform installs it."""
    return [
        release("cert-manager"),
        release("lws"),
        release("kserve-llmisvc-crd"),
        release("kserve-llmisvc-resources", kserve={"llmisvc": {"createGIECRDs": False}}),
        release("kserve-runtime-configs", kserve={"llmisvcConfigs": {"enabled": True}}),
    ]


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
        "nodeConfig": {
            "machineType": "ct6e-standard-4t",
            "diskType": "hyperdisk-balanced",
            "serviceAccount": "nodes@project.iam.gserviceaccount.com",
            "shieldedInstanceConfig": {"enableSecureBoot": True, "enableIntegrityMonitoring": True},
            "workloadMetadataConfig": {"mode": "GKE_METADATA"},
            "bootDiskKmsKey": "projects/project/locations/us-east5/keyRings/gke/cryptoKeys/disks",
        },
        "management": {"autoRepair": True, "autoUpgrade": True},
    }
    return Made("gcp:container/nodePool:NodePool", "v6e", spoiled(props, changes))


def cluster(**changes: Any) -> Made:
    """A cluster with the Gateway API on, closed to the outside."""
    props: Props = {
        "name": "inference",
        "location": "us-east5",
        "gatewayApiConfig": {"channel": "CHANNEL_STANDARD"},
        "addonsConfig": {"httpLoadBalancing": {"disabled": False}},
        "minMasterVersion": "1.34.1-gke.1829001",
        "releaseChannel": {"channel": "REGULAR"},
        "datapathProvider": "ADVANCED_DATAPATH",
        "workloadIdentityConfig": {"workloadPool": "project.svc.id.goog"},
        "privateClusterConfig": {"enablePrivateNodes": True, "enablePrivateEndpoint": True},
        "masterAuthorizedNetworksConfig": {"cidrBlocks": [{"cidrBlock": "35.235.240.0/20"}]},
        "databaseEncryption": {"state": "ENCRYPTED", "keyName": "key"},
        "binaryAuthorization": {"evaluationMode": "PROJECT_SINGLETON_POLICY_ENFORCE"},
        "securityPostureConfig": {"mode": "BASIC", "vulnerabilityMode": "VULNERABILITY_DISABLED"},
        "authenticatorGroupsConfig": {"securityGroup": "gke-security-groups@example.com"},
        "enableIntranodeVisibility": True,
        "maintenancePolicy": {"recurringWindow": {"recurrence": "FREQ=WEEKLY;BYDAY=SA,SU"}},
        "deletionProtection": True,
        "removeDefaultNodePool": True,
        "nodeConfig": {"bootDiskKmsKey": "projects/project/locations/us-east5/keyRings/gke/cryptoKeys/disks"},
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
        subnet("nodes", purpose="PRIVATE", role=None, logConfig={"flowSampling": 0.5}),
        *controllers(),
        gateway(),
        route(pool_ref(), service_ref()),
        llm(),
        health(),
        service_health(),
        backend(securityPolicy="clients"),
        backend(WORKLOAD, "service", securityPolicy="clients"),
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
