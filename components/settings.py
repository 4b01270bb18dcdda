"""What a stack can set: typed, immutable, and refused with a remedy before anything is created.

Owns the shape of `gke-tpu-inference:platform` in Pulumi.<stack>.yaml and every check that needs no cloud. Facts about
GKE and TPUs are not here but in `rules/`; these models ask them. Holds no secrets and no `Output`s: a value that only
exists after an update has no place in a file that is reviewed before it.
"""

from __future__ import annotations

import ipaddress
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, model_validator
from pydantic.alias_generators import to_camel

from components.settings_checks import (
    check_cidr,
    check_control_plane_cidr,
    check_derived_arguments,
    check_gateway_class,
    check_image,
    check_namespace,
    check_slice,
    check_version,
    check_zone_in_region,
    findings,
    refuse,
)
from rules import kserve, tpu, vllm

DnsLabel = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=40)]
"""A name as Compute Engine and Kubernetes both take it (RFC 1035), short enough for the suffixes that are added."""

Cidr = Annotated[str, AfterValidator(check_cidr)]

SYSTEM_POOL = "system"
"""Name of the node pool without TPU in the cluster."""


class Section(BaseModel):
    """A group of settings: immutable, names in camelCase as in Pulumi.<stack>.yaml, unknown names refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True, use_attribute_docstrings=True
    )


class AuthorizedNetwork(Section):
    """A network whose clients may reach the cluster's control plane."""

    name: str
    """What the network is, for the person who reads the firewall later."""
    cidr: Cidr
    """Its address range, such as 203.0.113.0/24."""


class Network(Section):
    """Address ranges of the VPC. None may overlap another, nor a network that is peered with this one."""

    node_cidr: Cidr = "10.0.0.0/20"
    """Primary range of the node subnet: one address a node and internal load balancer."""
    pod_cidr: Cidr = "10.4.0.0/14"
    """Secondary range for pods: GKE gives each node a /24."""
    service_cidr: Cidr = "10.8.0.0/20"
    """Secondary range for Services."""
    proxy_cidr: Cidr = "10.129.0.0/23"
    """Proxy-only subnet of the region's Envoy load balancers; /26 at least, /23 recommended."""

    @model_validator(mode="after")
    def _ranges_are_apart(self) -> Self:
        ranges = {name: ipaddress.ip_network(getattr(self, name)) for name in type(self).model_fields}
        seen: dict[str, ipaddress.IPv4Network | ipaddress.IPv6Network] = {}
        for name, block in ranges.items():
            for other, taken in seen.items():
                if block.overlaps(taken):
                    refuse(to_camel(name), str(block), f"overlaps {to_camel(other)} {taken}", "a range of its own")
            seen[name] = block
        smallest = 26
        if ranges["proxy_cidr"].prefixlen > smallest:
            reason = "a proxy-only subnet needs 64 addresses or more"
            refuse("proxyCidr", self.proxy_cidr, reason, f"a range of /{smallest} or wider; /23 is recommended")
        return self


class Cluster(Section):
    """The GKE cluster. Private nodes, VPC-native, Workload Identity and the Gateway API are always on."""

    name: DnsLabel = "inference"
    """The cluster's name."""
    regional: bool = True
    """Control plane in three zones of the region (true) or in one zone (false: cheaper, unavailable during upgrades)."""
    release_channel: Annotated[str, Field(pattern="^(RAPID|REGULAR|STABLE|EXTENDED)$")] = "REGULAR"
    """RAPID, REGULAR, STABLE or EXTENDED: who gets a GKE version first."""
    minimum_version: Annotated[str, AfterValidator(check_version)] | None = None
    """Oldest GKE version of the control plane, such as 1.35 (channels drop full ones); left out, the channel's default."""
    authorized_networks: Annotated[tuple[AuthorizedNetwork, ...], Field(min_length=1)]
    """Who may reach the control plane; the machine that runs this program must be among them."""
    control_plane_cidr: Annotated[str, AfterValidator(check_control_plane_cidr)] = "172.16.0.0/28"
    """A /28 for the control plane's own addresses."""
    deletion_protection: bool = True
    """Refuse to delete or replace the cluster until this is set to false and applied."""


class SystemPool(Section):
    """The node pool for everything that needs no TPU: controllers, endpoint pickers, GKE's own agents."""

    machine_type: str = "e2-standard-4"
    """Machine type of the nodes; it must exist in the zone."""
    nodes: PositiveInt = 2
    """How many nodes."""


class TpuPool(Section):
    """A node pool of TPU machines, one TPU slice or several single-host slices."""

    name: DnsLabel
    """The pool's name; models refer to it."""
    machine_type: str = "ct6e-standard-4t"
    """TPU machine type; ct6e-standard-1t, -4t and -8t are v6e with 1, 4 and 8 chips."""
    topology: str = "2x2"
    """The slice's physical shape in chips, such as 2x2."""
    slices: PositiveInt = 1
    """How many slices. Only single-host slices can share a pool: a multi-host pool is one slice."""
    spot: bool = False
    """Use spot capacity: cheaper, and taken away at 30 seconds' notice."""

    @model_validator(mode="after")
    def _slice_exists(self) -> Self:
        check_slice(self.machine_type, self.topology)
        if self.name == SYSTEM_POOL:
            refuse("name", self.name, "the pool without TPU has this name", "a name of its own, such as v6e-2x2")
        if self.multi_host and self.slices > 1:
            reason = f"{self.machine_type} with topology {self.topology} is a multi-host slice, and a pool holds one such slice"
            refuse("slices", self.slices, reason, "1, and declare one pool a slice")
        return self

    @property
    def machine(self) -> tpu.MachineType:
        """What is known of the machine type."""
        machine = tpu.machine_type(self.machine_type)
        assert machine is not None, "the validator refused unknown machine types"  # noqa: S101
        return machine

    @property
    def multi_host(self) -> bool:
        """Whether a slice spans several VMs."""
        return tpu.is_multi_host(self.machine, self.topology)

    @property
    def nodes(self) -> int:
        """VMs in the pool: nodes of a slice × slices."""
        return tpu.slice_nodes(self.machine, self.topology) * self.slices

    @property
    def chips(self) -> int:
        """Chips of one slice, which is the tensor parallel size of a model that has the slice to itself."""
        return tpu.chips(self.topology)


class Gateway(Section):
    """The entry to all models."""

    name: DnsLabel = "inference-gateway"
    """Name of the Gateway object."""
    class_name: Annotated[str, AfterValidator(check_gateway_class)] = "gke-l7-regional-external-managed"
    """GatewayClass: gke-l7-regional-external-managed (Internet) or gke-l7-rilb (inside the VPC)."""
    certificate: Annotated[str, Field(min_length=1)] | None = None
    """Name of a regional Certificate Manager certificate; with it the Gateway speaks HTTPS on port 443."""
    allow_plain_http: bool = False
    """Serve plain HTTP on port 80 where there is no certificate. Prompts and answers then travel readable."""

    @model_validator(mode="after")
    def _transport_is_chosen(self) -> Self:
        if self.certificate is None and not self.allow_plain_http:
            remedy = "the name of a regional Certificate Manager certificate, or set allowPlainHttp: true for a trial"
            refuse("certificate", None, "without it prompts and answers travel readable over plain HTTP", remedy)
        return self


class Charts(Section):
    """Where Helm charts come from."""

    mirror: str | None = None
    """A folder or an oci:// prefix that holds the charts by name, instead of their publishers' registries."""


class Model(Section):
    """One model, served by vLLM on TPU through KServe."""

    name: Annotated[DnsLabel, Field(max_length=kserve.MAX_NAME_LENGTH)]
    """Name of the LLMInferenceService; part of the URL and of every object KServe makes for it."""
    uri: Annotated[str, Field(pattern=r"^(hf|s3|pvc|oci)://.+")]
    """Where the weights are: hf://, s3://, pvc:// or oci://. KServe does not load gs:// here."""
    served_name: Annotated[str, Field(pattern=r"^\S+$")]
    """The name clients put into `model`, the same in vLLM, the endpoint picker and /v1/models."""
    pool: DnsLabel
    """The TPU pool it runs on."""
    replicas: PositiveInt = 1
    """How many servers, one slice each. With fewer than four, an update of them needs one more slice in the pool."""
    image: Annotated[str, AfterValidator(check_image)] = "vllm/vllm-tpu:v0.27.0"
    """vLLM image for TPU, by tag or digest; never :latest."""
    max_model_length: PositiveInt = 8192
    """Context window in tokens: prompt and answer together."""
    startup_minutes: Annotated[int, Field(ge=15, le=240)] = 60
    """How long a server may take until it answers: loading weights and compiling for the TPU."""
    longest_request_seconds: Annotated[int, Field(ge=60, le=86400)] = 600
    """How long the load balancer waits for an answer, streaming included; GKE's own default of 30 s cuts most of them."""
    extra_args: tuple[str, ...] = ()
    """Further vLLM arguments, as on its command line."""
    allow_root: bool = True
    """The vLLM TPU images run as root; set this to false for an image that does not."""

    @model_validator(mode="after")
    def _arguments_are_known(self) -> Self:
        findings(vllm.check_arguments(self.extra_args), "extraArgs")
        check_derived_arguments(self.extra_args)
        return self


class Settings(Section):
    """Everything a stack can set."""

    project: Annotated[str, Field(pattern=r"^[a-z][-a-z0-9]{4,28}[a-z0-9]$")]
    """Google Cloud project id."""
    region: Annotated[str, Field(pattern=r"^[a-z]+-[a-z]+[0-9]+$")]
    """Region of the network, the Gateway and a regional cluster, such as us-east5."""
    zone: str
    """Zone of the TPU nodes, such as us-east5-b."""
    extra_tpu_zones: tuple[str, ...] = ()
    """Zones in which your project has TPUs although the built-in table does not list them."""
    namespace: Annotated[DnsLabel, AfterValidator(check_namespace)] = "inference"
    """Kubernetes namespace of the Gateway and the models."""
    network: Network = Network()
    """Address ranges."""
    cluster: Cluster
    """The GKE cluster."""
    system_pool: SystemPool = SystemPool()
    """Nodes without TPU."""
    tpu_pools: Annotated[tuple[TpuPool, ...], Field(min_length=1)]
    """Nodes with TPU."""
    gateway: Gateway
    """The entry to all models."""
    charts: Charts = Charts()
    """Where Helm charts come from."""
    models: Annotated[tuple[Model, ...], Field(min_length=1)]
    """The models to serve."""

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        check_zone_in_region(self.zone, self.region)
        for name in type(self.network).model_fields:
            taken = ipaddress.ip_network(getattr(self.network, name))
            if taken.overlaps(ipaddress.ip_network(self.cluster.control_plane_cidr)):
                reason = f"overlaps network.{to_camel(name)} {taken}"
                refuse("cluster.controlPlaneCidr", self.cluster.control_plane_cidr, reason, "a /28 of its own")
        pools: dict[str, TpuPool] = {}
        for index, pool in enumerate(self.tpu_pools):
            findings(tpu.check_zone(pool.machine_type, self.zone, self.extra_tpu_zones), "zone")
            if pool.name in pools:
                refuse(f"tpuPools[{index}].name", pool.name, "another pool has this name", "a name of its own")
            pools[pool.name] = pool
        names: set[str] = set()
        used: dict[str, int] = {}
        for index, model in enumerate(self.models):
            where = f"models[{index}]"
            if model.name in names:
                refuse(f"{where}.name", model.name, "another model has this name", "a name of its own")
            names.add(model.name)
            pool = pools.get(model.pool)
            if pool is None:
                refuse(f"{where}.pool", model.pool, "there is no such pool in tpuPools", f"one of: {', '.join(pools)}")
            if pool.multi_host:
                reason = f"pool {pool.name} is a multi-host slice, which vLLM on TPU does not serve reliably"
                refuse(f"{where}.pool", model.pool, reason, "a pool with a single-host topology")
            used[model.pool] = used.get(model.pool, 0) + model.replicas
            if used[model.pool] > pool.slices:
                reason = f"the models on pool {pool.name} need {used[model.pool]} slices and it has {pool.slices}"
                refuse(
                    f"{where}.replicas",
                    model.replicas,
                    reason,
                    f"fewer replicas, or tpuPools slices: {used[model.pool]}",
                )
        return self

    def pool(self, name: str) -> TpuPool:
        """The TPU pool of that name; settings that validated have it."""
        return next(pool for pool in self.tpu_pools if pool.name == name)
