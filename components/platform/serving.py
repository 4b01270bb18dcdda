"""From settings to what answers requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi

from components.cluster import InferenceCluster
from components.controllers import InferenceControllers
from components.gateway import InferenceGateway
from components.model import TpuModel, TpuModelArgs
from components.settings import Settings
from components.tpu_pool import TpuNodePool


def models(
    settings: Settings,
    gke: InferenceCluster,
    pools: Sequence[TpuNodePool],
    entry: InferenceGateway,
    inference: InferenceControllers,
) -> Mapping[str, TpuModel]:
    """The models, once KServe can take them and their nodes exist."""
    by_name = dict(zip((pool.name for pool in settings.tpu_pools), pools, strict=True))
    return {
        model.name: TpuModel(
            model.name,
            TpuModelArgs(
                namespace=settings.namespace,
                gateway=settings.gateway.name,
                pool=model.pool,
                uri=model.uri,
                served_name=model.served_name,
                image=model.image,
                replicas=model.replicas,
                machine_type=settings.pool(model.pool).machine_type,
                topology=settings.pool(model.pool).topology,
                max_model_length=model.max_model_length,
                startup_minutes=model.startup_minutes,
                longest_request_seconds=model.longest_request_seconds,
                extra_args=model.extra_args,
                allow_root=model.allow_root,
            ),
            pulumi.ResourceOptions(
                providers=[gke.provider],
                depends_on=[entry.gateway, inference.presets, by_name[model.pool].pool],
            ),
        )
        for model in settings.models
    }
