"""One model: vLLM on TPU through KServe, its route, and the health checks without which no request reaches it.

Owns the LLMInferenceService, its HTTPRoute, and for each of the two backends that the route names (the InferencePool for
completions, the workload Service for everything else) a HealthCheckPolicy and a GCPBackendPolicy. The route is ours
because KServe's own carries `timeouts`, which GKE rejects; KServe is handed ours by reference. Does not own the
InferencePool, Services and Deployments: KServe makes them, and takes objects that somebody else made under their names
for errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components.endpoints import Server
from components.manifests import manifest
from rules import gateway, health, kserve, network, tpu, vllm

CORE_GROUP = ""


@dataclass(frozen=True, kw_only=True)
class TpuModelArgs:
    """Arguments of TpuModel.

    Attributes:
        namespace: Namespace of the model; the Gateway's.
        gateway: Name of the Gateway.
        pool: Name of the node pool; another of the same machines and topology is not used.
        uri: Where the weights are.
        served_name: Name that clients put into `model`.
        image: vLLM image for TPU.
        replicas: Number of servers.
        machine_type: TPU machine type of the nodes.
        topology: Topology of the nodes' slice.
        max_model_length: Context window in tokens.
        startup_minutes: Budget until a server answers.
        longest_request_seconds: How long the load balancer waits for an answer; longer ones are cut.
        extra_args: Further vLLM arguments.
        allow_root: The image runs as root.
    """

    namespace: str
    gateway: str
    pool: str
    uri: str
    served_name: str
    image: str
    replicas: int
    machine_type: str
    topology: str
    max_model_length: int
    startup_minutes: int
    longest_request_seconds: int
    extra_args: tuple[str, ...]
    allow_root: bool


class TpuModel(pulumi.ComponentResource):
    """A model that clients reach under GATEWAY/NAMESPACE/NAME/v1/…."""

    service: pulumi.CustomResource
    route: pulumi.CustomResource
    path: str

    def __init__(self, name: str, args: TpuModelArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:index:TpuModel", name, {**vars(args), "name": name}, opts)
        names = kserve.GeneratedNames(name)
        server = Server(port=vllm.PORT, health_path=vllm.HEALTH_PATH)
        self.path = f"/{args.namespace}/{name}"

        self.service = manifest(
            name,
            api_version=kserve.API_VERSION,
            kind=kserve.LLM_INFERENCE_SERVICE,
            name=name,
            namespace=args.namespace,
            spec={
                "model": {"uri": args.uri, "name": args.served_name},
                "replicas": args.replicas,
                "router": {"route": {"http": {"refs": [{"name": name}]}}, "scheduler": {}},
                "template": pod(args, server),
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        # After the service: a route to a pool that does not exist yet holds up the whole Gateway.
        after = pulumi.ResourceOptions(parent=self, depends_on=[self.service])
        self.route = manifest(
            f"{name}-route",
            api_version=gateway.GATEWAY_API_VERSION,
            kind="HTTPRoute",
            name=name,
            namespace=args.namespace,
            spec={"parentRefs": [{"name": args.gateway}], "rules": route_rules(self.path, names)},
            opts=after,
        )
        backends = (
            ("pool", gateway.INFERENCE_POOL_GROUP, gateway.INFERENCE_POOL, names.inference_pool),
            ("service", CORE_GROUP, "Service", names.workload_service),
        )
        for label, group, kind, backend in backends:
            target = {"group": group, "kind": kind, "name": backend}
            manifest(
                f"{name}-{label}-health",
                api_version=gateway.GKE_NETWORKING_API_VERSION,
                kind=health.HEALTH_CHECK_POLICY,
                name=backend,
                namespace=args.namespace,
                spec={"targetRef": target, "default": server.health_check()},
                opts=after,
            )
            manifest(
                f"{name}-{label}-backend",
                api_version=gateway.GKE_NETWORKING_API_VERSION,
                kind="GCPBackendPolicy",
                name=backend,
                namespace=args.namespace,
                spec={
                    "targetRef": target,
                    "default": {
                        "timeoutSec": args.longest_request_seconds,
                        "connectionDraining": {"drainingTimeoutSec": 60},
                        "logging": {"enabled": True},
                    },
                },
                opts=after,
            )
        self.register_outputs({"path": self.path})


def pod(args: TpuModelArgs, server: Server) -> dict[str, Any]:
    """The pod of a server: KServe merges it over its preset, container by container."""
    machine = tpu.MACHINE_TYPES[args.machine_type]
    chips = tpu.chips(args.topology)
    arguments = [
        f"--served-model-name={args.served_name}",
        f"--port={server.port}",
        f"--tensor-parallel-size={chips}",
        f"--max-model-len={args.max_model_length}",
        *args.extra_args,
    ]
    resources = {tpu.TPU_RESOURCE: str(machine.chips_per_vm)}
    template: dict[str, Any] = {
        "nodeSelector": {
            network.NODE_POOL_LABEL: args.pool,
            tpu.TPU_ACCELERATOR_LABEL: machine.node_label,
            tpu.TPU_TOPOLOGY_LABEL: args.topology,
        },
        "tolerations": [
            {
                "key": tpu.TPU_TAINT_KEY,
                "operator": "Equal",
                "value": tpu.TPU_TAINT_VALUE,
                "effect": tpu.TPU_TAINT_EFFECT,
            }
        ],
        "containers": [
            {
                "name": kserve.SERVER_CONTAINER,
                "image": args.image,
                "command": ["vllm", "serve", "/mnt/models"],
                "args": arguments,
                "resources": {"requests": resources, "limits": resources},
                "securityContext": confined(non_root=not args.allow_root),
                **server.probes(startup_minutes=args.startup_minutes),
            }
        ],
    }
    if args.uri.startswith(kserve.STORAGE_INITIALIZER_SCHEMES):
        template["initContainers"] = [
            {
                "name": kserve.STORAGE_INITIALIZER,
                "resources": {"limits": {"memory": kserve.STORAGE_INITIALIZER_MEMORY}},
                "securityContext": confined(non_root=True),
            }
        ]
    return template


def confined(*, non_root: bool) -> dict[str, Any]:
    """A container's security context: all that Pod Security's restricted profile asks for, non-root where the image can."""
    return {
        "runAsNonRoot": non_root,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def route_rules(path: str, names: kserve.GeneratedNames) -> list[dict[str, Any]]:
    """Completions to the InferencePool, where the endpoint picker chooses a server; the rest to the workload Service."""
    pool = {
        "group": gateway.INFERENCE_POOL_GROUP,
        "kind": gateway.INFERENCE_POOL,
        "name": names.inference_pool,
        "port": vllm.PORT,
    }
    service = {"group": CORE_GROUP, "kind": "Service", "name": names.workload_service, "port": vllm.PORT}
    served = (
        (vllm.COMPLETIONS_PATH, pool),
        (vllm.CHAT_COMPLETIONS_PATH, pool),
        (vllm.MODELS_PATH, service),
        (vllm.HEALTH_PATH, service),
    )
    return [rule(f"{path}{served_path}", served_path, backend) for served_path, backend in served]


def rule(prefix: str, rewritten: str, backend: dict[str, Any]) -> dict[str, Any]:
    """One rule: a path prefix, its rewrite, one backend. Nothing else, because GKE rejects most of what else there is."""
    rewrite = {"type": "ReplacePrefixMatch", "replacePrefixMatch": rewritten}
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": prefix}}],
        "filters": [{"type": "URLRewrite", "urlRewrite": {"path": rewrite}}],
        "backendRefs": [backend],
    }
