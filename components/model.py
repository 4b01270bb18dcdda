"""One model: vLLM on TPU through KServe, its route, and the health checks without which no request reaches it.

Owns the LLMInferenceService, its HTTPRoute, and what belongs to both: volumes, autoscaler, disruption budget, the policies of the
two backends that the route names (the InferencePool for completions, the workload Service for everything else). A canary is a
second service of the same component. The route is ours because KServe's own carries `timeouts`, which GKE rejects; KServe is
handed ours by reference. Does not own the InferencePool, Services and Deployments: KServe makes them, and takes objects that
somebody else made under their names for errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi

from components import endpoint_picker, model_groups, model_routes, model_scaling, model_volumes
from components.compute_class import placement
from components.endpoints import Server
from components.manifests import manifest
from components.model_pod import PodArgs, SecretKey, pod
from components.settings.model import Model
from rules import gateway, kserve, tpu, vllm

DELETE_MARGIN_SECONDS: Final = 600
"""What the deletion of a service may take beyond its servers' grace period: the provider's own patience, which alone would give
up on a server that finishes long answers."""


@dataclass(frozen=True, kw_only=True)
class TpuModelArgs:
    """Arguments of TpuModel.

    Attributes:
        model: What is served, and how.
        namespace: Namespace of the model; the Gateway's.
        gateway: Name of the Gateway.
        section: Name of its listener; none for all of them.
        hostnames: Host names that the route answers; empty for every one.
        endpoint_picker: Image of the endpoint picker.
        routing_sidecar: Image beside servers with prefill servers.
        compute_class: Name of the compute class in place of the pool; None for the pool.
        machine_type: TPU machine type of the nodes.
        topology: Topology of the nodes' slice.
        project: Project of the stack.
        zone: Zone of the TPU nodes.
        network: The nodes' VPC: its name, or its full one where it is another project's.
        backend_tls: Servers speak TLS, with the certificate that KServe makes.
        managed_routes: KServe makes the route, from the preset in the namespace.
        protection: Further fields of `spec.default` of the GCPBackendPolicies.
        token: Hugging Face token.
        pull_secrets: Names of Secrets with credentials of container registries.
    """

    model: Model
    namespace: str
    gateway: str
    section: str | None = None
    hostnames: tuple[str, ...] = ()
    endpoint_picker: str
    routing_sidecar: str
    compute_class: str | None = None
    machine_type: str
    topology: str
    project: str
    zone: str
    network: str
    backend_tls: bool = False
    managed_routes: bool = False
    protection: Mapping[str, pulumi.Input[Any]] = field(default_factory=dict[str, pulumi.Input[Any]])
    token: SecretKey | None = None
    pull_secrets: tuple[str, ...] = ()


class TpuModel(pulumi.ComponentResource):
    """A model that clients reach under GATEWAY/NAMESPACE/NAME/v1/…."""

    service: pulumi.CustomResource
    path: str
    """Path of the model under the Gateway, without a final slash."""

    def __init__(self, name: str, args: TpuModelArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        model = args.model
        shown = {"protection": dict(args.protection), "token": None, "model": _shown(model)}
        super().__init__("platform:index:TpuModel", name, {**vars(args), **shown, "name": name}, opts)
        self.path = f"/{args.namespace}/{model.name}"
        self.service, policies = self._serve(args, model)
        if model.canary is None:
            self._route(args, model, [model_routes.Share(name=model.name)], [self.service, *policies])
        else:
            second = model.second()
            canary, others = self._serve(args, second)
            shares = [
                model_routes.Share(name=model.name, weight=100 - model.canary.weight),
                model_routes.Share(name=second.name, weight=model.canary.weight),
            ]
            # With its own route the canary's pool comes to be, or does not: the live route names what is there.
            own = self._route(args, second, [model_routes.Share(name=second.name)], [canary, *others], awaited=True)
            self._route(args, model, shares, [self.service, canary, *policies, *others, *own])
        self.register_outputs({"path": self.path})

    def _serve(self, args: TpuModelArgs, model: Model) -> tuple[pulumi.CustomResource, list[pulumi.Resource]]:
        """One LLMInferenceService with what acts on its pods, and the policies of its backends."""
        child = pulumi.ResourceOptions(parent=self)
        claims = model_volumes.claims(model)
        first: list[pulumi.Resource] = model_volumes.volumes(
            model,
            claims,
            namespace=args.namespace,
            project=args.project,
            zone=args.zone,
            network=args.network,
            opts=child,
        )
        if model.multi_host is not None:
            first.append(model_groups.multi_host_preset(args.namespace, child))
        priority = model_scaling.priority_class(model, namespace=args.namespace, opts=child)
        service = manifest(
            model.name,
            api_version=kserve.API_VERSION,
            kind=kserve.LLM_INFERENCE_SERVICE,
            name=model.name,
            namespace=args.namespace,
            spec=_spec(args, model, claims, priority),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=first,
                custom_timeouts=pulumi.CustomTimeouts(delete=f"{model.stopping.grace + DELETE_MARGIN_SECONDS}s"),
            ),
        )
        after = pulumi.ResourceOptions(parent=self, depends_on=[service])
        model_scaling.disruption_budget(model, namespace=args.namespace, opts=after)
        model_scaling.autoscaler(model, namespace=args.namespace, opts=after)
        policies = model_routes.policies(
            model, _server(args), namespace=args.namespace, backend_extra=args.protection, opts=after
        )
        return service, policies

    def _route(
        self,
        args: TpuModelArgs,
        model: Model,
        shares: Sequence[model_routes.Share],
        first: Sequence[pulumi.Resource],
        *,
        awaited: bool = False,
    ) -> Sequence[pulumi.Resource]:
        """The route of one path, none where KServe makes it; `awaited` until GKE's load balancer does what it says.

        It comes after its services and before their pools, which KServe makes once it sees the route: for the seconds in
        between it names a pool that does not exist, and that holds up the whole Gateway. It also comes after the policies of its
        backends, so that no request comes before the edge's protection and the health checks.
        """
        if args.managed_routes:
            return []
        parent = {"name": args.gateway} if args.section is None else {"name": args.gateway, "sectionName": args.section}
        route = manifest(
            f"{model.name}-route",
            api_version=gateway.GATEWAY_API_VERSION,
            kind="HTTPRoute",
            name=model.name,
            namespace=args.namespace,
            spec={
                "parentRefs": [parent],
                **({"hostnames": list(args.hostnames)} if args.hostnames else {}),
                "rules": model_routes.rules(f"/{args.namespace}/{model.name}", model.name, shares),
            },
            annotations=model_routes.UNTIL_PROGRAMMED if awaited else None,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(first),
                custom_timeouts=pulumi.CustomTimeouts(
                    create=model_routes.LONGEST_PROGRAMMING, update=model_routes.LONGEST_PROGRAMMING
                )
                if awaited
                else None,
            ),
        )
        return [route]


def _server(args: TpuModelArgs) -> Server:
    return Server(port=vllm.PORT, health_path=vllm.HEALTH_PATH, scheme="HTTPS" if args.backend_tls else "HTTP")


def _spec(args: TpuModelArgs, model: Model, claims: model_volumes.Claims, priority: str | None) -> dict[str, Any]:
    """`spec` of the LLMInferenceService."""
    machine = tpu.MACHINE_TYPES[args.machine_type]
    selector, tolerations = placement(
        machine=machine, topology=args.topology, pool=model.pool, compute_class_name=args.compute_class
    )
    where: dict[str, Any] = {"nodeSelector": selector, "tolerations": tolerations}
    if args.pull_secrets:
        where["imagePullSecrets"] = [{"name": secret} for secret in args.pull_secrets]
    pods = PodArgs(
        model=model,
        machine=machine,
        layout=tpu.layout(machine, args.topology, model.server.tensor_parallel_size),
        placement=where,
        server=_server(args),
        claims=claims,
        token=args.token,
        priority_class=priority,
    )
    picker = endpoint_picker.scheduler(
        model.endpoint_picker,
        image=args.endpoint_picker,
        block_size=model.block_size,
        grace_seconds=model.stopping.grace,
        lora=model.lora is not None,
        pull_secrets=args.pull_secrets,
    )
    route: dict[str, Any] = {} if args.managed_routes else {"refs": [{"name": model.name}]}
    spec: dict[str, Any] = {
        "model": _weights(model),
        "labels": model_scaling.pod_labels(model),
        "router": {"route": {"http": route}, "scheduler": picker},
    }
    if model.autoscaling is None:
        spec["replicas"] = model.replicas
    if model.weights.cache == "persistentVolume":
        spec["storageInitializer"] = {"enabled": False}
    if model.multi_host is not None:
        return {**spec, **model_groups.multi_host(pods)}
    if model.prefill is not None:
        return {**spec, **model_groups.prefill(pods, args.routing_sidecar)}
    return {**spec, "template": pod(pods)}


def _weights(model: Model) -> dict[str, Any]:
    """`spec.model`: where the weights are, what clients call them, and the adapters beside them."""
    spec: dict[str, Any] = {"uri": model.loaded_uri, "name": model.served_name}
    if model.lora is not None:
        bounds = model.lora.model_dump(by_alias=True, exclude={"adapters"}, exclude_none=True)
        spec["lora"] = {"adapters": [{"name": a.name, "uri": a.uri} for a in model.lora.adapters], **bounds}
    return spec


def _shown(model: Model) -> dict[str, Any]:
    """The settings of a model as one would write them."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)
