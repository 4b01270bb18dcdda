"""From settings to Google Cloud: provider, APIs, network, cluster and node pools."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_gcp.provider import Provider

from components.cluster import InferenceCluster, InferenceClusterArgs
from components.network import PlatformNetwork, PlatformNetworkArgs
from components.services import ProjectServices
from components.settings import Settings
from components.tpu_pool import TpuNodePool, TpuNodePoolArgs
from rules import kserve, vllm


def google_cloud(settings: Settings) -> Provider:
    """The provider of everything outside the cluster: project and region are named, never taken from the surroundings."""
    return Provider("google-cloud", project=settings.project, region=settings.region, zone=settings.zone)


def services(settings: Settings, cloud: Provider) -> ProjectServices:
    """The APIs of the project, before anything that calls them."""
    return ProjectServices("services", project=settings.project, opts=pulumi.ResourceOptions(providers=[cloud]))


def network(settings: Settings, cloud: Provider, apis: ProjectServices) -> PlatformNetwork:
    """The VPC."""
    ranges = settings.network
    return PlatformNetwork(
        "network",
        PlatformNetworkArgs(
            name=settings.cluster.name,
            region=settings.region,
            node_cidr=ranges.node_cidr,
            pod_cidr=ranges.pod_cidr,
            service_cidr=ranges.service_cidr,
            proxy_cidr=ranges.proxy_cidr,
            # The load balancer calls the endpoint picker itself, and checks its health on a port of its own.
            serving_ports=(vllm.PORT, kserve.ENDPOINT_PICKER_PORT, kserve.ENDPOINT_PICKER_HEALTH_PORT),
            control_plane_cidr=settings.cluster.control_plane_cidr,
            webhook_ports=kserve.WEBHOOK_PORTS,
        ),
        pulumi.ResourceOptions(providers=[cloud], depends_on=apis.services),
    )


def cluster(settings: Settings, cloud: Provider, apis: ProjectServices, vpc: PlatformNetwork) -> InferenceCluster:
    """The GKE cluster with its system nodes."""
    wanted = settings.cluster
    return InferenceCluster(
        "cluster",
        InferenceClusterArgs(
            project=settings.project,
            name=wanted.name,
            location=settings.region if wanted.regional else settings.zone,
            zone=settings.zone,
            network=vpc,
            release_channel=wanted.release_channel,
            minimum_version=wanted.minimum_version,
            control_plane_cidr=wanted.control_plane_cidr,
            authorized_networks=tuple((entry.name, entry.cidr) for entry in wanted.authorized_networks),
            deletion_protection=wanted.deletion_protection,
            system_machine_type=settings.system_pool.machine_type,
            system_nodes=settings.system_pool.nodes,
        ),
        pulumi.ResourceOptions(providers=[cloud], depends_on=apis.services),
    )


def tpu_pools(settings: Settings, cloud: Provider, gke: InferenceCluster) -> Sequence[TpuNodePool]:
    """The TPU node pools."""
    return [
        TpuNodePool(
            f"tpu-{pool.name}",
            TpuNodePoolArgs(
                name=pool.name,
                cluster=gke.cluster.id,
                zone=settings.zone,
                machine_type=pool.machine_type,
                topology=pool.topology,
                nodes=pool.nodes,
                service_account=gke.node_account.email,
                spot=pool.spot,
            ),
            pulumi.ResourceOptions(providers=[cloud]),
        )
        for pool in settings.tpu_pools
    ]
