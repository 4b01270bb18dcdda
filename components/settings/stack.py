"""All settings of a stack, and the checks across its groups."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from components.settings.base import DnsLabel, Section
from components.settings.charts import Charts
from components.settings.checks import check_namespace, check_zone_in_region, findings, refuse
from components.settings.cluster import Cluster, SystemPool, check_cluster
from components.settings.combinations import check_combinations
from components.settings.compute_class import ComputeClass, check_classes, check_place
from components.settings.edge import Edge
from components.settings.gateway import Gateway
from components.settings.http_service import HttpService
from components.settings.images import Images
from components.settings.kserve import KServe
from components.settings.model import Model
from components.settings.model_placement import check_in_cluster, check_in_memory, check_on_nodes, check_on_pool
from components.settings.monitoring import Monitoring
from components.settings.namespace import Isolation, check_isolation
from components.settings.network import Network
from components.settings.secrets import Secrets, check_no_token
from components.settings.tpu_pool import TpuPool
from rules import edge, image, kserve_install, machine_zones, tpu


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
    isolation: Isolation = Isolation()
    """How that namespace is closed off from the rest of the cluster."""
    secrets: Secrets = Secrets()
    """Secrets of Secret Manager that the models use."""
    network: Network = Network()
    """Address ranges, or an existing VPC."""
    cluster: Cluster
    """The GKE cluster."""
    system_pool: SystemPool = SystemPool()
    """Nodes without TPU."""
    tpu_pools: tuple[TpuPool, ...] = ()
    """Nodes with TPU; models need some, plain HTTP services none."""
    compute_classes: tuple[ComputeClass, ...] = ()
    """TPU pools in a fallback order; a model names a class as its pool."""
    gateway: Gateway
    """The entry to all models."""
    edge: Edge = Edge()
    """What protects the models at the edge, before a request reaches a server."""
    kserve: KServe = KServe()
    """KServe: its release, and how it talks to the servers."""
    charts: Charts = Charts()
    """Where Helm charts come from."""
    images: Images = Images()
    """Where container images come from."""
    models: tuple[Model, ...] = ()
    """The models to serve."""
    services: tuple[HttpService, ...] = ()
    """Servers that speak plain HTTP, without KServe."""
    monitoring: Monitoring = Monitoring()
    """What is measured, and when somebody is told."""

    _no_token = model_validator(mode="before")(check_no_token)

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        check_zone_in_region(self.zone, self.region)
        for name, taken in self.network.ranges().items():
            if taken.overlaps(ipaddress.IPv4Network(self.cluster.control_plane_cidr)):
                reason = f"overlaps network.{name} {taken}"
                refuse("cluster.controlPlaneCidr", self.cluster.control_plane_cidr, reason, "a /28 of its own")
        return self

    @model_validator(mode="after")
    def _edge_fits_gateway(self) -> Self:
        if self.edge.iap is not None and self.gateway.tls is None:
            reason = "the Gateway speaks plain HTTP, where a sign-in cannot work and credentials would travel readable"
            refuse("edge.iap", self.edge.iap.client_id, reason, "gateway.tls with a certificate, or leave iap out")
        if self.edge.iap is not None and not self.gateway.hostnames:
            reason = (
                "edge.iap lets its members pass by host name, and without one they would pass every IAP of the project"
            )
            refuse("gateway.hostnames", None, reason, "the host names of the Gateway's certificate")
        names = len(self.gateway.hostnames)
        if self.edge.iap is not None and names > edge.CONDITION_TERMS:
            reason = "edge.iap lets its members pass by host name, and an IAM condition has room for no more names"
            refuse(
                "gateway.hostnames", f"{names} names", reason, f"at most {edge.CONDITION_TERMS}, or leave edge.iap out"
            )
        if self.gateway.tls is not None and self.gateway.tls.private_authority and not self.models:
            reason = "the authority is cert-manager's, which a stack without models does not install"
            refuse("gateway.tls.privateAuthority", True, reason, "false, and a certificate of another source")
        return self

    @model_validator(mode="after")
    def _kserve_fits_models(self) -> Self:
        picker = image.parse(self.images.endpoint_picker)
        where = "images.endpointPicker"
        findings(kserve_install.check_endpoint_picker(picker.repository, picker.tag, self.kserve.version, where))
        if any(model.prefill for model in self.models):
            sidecar, where = image.parse(self.images.routing_sidecar), "images.routingSidecar"
            findings(kserve_install.check_routing_sidecar(sidecar.repository, sidecar.tag, self.kserve.version, where))
        for index, model in enumerate(self.models):
            if self.kserve.managed_routes and model.canary is not None:
                reason = (
                    "kserve.managedRoutes leaves the route to KServe, and nothing then shares requests between the two"
                )
                refuse(
                    f"models[{index}].canary", model.canary.name, reason, "kserve.managedRoutes: false, or no canary"
                )
        return self

    @model_validator(mode="after")
    def _nodes_can_be_had(self) -> Self:
        if self.system_pool.zone is not None:
            check_zone_in_region(self.system_pool.zone, self.region, "systemPool.zone")
        found = machine_zones.check_machine(self.system_pool.machine_type, [self.system_zone])
        findings(found, "systemPool.machineType")
        pools: dict[str, TpuPool] = {}
        for index, pool in enumerate(self.tpu_pools):
            found = tpu.check_zone(pool.machine_type, self.zone, self.extra_tpu_zones, named="extraTpuZones")
            findings(found, "zone")
            if pool.name in pools:
                refuse(f"tpuPools[{index}].name", pool.name, "another pool has this name", "a name of its own")
            pools[pool.name] = pool
        check_classes(self.compute_classes, pools)
        return self

    @model_validator(mode="after")
    def _something_is_served(self) -> Self:
        if not self.models and not self.services:
            reason = "a stack without models and services serves nothing"
            refuse("models", None, reason, "a model, or a service under services")
        names = {model.name for model in self.models}
        for index, service in enumerate(self.services):
            if service.name in names:
                reason = "a model or another service has this name, and names are part of the URL"
                refuse(f"services[{index}].name", service.name, reason, "a name of its own")
            names.add(service.name)
        return self

    @model_validator(mode="after")
    def _models_have_a_place(self) -> Self:
        names: set[str] = set()
        used: dict[str, int] = {}
        for index, model in enumerate(self.models):
            where = f"models[{index}]"
            if model.name in names:
                refuse(f"{where}.name", model.name, "another model has this name", "a name of its own")
            names.add(model.name)
            if model.canary is not None:
                if model.canary.name in names:
                    refuse(f"{where}.canary.name", model.canary.name, "a model has this name", "a name of its own")
                names.add(model.canary.name)
            behind = self.pools_behind(model.pool)
            if not behind:
                there_are = ", ".join(each.name for each in (*self.tpu_pools, *self.compute_classes))
                instead = f"one of: {there_are}" if there_are else "the name of a pool, and that pool under tpuPools"
                refuse(f"{where}.pool", model.pool, "there is no such pool in tpuPools", instead)
            pool = behind[0]
            check_place(model.pool, behind, self.compute_classes, f"{where}.pool")
            check_on_pool(model, pool, where)
            check_in_memory(model, pool, where)
            for each in behind:
                check_on_nodes(model, each, where, f"tpuPools[{self.tpu_pools.index(each)}]")
            check_in_cluster(model, self.cluster, self.kserve, where)
            used[model.pool] = used.get(model.pool, 0) + model.slices
            slices = sum(each.most_slices for each in behind)
            if used[model.pool] > slices:
                reason = f"the models on pool {model.pool} need {used[model.pool]} slices and it has {slices}"
                refuse(
                    f"{where}.autoscaling.maxReplicas" if model.autoscaling else f"{where}.replicas",
                    model.most_replicas,
                    reason,
                    f"fewer replicas, or tpuPools {'maxSlices' if pool.limits else 'slices'}: {used[model.pool]}",
                )
        return self

    @model_validator(mode="after")
    def _cluster_and_namespace_take_them(self) -> Self:
        machines = {f"tpuPools[{index}].machineType": pool.machine_type for index, pool in enumerate(self.tpu_pools)}
        location = self.region if self.cluster.regional else self.zone
        check_cluster(self.cluster, location=location, machine_types=machines)
        as_root = [f"models[{index}]" for index, model in enumerate(self.models) if model.allow_root]
        chips = sum(model.slices * tpu.chips(self.pool(model.pool).topology) for model in self.models)
        check_isolation(self.isolation, as_root=as_root, chips=chips)
        return self

    @model_validator(mode="after")
    def _everything_works_together(self) -> Self:
        check_combinations(self)
        return self

    @property
    def syncs_secrets(self) -> bool:
        """Whether secrets of Secret Manager are written to Kubernetes Secrets."""
        return self.secrets.used or self.edge.iap is not None

    @property
    def system_zone(self) -> str:
        """Zone of the nodes without TPU."""
        return self.system_pool.zone or self.zone

    def pools_behind(self, name: str) -> tuple[TpuPool, ...]:
        """The TPU pools that a model's `pool` stands for, in their order: one, or those of a class; empty for neither."""
        wanted = next((each.pools for each in self.compute_classes if each.name == name), (name,))
        by_name = {pool.name: pool for pool in self.tpu_pools}
        return tuple(by_name[each] for each in wanted if each in by_name)

    def pool(self, name: str) -> TpuPool:
        """The TPU pool of that name, or the first of that class; settings that validated have it."""
        return self.pools_behind(name)[0]

    @property
    def reads_pod_metrics(self) -> bool:
        """Whether an autoscaler reads metrics straight from pods, which GKE does in its performance profile."""
        scaled = (service.autoscaling for service in self.services if service.autoscaling is not None)
        return any(model.autoscaling and model.autoscaling.source == "pods" for model in self.models) or any(
            metric.source == "pods" for each in scaled for metric in each.metrics
        )

    @property
    def reads_managed_prometheus(self) -> bool:
        """Whether an autoscaler reads what managed Prometheus has scraped, which takes an adapter."""
        scaled = (service.autoscaling for service in self.services if service.autoscaling is not None)
        return any(model.autoscaling and model.autoscaling.source != "pods" for model in self.models) or any(
            metric.source != "pods" for each in scaled for metric in each.metrics
        )

    def compute_class(self, name: str) -> str | None:
        """The name itself when it is a compute class; None when it is a pool."""
        return next((each.name for each in self.compute_classes if each.name == name), None)
