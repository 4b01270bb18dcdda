"""All settings of a stack, and the checks across its groups."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic.alias_generators import to_camel

from components.settings.base import DnsLabel, Section
from components.settings.charts import Charts
from components.settings.checks import check_namespace, check_zone_in_region, findings, refuse
from components.settings.cluster import Cluster, SystemPool
from components.settings.gateway import Gateway
from components.settings.model import Model
from components.settings.network import Network
from components.settings.tpu_pool import TpuPool
from rules import tpu


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
