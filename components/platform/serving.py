"""From settings to what answers requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi

from components.cluster import InferenceCluster
from components.controllers import InferenceControllers
from components.edge import EdgeProtection
from components.gateway import InferenceGateway
from components.model import TpuModel, TpuModelArgs
from components.model_pod import SecretKey
from components.platform.google_cloud import vpc_name
from components.route_preset import route_preset
from components.secrets import NamespaceSecrets
from components.settings import Settings
from components.settings.model import Model
from rules import kserve, secrets


def models(
    settings: Settings,
    gke: InferenceCluster,
    places: Mapping[str, Sequence[pulumi.Resource]],
    entry: InferenceGateway,
    edge: EdgeProtection | None,
    inference: InferenceControllers | None,
    written: NamespaceSecrets | None,
) -> Mapping[str, TpuModel]:
    """KServe, once there is a Gateway; the models, once KServe takes them, nodes and Secrets exist, and the edge is guarded."""
    if inference is None:
        return {}
    warn_about_updates(settings)
    guards = edge.before_routes if edge else []
    before = [entry.gateway, *kserve_ready(settings, entry, inference), *guards, *(written.synced if written else [])]
    synced = settings.secrets.hugging_face_token is not None
    token = SecretKey(name=secrets.HUGGING_FACE, key=secrets.HUGGING_FACE_KEY) if synced else None
    return {
        model.name: TpuModel(
            model.name,
            TpuModelArgs(
                model=_from_mirror(settings, model),
                namespace=settings.namespace,
                gateway=settings.gateway.name,
                section=settings.gateway.section,
                hostnames=settings.gateway.hostnames,
                endpoint_picker=settings.images.at(settings.images.endpoint_picker),
                routing_sidecar=settings.images.at(settings.images.routing_sidecar),
                compute_class=settings.compute_class(model.pool),
                machine_type=settings.pool(model.pool).machine_type,
                topology=settings.pool(model.pool).topology,
                project=settings.project,
                zone=settings.zone,
                network=vpc_name(settings),
                backend_tls=settings.kserve.backend_tls,
                managed_routes=settings.kserve.managed_routes,
                protection=edge.backend if edge else {},
                token=token,
                pull_secrets=tuple(secret.name for secret in settings.secrets.image_pull),
            ),
            pulumi.ResourceOptions(
                providers=[gke.provider],
                depends_on=[*before, *places[model.pool]],
            ),
        )
        for model in settings.models
    }


def kserve_ready(
    settings: Settings, entry: InferenceGateway, inference: InferenceControllers
) -> Sequence[pulumi.Resource]:
    """KServe, and what a model waits for of it: presets, its own one for routes where KServe makes them."""
    presets = inference.serve(entry.gateway)
    if not settings.kserve.managed_routes:
        return [presets]
    preset = route_preset(
        namespace=settings.namespace,
        gateway=settings.gateway.name,
        section=settings.gateway.section,
        hostnames=settings.gateway.hostnames,
        # Its namespace is the Gateway's, and there before that.
        opts=pulumi.ResourceOptions(parent=inference, depends_on=[presets]),
    )
    return [presets, preset]


def _from_mirror(settings: Settings, model: Model) -> Model:
    """The model with images, also those that hold weights, from where they are to be pulled."""
    canary = model.canary
    if canary is not None:
        moved = {
            "image": None if canary.image is None else settings.images.at(canary.image),
            "uri": None if canary.uri is None else settings.images.weights_at(canary.uri),
        }
        canary = canary.model_copy(update=moved)
    image, uri = settings.images.at(model.image), settings.images.weights_at(model.uri)
    return model.model_copy(update={"image": image, "uri": uri, "canary": canary})


def warn_about_updates(settings: Settings) -> None:
    """Says which models cannot be updated while they run, because no slice is free for the new server."""
    for model in settings.models:
        if model.autoscaling:
            continue  # it has room whenever it is not at its limit
        pools = settings.pools_behind(model.pool)
        names = {pool.name for pool in pools}
        used = sum(
            other.slices
            for other in settings.models
            if names & {pool.name for pool in settings.pools_behind(other.pool)}
        )
        room = sum(pool.most_slices for pool in pools) - used
        if room < 1 and model.replicas < kserve.REPLICAS_THAT_UPDATE_IN_PLACE:
            pulumi.log.warn(
                f"models: {model.name}: an update of it starts a new server before it stops an old one, and {model.pool} has "
                f"no slice free for it: the update waits until one is. Give the pool maxSlices: {used + 1}, or scale the "
                "Deployment to 0 before an update."
            )
