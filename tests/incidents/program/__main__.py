"""A platform as somebody else would write it: plain provider resources, none of this project's components or settings.

Right as it stands. The config value `changes` replaces parts of it by path (`gateway/spec/gatewayClassName`, `~` for a slash
in a name), so that each test spoils one thing: null leaves a part or a whole resource out, and UNKNOWN puts in the output of
a resource that does not exist yet, which is what a preview sees of a value that another resource decides. What stands under
`added` is declared beside the rest: lists of type token, name and properties. Resources are declared by their type tokens, as
every SDK does underneath: the providers' Python packages would only cost start-up time.
"""

from __future__ import annotations

from typing import Any

import pulumi

UNKNOWN = "UNKNOWN"
PROJECT = "somebody-else"
SERVICE = {"name": "qwen-kserve-workload-svc"}
POOL = {"group": "inference.networking.k8s.io", "kind": "InferencePool", "name": "qwen-inference-pool"}

changes: dict[str, Any] = pulumi.Config().get_object("changes") or {}


def declare(token: str, name: str, props: dict[str, Any], provider: pulumi.ProviderResource | None = None) -> Any:
    """A resource with the changes for it; None when it is left out."""
    if name in changes:
        return None
    for path, value in changes.items():
        resource, *steps = (step.replace("~", "/") for step in path.split("/"))
        if resource == name:
            put(props, steps, value)
    return pulumi.CustomResource(token, name, props, pulumi.ResourceOptions(provider=provider))


def put(place: Any, steps: list[str], value: Any) -> None:
    """Sets what is at `steps` within `place`, or removes it for null."""
    step, *rest = steps
    key: Any = int(step) if isinstance(place, list) else step
    if rest:
        put(place[key] if isinstance(place, list) else place.setdefault(key, {}), rest, value)
    elif value is None:
        del place[key]
    else:
        place[key] = given(value)


def given(value: Any) -> Any:
    """A value of a change, with outputs of the address for what is to be unknown."""
    if value == UNKNOWN:
        return address.address
    if isinstance(value, dict):
        return {key: given(item) for key, item in value.items()}
    return [given(item) for item in value] if isinstance(value, list) else value


def google(kind: str, name: str, **props: Any) -> Any:
    """A resource of Google Cloud."""
    return declare(f"gcp:{kind}", name, {"project": PROJECT, "name": name, **props})


address = google("compute/address:Address", "address", region="us-east5", address=None)
google("compute/subnetwork:Subnetwork", "nodes", network="vpc", region="us-east5", ipCidrRange="10.0.0.0/20")
google(
    "compute/subnetwork:Subnetwork",
    "proxies",
    network="vpc",
    region="us-east5",
    ipCidrRange="10.9.0.0/23",
    purpose="REGIONAL_MANAGED_PROXY",
    role="ACTIVE",
)
cluster = google(
    "container/cluster:Cluster",
    "cluster",
    location="us-east5",
    initialNodeCount=1,
    minMasterVersion="1.34.3-gke.1245000",
    releaseChannel={"channel": "REGULAR"},
    datapathProvider="ADVANCED_DATAPATH",
    workloadIdentityConfig={"workloadPool": f"{PROJECT}.svc.id.goog"},
    privateClusterConfig={"enablePrivateNodes": True, "masterIpv4CidrBlock": "172.16.0.0/28"},
    masterAuthorizedNetworksConfig={"cidrBlocks": [{"cidrBlock": "203.0.113.0/24"}]},
    gatewayApiConfig={"channel": "CHANNEL_STANDARD"},
    addonsConfig={"httpLoadBalancing": {"disabled": False}},
    endpoint=None,
)
google(
    "container/nodePool:NodePool",
    "tpus",
    cluster="cluster",
    location="us-east5",
    nodeLocations=["us-east5-b"],
    nodeCount=1,
    nodeConfig={
        "machineType": "ct6e-standard-4t",
        "diskType": "hyperdisk-balanced",
        "serviceAccount": f"nodes@{PROJECT}.iam.gserviceaccount.com",
        "shieldedInstanceConfig": {"enableSecureBoot": True},
    },
)
kubeconfig = pulumi.Output.concat("server: https://", cluster.endpoint)
provider = pulumi.ProviderResource("kubernetes", "cluster", {"kubeconfig": kubeconfig})


def kubernetes(resource: str, api_version: str, kind: str, name: str, spec: Any) -> None:
    """An object in the cluster."""
    props = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "models"}, "spec": spec}
    declare(f"kubernetes:{api_version}:{kind}", resource, props, provider)


def health_check(resource: str, target: dict[str, str]) -> None:
    """A health check of vLLM's health endpoint for one backend."""
    check = {"portSpecification": "USE_FIXED_PORT", "port": 8000, "requestPath": "/health"}
    default = {"checkIntervalSec": 15, "timeoutSec": 15, "config": {"type": "HTTP", "httpHealthCheck": check}}
    spec = {"targetRef": dict(target), "default": default}
    kubernetes(resource, "networking.gke.io/v1", "HealthCheckPolicy", resource, spec)


def patience(resource: str, target: dict[str, str]) -> None:
    """A timeout for one backend with which streams are not cut, and a Cloud Armor policy that lets only some callers in."""
    spec = {"targetRef": dict(target), "default": {"timeoutSec": 600, "securityPolicy": "callers"}}
    kubernetes(resource, "networking.gke.io/v1", "GCPBackendPolicy", resource, spec)


def rule(path: str, backend: dict[str, str]) -> dict[str, Any]:
    """One rule of a route."""
    return {"matches": [{"path": {"type": "PathPrefix", "value": path}}], "backendRefs": [{**backend, "port": 8000}]}


kubernetes(
    "gateway",
    "gateway.networking.k8s.io/v1",
    "Gateway",
    "entry",
    {
        "gatewayClassName": "gke-l7-regional-external-managed",
        "listeners": [{"name": "http", "protocol": "HTTP", "port": 80}],
    },
)
kubernetes(
    "route",
    "gateway.networking.k8s.io/v1",
    "HTTPRoute",
    "qwen",
    {"parentRefs": [{"name": "entry"}], "rules": [rule("/v1/completions", POOL), rule("/v1/models", SERVICE)]},
)
chips = {"google.com/tpu": "4"}
server = {
    "name": "main",
    "image": "vllm/vllm-tpu:v0.27.0",
    "command": ["vllm", "serve", "/mnt/models"],
    "args": ["--served-model-name=qwen", "--port=8000", "--tensor-parallel-size=4"],
    "resources": {"requests": chips, "limits": dict(chips)},
    "startupProbe": {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 10, "failureThreshold": 360},
}
kubernetes(
    "model",
    "serving.kserve.io/v1alpha2",
    "LLMInferenceService",
    "qwen",
    {
        "model": {"uri": "hf://Qwen/Qwen2.5-3B-Instruct", "name": "qwen"},
        "router": {"scheduler": {}, "route": {"http": {"refs": [{"name": "qwen"}]}}},
        "template": {
            "nodeSelector": {
                "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
                "cloud.google.com/gke-tpu-topology": "2x2",
            },
            "containers": [server],
        },
    },
)
kubernetes(
    "preset",
    "serving.kserve.io/v1alpha2",
    "LLMInferenceServiceConfig",
    "team-route",
    {"router": {"route": {"http": {"spec": {"rules": [rule("/", SERVICE)]}}}}},
)
for name, target in (("pool", POOL), ("service", {"group": "", "kind": "Service", **SERVICE})):
    health_check(f"{name}-health", target)
    patience(f"{name}-patience", target)
for token, name, props in changes.get("added", []):
    pulumi.CustomResource(token, name, given(props), pulumi.ResourceOptions(provider=provider))
