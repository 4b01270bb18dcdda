"""The pods of a model's servers: what KServe merges over its preset, container by container.

Owns command, arguments, resources, probes, volumes and the way a server stops. Does not own where pods go (placement is
handed in) nor the volumes' claims (model_volumes.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from components.endpoints import Server
from components.model_volumes import Claims
from components.settings.model import Model
from rules import kserve, monitoring, node_room, tpu, vllm, vllm_arguments, weights

WEIGHTS_MOUNT = "/var/cache/huggingface"
COMPILED_MOUNT = "/var/cache/xla"
UNPRIVILEGED_GROUP = 1000
"""Group that owns shared volumes where the image does not run as root."""


@dataclass(frozen=True, kw_only=True)
class SecretKey:
    """One value of a Kubernetes Secret.

    Attributes:
        name: Name of the Secret.
        key: Key in it.
    """

    name: pulumi.Input[str]
    key: str


@dataclass(frozen=True, kw_only=True)
class PodArgs:
    """What the pods of a model are made from.

    Attributes:
        model: The model.
        machine: TPU machine type of the nodes.
        layout: How its slice is divided.
        placement: Node selector, tolerations and the like, as the pod spec takes them.
        server: Port, scheme and health path.
        claims: Names of the volumes' claims.
        token: Hugging Face token.
        priority_class: Name of the pods' PriorityClass.
    """

    model: Model
    machine: tpu.MachineType
    layout: tpu.Layout
    placement: Mapping[str, Any]
    server: Server
    claims: Claims = field(default_factory=Claims)
    token: SecretKey | None = None
    priority_class: str | None = None


def pod(args: PodArgs) -> dict[str, Any]:
    """The pod of one server."""
    model, stopping = args.model, args.model.stopping
    container = {
        "name": kserve.SERVER_CONTAINER,
        "image": model.image,
        "command": ["vllm", "serve", weights_argument(model)],
        "args": arguments(args),
        "resources": resources(args),
        "ports": [{"name": "tpu-metrics", "containerPort": monitoring.TPU_METRICS_PORT, "protocol": "TCP"}],
        "securityContext": confined(non_root=not model.allow_root),
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/sleep", str(stopping.pre_stop)]}}},
        **args.server.probes(startup_minutes=model.startup_minutes),
    }
    mounts, volumes = _volumes(args)
    environment = _environment(args)
    if environment:
        container["env"] = environment
    if mounts:
        container["volumeMounts"] = mounts
    template: dict[str, Any] = {
        **args.placement,
        "terminationGracePeriodSeconds": stopping.grace,
        "containers": [container],
        "volumes": volumes,
    }
    if args.priority_class is not None:
        template["priorityClassName"] = args.priority_class
    if model.most_replicas > 1:
        template["topologySpreadConstraints"] = [spread(model.name)]
    if mounts and not model.allow_root:
        template["securityContext"] = {"fsGroup": UNPRIVILEGED_GROUP}
    if _loads_with_kserve(model):
        template["initContainers"] = [_storage_initializer(args.token)]
    return template


def arguments(args: PodArgs) -> list[str]:
    """The server's command line behind the model: what follows from the platform, then what is set."""
    model, flags = args.model, args.model.server
    line = [
        f"--served-model-name={model.served_name}",
        f"--port={args.server.port}",
        f"--tensor-parallel-size={args.layout.tensor_parallel_size}",
        f"--max-model-len={model.max_model_length}",
        f"--shutdown-timeout={model.stopping.finish}",
    ]
    if args.layout.servers > 1:
        line.append(f"{vllm_arguments.DATA_PARALLEL[0]}={args.layout.servers}")
    if flags.block_size is not None or model.endpoint_picker is not None:
        line.append(f"--block-size={model.block_size}")
    line.append("--enable-prefix-caching" if flags.enable_prefix_caching else "--no-enable-prefix-caching")
    valued = {
        "dtype": None if flags.dtype == "auto" else flags.dtype,
        "quantization": flags.quantization,
        "kv-cache-dtype": None if flags.kv_cache_dtype == "auto" else flags.kv_cache_dtype,
        "gpu-memory-utilization": flags.gpu_memory_utilization,
        "max-num-seqs": flags.max_num_seqs,
        "max-num-batched-tokens": flags.max_num_batched_tokens,
        "tool-call-parser": flags.tool_call_parser,
        "reasoning-parser": flags.reasoning_parser,
        "chat-template": flags.chat_template,
        "revision": _revision(model),
    }
    line += [f"--{name}={value}" for name, value in valued.items() if value is not None]
    if args.server.scheme == "HTTPS":
        line += ["--enable-ssl-refresh", *(f"--{flag}={path}" for flag, path in kserve.TLS_FILES.items())]
    if flags.tool_call_parser is not None:
        line.append("--enable-auto-tool-choice")
    if flags.trust_remote_code:
        line.append("--trust-remote-code")
    return [*line, *_lora(model), *model.extra_args]


def resources(args: PodArgs) -> dict[str, dict[str, str]]:
    """What a server asks of its node, and where it ends.

    Memory that is not asked for can be taken back, so the limit is what is asked for: a compiler that runs wild then ends with
    its server, not with the node. CPU is given back at once, so the limit is all that the node leaves for pods: it throttles
    nothing, and without a limit GKE reports no use of it. No limit of ephemeral storage: it would only evict the pod earlier.
    """
    model, machine, chips = args.model, args.machine, args.layout.chips_per_node
    requests = {tpu.TPU_RESOURCE: str(chips)}
    limits = dict(requests)
    cpu, memory = model.resources.millicpu(machine, chips), model.resources.memory_mib(machine, chips)
    room = node_room.room(machine)
    if cpu is not None:
        requests["cpu"] = _cores(cpu)
        if room is not None:
            limits["cpu"] = _cores(max(cpu, room.millicpu * chips // machine.chips_per_vm // 1000 * 1000))
    if memory is not None:
        requests["memory"] = limits["memory"] = f"{memory // 1024}Gi" if memory % 1024 == 0 else f"{memory}Mi"
    if model.disk_gib is not None:
        requests[node_room.EPHEMERAL_STORAGE] = f"{model.disk_gib}Gi"
    return {"requests": requests, "limits": limits}


def _cores(millicpu: int) -> str:
    return f"{millicpu}m" if millicpu % 1000 else str(millicpu // 1000)


def weights_argument(model: Model) -> str:
    """What vLLM is told to serve: a directory, or a model that it loads from Hugging Face itself."""
    if model.weights.cache == "persistentVolume":
        return model.uri.removeprefix("hf://").partition(":")[0]
    return weights.MODEL_PATH


def confined(*, non_root: bool) -> dict[str, Any]:
    """A container's security context: all that Pod Security's restricted profile asks for, non-root where the image can."""
    return {
        "runAsNonRoot": non_root,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def spread(model: str) -> dict[str, Any]:
    """Servers on as many zones as there are nodes in; a pool in one zone is none the worse for it."""
    return {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": kserve.workload_labels(model)},
    }


def _revision(model: Model) -> str | None:
    revision = model.uri.removeprefix("hf://").partition(":")[2]
    return revision if revision and model.weights.cache == "persistentVolume" else None


def _loads_with_kserve(model: Model) -> bool:
    return model.weights.cache == "none" and model.uri.startswith(kserve.STORAGE_INITIALIZER_SCHEMES)


def _storage_initializer(token: SecretKey | None) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": kserve.STORAGE_INITIALIZER,
        "resources": {"limits": {"memory": kserve.STORAGE_INITIALIZER_MEMORY}},
        "securityContext": confined(non_root=True),
    }
    if token is not None:
        container["env"] = [_token(token)]
    return container


def _environment(args: PodArgs) -> list[dict[str, Any]]:
    variables: list[dict[str, Any]] = []
    if args.claims.weights is not None:
        variables.append({"name": vllm.HUGGING_FACE_CACHE_VARIABLE, "value": WEIGHTS_MOUNT})
        if args.token is not None:
            variables.append(_token(args.token))
    if args.claims.compiled is not None:
        variables.append({"name": vllm.XLA_CACHE_VARIABLE, "value": COMPILED_MOUNT})
    return variables


def _token(token: SecretKey) -> dict[str, Any]:
    source = {"secretKeyRef": {"name": token.name, "key": token.key}}
    return {"name": vllm.HUGGING_FACE_TOKEN_VARIABLE, "valueFrom": source}


def _volumes(args: PodArgs) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Mounts of the server and volumes of the pod; /dev/shm is the preset's volume with another size."""
    memory = {"medium": "Memory", "sizeLimit": f"{args.model.server.shared_memory_gib}Gi"}
    volumes: list[dict[str, Any]] = [{"name": kserve.SHARED_MEMORY_VOLUME, "emptyDir": memory}]
    mounts: list[dict[str, Any]] = []
    wanted = (
        ("weights-cache", args.claims.weights, WEIGHTS_MOUNT),
        ("compile-cache", args.claims.compiled, COMPILED_MOUNT),
    )
    for name, claim, path in wanted:
        if claim is not None:
            mounts.append({"name": name, "mountPath": path})
            volumes.append({"name": name, "persistentVolumeClaim": {"claimName": claim}})
    return mounts, volumes


def _lora(model: Model) -> list[str]:
    """The adapters' flags. KServe would write them itself, but with quotes for a shell that is not there."""
    if model.lora is None:
        return []
    line = ["--enable-lora"]
    bounds = {
        "max-lora-rank": model.lora.max_rank,
        "max-loras": model.lora.max_adapters,
        "max-cpu-loras": model.lora.max_cpu_adapters,
    }
    line += [f"--{name}={value}" for name, value in bounds.items() if value is not None]
    return [*line, "--lora-modules", *(f"{each.name}={weights.LORA_PATH}/{each.name}" for each in model.lora.adapters)]
