"""From settings to what every model shares in the cluster: the Gateway and the controllers."""

from __future__ import annotations

import pulumi
from pulumi_gcp.provider import Provider

from components.cluster import InferenceCluster
from components.controllers import InferenceControllers, InferenceControllersArgs
from components.gateway import InferenceGateway, InferenceGatewayArgs
from components.network import PlatformNetwork
from components.settings import Settings


def gateway(settings: Settings, cloud: Provider, vpc: PlatformNetwork, gke: InferenceCluster) -> InferenceGateway:
    """The Gateway, once the region has proxies for it."""
    wanted = settings.gateway
    return InferenceGateway(
        "gateway",
        InferenceGatewayArgs(
            name=wanted.name,
            namespace=settings.namespace,
            region=settings.region,
            class_name=wanted.class_name,
            subnet=vpc.subnet.id,
            certificate=wanted.certificate,
        ),
        pulumi.ResourceOptions(providers=[cloud, gke.provider], depends_on=[vpc.proxy_subnet]),
    )


def controllers(settings: Settings, gke: InferenceCluster) -> InferenceControllers:
    """cert-manager, LeaderWorkerSet and KServe."""
    return InferenceControllers(
        "controllers",
        InferenceControllersArgs(
            mirror=settings.charts.mirror, gateway=f"{settings.namespace}/{settings.gateway.name}"
        ),
        pulumi.ResourceOptions(providers=[gke.provider]),
    )
