"""What the routing bench's load balancer is told: Kubernetes objects as an API server would hold them, and where pods answer.

Owns the objects and nothing that runs. Three ways lead to model servers, each with servers of its own, so that no cache is
warmed by another way's requests. A request's host name says which way it takes:

- `prefix-aware`: an InferencePool of several servers; its endpoint picker has the configuration of the prod stack;
- `round-robin`: a Service of as many servers, which the load balancer asks one after the other;
- `one-server`: a Service of one server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml
from pydantic import ValidationError

from bench.scenarios import PLATFORM, BenchError
from components.endpoint_picker import configuration
from components.settings.model import Model
from rules import endpoint_picker_flags, health, vllm
from rules.gateway import INFERENCE_POOL, INFERENCE_POOL_GROUP
from sandbox.home import CHECKOUT

Object = dict[str, Any]

PREFIX_AWARE: Final = "prefix-aware"
ROUND_ROBIN: Final = "round-robin"
ONE_SERVER: Final = "one-server"
WAYS: Final = (PREFIX_AWARE, ROUND_ROBIN, ONE_SERVER)
PICKER: Final = "picker"
STACK: Final = "prod"
"""The stack whose first model is served."""

NAMESPACE: Final = "llm"
_SERVICE_PORT: Final = 80
_STAMP: Final = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, kw_only=True)
class Served:
    """What is served, as the stack's settings say."""

    model: str
    name: str
    max_model_length: int
    block_tokens: int
    picker: Mapping[str, Any]
    """The EndpointPickerConfig."""


def served() -> Served:
    """The first model of the prod stack.

    Raises:
        BenchError: it has none with an endpoint picker.
    """
    content = yaml.safe_load((CHECKOUT / f"Pulumi.{STACK}.yaml").read_text())
    try:
        model = Model.model_validate(content["config"][PLATFORM]["models"][0])
    except (KeyError, IndexError, TypeError, ValidationError) as error:
        raise BenchError(f"Pulumi.{STACK}.yaml has no model that can be served: {error}") from None
    if model.endpoint_picker is None:
        raise BenchError(f"the first model in Pulumi.{STACK}.yaml has no endpointPicker; there is nothing to compare")
    size = model.block_size
    return Served(
        model=model.uri,
        name=model.served_name,
        max_model_length=model.max_model_length,
        block_tokens=size,
        picker=configuration(model.endpoint_picker, block_size=size, lora=model.lora is not None),
    )


@dataclass(frozen=True, kw_only=True)
class Place:
    """One pod: its name, the way it belongs to or `picker`, and where its ports are on 127.0.0.1."""

    name: str
    role: str
    ports: Mapping[int, int]


def recorded(places: Sequence[Place]) -> Object:
    """Everything the load balancer is programmed from: `source` as `sandbox.balancer.programming` makes it of a cluster's
    objects, `pods`, and `addresses` of the pods.
    """
    return {
        "source": _source(),
        "pods": [_pod(place, number) for number, place in enumerate(places, 1)],
        "addresses": {f"{NAMESPACE}/{place.name}": dict(place.ports) for place in places},
    }


def host(way: str) -> str:
    """The host name under which a way is taken."""
    return f"{way}.example.com"


def _source() -> Object:
    routes = [_route(way) for way in WAYS]
    pool_target = {"group": INFERENCE_POOL_GROUP, "kind": INFERENCE_POOL, "name": PREFIX_AWARE}
    targets = [pool_target, *({"group": "", "kind": "Service", "name": way} for way in (ROUND_ROBIN, ONE_SERVER))]
    services = [
        *(_service(way, _SERVICE_PORT, vllm.PORT) for way in (ROUND_ROBIN, ONE_SERVER)),
        _service(PICKER, endpoint_picker_flags.GRPC_PORT, endpoint_picker_flags.GRPC_PORT),
    ]
    return {
        "gateway": _object(
            "bench",
            {
                "gatewayClassName": "gke-l7-regional-external-managed",
                "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
            },
        ),
        "routes": routes,
        "admitted": {"http": [f"{NAMESPACE}/{way}" for way in WAYS]},
        "services": services,
        "pools": [_pool()],
        "policies": {"HealthCheckPolicy": [_check(target) for target in targets]},
    }


def _object(name: str, spec: Object) -> Object:
    return {"metadata": {"namespace": NAMESPACE, "name": name, "creationTimestamp": _STAMP}, "spec": spec}


def _route(way: str) -> Object:
    backend = (
        {"group": INFERENCE_POOL_GROUP, "kind": INFERENCE_POOL, "name": way}
        if way == PREFIX_AWARE
        else {"name": way, "port": _SERVICE_PORT}
    )
    return _object(way, {"hostnames": [host(way)], "rules": [{"backendRefs": [backend]}]})


def _service(name: str, port: int, target: int) -> Object:
    return _object(name, {"selector": {"role": name}, "ports": [{"port": port, "targetPort": target}]})


def _pool() -> Object:
    """Its picker fails closed: a picker that does not answer shows as failed requests, not as round robin in disguise."""
    picker = {
        "name": PICKER,
        "port": {"number": endpoint_picker_flags.GRPC_PORT},
        "failureMode": "FailClose",
    }
    spec = {
        "targetPorts": [{"number": vllm.PORT}],
        "selector": {"matchLabels": {"role": PREFIX_AWARE}},
        "endpointPickerRef": picker,
    }
    return _object(PREFIX_AWARE, spec)


def _check(target: Object) -> Object:
    http = {"requestPath": vllm.HEALTH_PATH, "portSpecification": health.SERVING_PORT}
    default = {
        "checkIntervalSec": health.PROVEN_INTERVAL_SECONDS,
        "timeoutSec": health.PROVEN_TIMEOUT_SECONDS,
        "healthyThreshold": health.PROVEN_HEALTHY_THRESHOLD,
        "unhealthyThreshold": health.PROVEN_UNHEALTHY_THRESHOLD,
        "config": {"type": "HTTP", "httpHealthCheck": http},
    }
    return _object(f"check-{target['name']}", {"targetRef": target, "default": default})


def _pod(place: Place, number: int) -> Object:
    ports = [{"containerPort": port} for port in place.ports]
    return {
        "metadata": {
            "namespace": NAMESPACE,
            "name": place.name,
            "uid": place.name,
            "labels": {"role": place.role},
            "creationTimestamp": _STAMP,
        },
        "spec": {"containers": [{"name": "main", "ports": ports}]},
        "status": {"phase": "Running", "podIP": f"10.9.0.{number}"},
    }
