"""The reports' servers as they were deployed: vLLM on TPU, the endpoint picker, a plain HTTP service.

Owns Deployments written by hand, right unless a replay changes them. The images are those that the sandbox has stand-ins for.
"""

from __future__ import annotations

from typing import Any

from rules import endpoint_picker_flags, http_servers, tpu
from tests.incidents.replay.place import VLLM_PORT, Place

Object = dict[str, Any]

VLLM_IMAGE = "vllm/vllm-tpu:v0.27.0"
PICKER_IMAGE = "ghcr.io/llm-d/llm-d-router-endpoint-picker:v0.9.0"
HTTP_IMAGE = "us-east5-docker.pkg.dev/replay/serving/inference:1.4.0"
COMMAND = (
    "python3 -m vllm.entrypoints.openai.api_server --model=/mnt/models --dtype=half --max-model-len=2048 "
    "--tensor-parallel-size=4 --enable-prefix-caching"
)
TPU_NODES = {tpu.TPU_ACCELERATOR_LABEL: "tpu-v6e-slice", tpu.TPU_TOPOLOGY_LABEL: "2x2"}
QUICK = {"name": "SANDBOX_VLLM_STARTUP_SECONDS", "value": "30"}
"""Seconds of GKE until the stand-in answers, where the replay is not about start-up."""


def probe(path: str, port: int = VLLM_PORT, **fields: Any) -> Object:
    """An HTTP probe every 10 s."""
    http = {"path": path, "port": port, **({"scheme": fields.pop("scheme")} if "scheme" in fields else {})}
    return {"httpGet": http, "periodSeconds": 10, **fields}


def deployment(place: Place, app: str, container: Object, replicas: int = 1, **pod: Any) -> None:
    """A Deployment of `replicas` pods labelled `app: APP`, with one container called main."""
    spec = {"containers": [{"name": "main", **container}], **pod}
    template = {"metadata": {"labels": {"app": app}}, "spec": spec}
    selector = {"matchLabels": {"app": app}}
    place.create("apps/v1", "Deployment", app, {"replicas": replicas, "selector": selector, "template": template})


def vllm(place: Place, app: str, replicas: int = 1, **changes: Any) -> None:
    """A vLLM server on four chips; `changes` are of the container, `chips` and `nodes` of where it may run."""
    chips = {tpu.TPU_RESOURCE: changes.pop("chips", "4")}
    nodes = changes.pop("nodes", TPU_NODES)
    container = {
        "image": VLLM_IMAGE,
        "command": ["bash", "-c", changes.pop("script", COMMAND)],
        "env": [QUICK],
        "ports": [{"containerPort": VLLM_PORT}],
        "resources": {"limits": chips, "requests": chips},
        "readinessProbe": probe("/health"),
        **changes,
    }
    tolerations = [{"key": tpu.TPU_TAINT_KEY, "operator": "Exists", "effect": "NoSchedule"}]
    deployment(place, app, container, replicas, nodeSelector=nodes, tolerations=tolerations)


def picker(place: Place, name: str, pool: str, *flags: str) -> None:
    """An endpoint picker for `pool`, its Service, and the right to read the pool."""
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]
    place.create("rbac.authorization.k8s.io/v1", "Role", name, rules=rules)
    place.create(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        name,
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        subjects=[{"kind": "ServiceAccount", "name": "default", "namespace": place.name}],
    )
    ports = [endpoint_picker_flags.GRPC_PORT, endpoint_picker_flags.HEALTH_PORT]
    container = {
        "image": PICKER_IMAGE,
        "args": [f"--pool-name={pool}", f"--pool-namespace={place.name}", "--secure-serving=false", *flags],
        "ports": [{"containerPort": port} for port in ports],
        "readinessProbe": {"grpc": {"port": endpoint_picker_flags.HEALTH_PORT}, "periodSeconds": 10},
    }
    deployment(place, name, container)
    place.service(name, name, endpoint_picker_flags.GRPC_PORT)


def http_service(place: Place, app: str, replicas: int = 1, **changes: Any) -> None:
    """The report's plain HTTP service, its probes on the paths that it serves."""
    port = http_servers.SERVERS["inference"].port
    container = {
        "image": HTTP_IMAGE,
        "ports": [{"containerPort": port}],
        "startupProbe": probe("/healthz", failureThreshold=12),
        "readinessProbe": probe("/ready"),
        "livenessProbe": probe("/healthz", periodSeconds=30),
        **changes,
    }
    deployment(place, app, container, replicas)
