"""A platform as somebody else would write it: plain provider resources, none of this project's components or settings.

Right as it stands. The config value `changes` replaces parts of it by path (`gateway.spec.gatewayClassName`), so that each
test spoils one thing: null leaves a part or a whole resource out, and UNKNOWN puts in the output of a resource that does
not exist yet, which is what a preview sees of a value that another resource decides.
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_gcp.compute.address import Address
from pulumi_gcp.compute.subnetwork import Subnetwork
from pulumi_gcp.container.cluster import Cluster
from pulumi_gcp.container.node_pool import NodePool
from pulumi_kubernetes.apiextensions.CustomResource import CustomResource
from pulumi_kubernetes.provider import Provider

UNKNOWN = "UNKNOWN"
PROJECT = "somebody-else"
SERVICE = {"name": "qwen-kserve-workload-svc"}
POOL = {"group": "inference.networking.k8s.io", "kind": "InferencePool", "name": "qwen-inference-pool"}

changes: dict[str, Any] = pulumi.Config().get_object("changes") or {}
pulumi.log.warn(repr(changes))
address = Address("address", project=PROJECT, region="us-east5", name="address")


def given(value: Any) -> Any:
    """A value of a change, with outputs of the address for what is to be unknown."""
    if value == UNKNOWN:
        return address.address
    if isinstance(value, dict):
        return {key: given(item) for key, item in value.items()}
    return [given(item) for item in value] if isinstance(value, list) else value


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


def changed(name: str, props: dict[str, Any]) -> dict[str, Any] | None:
    """The properties of resource `name` with the changes for it; None when it is left out."""
    if name in changes:
        return None
    for path, value in changes.items():
        resource, *steps = path.split("/")
        if resource == name:
            put(props, steps, value)
    return props


def google(kind: Any, name: str, **props: Any) -> Any:
    """A resource of Google Cloud."""
    args = changed(name, {"project": PROJECT, "name": name, **props})
    return None if args is None else kind(name, **args)


google(Subnetwork, "nodes", network="vpc", region="us-east5", ip_cidr_range="10.0.0.0/20")
google(
    Subnetwork,
    "proxies",
    network="vpc",
    region="us-east5",
    ip_cidr_range="10.9.0.0/23",
    purpose="REGIONAL_MANAGED_PROXY",
    role="ACTIVE",
)
cluster = google(
    Cluster,
    "cluster",
    location="us-east5",
    initial_node_count=1,
    min_master_version="1.34.3-gke.1245000",
    gateway_api_config={"channel": "CHANNEL_STANDARD"},
    addons_config={"http_load_balancing": {"disabled": False}},
)
google(
    NodePool,
    "tpus",
    cluster="cluster",
    location="us-east5",
    node_locations=["us-east5-b"],
    node_count=1,
    node_config={"machine_type": "ct6e-standard-4t", "disk_type": "hyperdisk-balanced"},
)
provider = Provider("cluster", kubeconfig=cluster.endpoint.apply(lambda endpoint: f"server: https://{endpoint}"))


def kubernetes(resource: str, api_version: str, kind: str, name: str, spec: Any, namespace: str = "models") -> None:
    """An object in the cluster."""
    props = changed(resource, {"metadata": {"name": name, "namespace": namespace}, "spec": spec})
    if props is not None:
        opts = pulumi.ResourceOptions(provider=provider)
        CustomResource(resource, api_version=api_version, kind=kind, opts=opts, **props)


def health_check(resource: str, target: dict[str, str]) -> None:
    """A health check of vLLM's health endpoint for one backend."""
    check = {"portSpecification": "USE_FIXED_PORT", "port": 8000, "requestPath": "/health"}
    default = {"checkIntervalSec": 15, "timeoutSec": 15, "config": {"type": "HTTP", "httpHealthCheck": check}}
    spec = {"targetRef": dict(target), "default": default}
    kubernetes(resource, "networking.gke.io/v1", "HealthCheckPolicy", resource, spec)


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
            "containers": [{"name": "main", "args": [], "resources": {"requests": chips, "limits": dict(chips)}}],
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
health_check("pool-health", POOL)
health_check("service-health", {"group": "", "kind": "Service", **SERVICE})
