"""From settings to Google Cloud: provider, APIs, network, cluster and node pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi

from components.cluster import InferenceCluster, InferenceClusterArgs
from components.cluster_options import EncryptionArgs, MaintenanceArgs, OperationsArgs
from components.compute_class import TpuComputeClass, TpuComputeClassArgs
from components.encryption import KeyAccess, KeyAccessArgs
from components.google import Provider
from components.network import ExistingNetworkArgs, NatArgs, PlatformNetwork, PlatformNetworkArgs
from components.services import ProjectServices
from components.settings import Settings
from components.settings.compute_class import class_of
from components.settings.maintenance import timestamp
from components.tpu_pool import TpuNodePool, TpuNodePoolArgs
from rules import edge, kserve, machine_zones, monitoring, secrets, tpu, vllm, weights


def google_cloud(settings: Settings) -> Provider:
    """The provider of everything outside the cluster: project and region are named, never taken from the surroundings."""
    return Provider("google-cloud", project=settings.project, region=settings.region, zone=settings.zone)


def services(settings: Settings, cloud: Provider) -> ProjectServices:
    """The APIs of the project, before anything that calls them."""
    return ProjectServices(
        "services",
        project=settings.project,
        further=further_apis(settings),
        agent=settings.syncs_secrets
        or _grants_keys(settings)
        or settings.edge.model_armor is not None
        or settings.reads_managed_prometheus,
        extensions=settings.edge.model_armor is not None,
        opts=pulumi.ResourceOptions(providers=[cloud]),
    )


def further_apis(settings: Settings) -> list[str]:
    """The APIs that only some settings need."""
    wanted = settings.cluster
    keys = (wanted.encryption.secrets_key, wanted.encryption.boot_disk_key)
    needed = {
        secrets.API: settings.syncs_secrets,
        monitoring.API: settings.monitoring.enabled or settings.reads_managed_prometheus,
        "cloudkms.googleapis.com": any(keys),
        "binaryauthorization.googleapis.com": wanted.binary_authorization,
        "containersecurity.googleapis.com": wanted.security_posture,
        "pubsub.googleapis.com": wanted.notification_topic is not None,
        "artifactregistry.googleapis.com": bool(wanted.artifact_repositories),
        weights.FILESTORE_API: _makes_shared_volumes(settings),
        edge.IAP_API: settings.edge.iap is not None,
        edge.MODEL_ARMOR_API: settings.edge.model_armor is not None,
    }
    return [api for api, used in needed.items() if used]


def _grants_keys(settings: Settings) -> bool:
    wanted = settings.cluster.encryption
    return wanted.grant and (wanted.secrets_key is not None or wanted.boot_disk_key is not None)


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
            serving_ports=serving_ports(settings),
            control_plane_cidr=settings.cluster.control_plane_cidr,
            webhook_ports=kserve.WEBHOOK_PORTS,
            flow_logs=ranges.flow_logs,
            nat=NatArgs(**ranges.nat.model_dump()),
            existing=_existing(settings),
        ),
        pulumi.ResourceOptions(providers=[cloud], depends_on=apis.services),
    )


def _existing(settings: Settings) -> ExistingNetworkArgs | None:
    found = settings.network.existing
    if found is None:
        return None
    return ExistingNetworkArgs(
        project=found.project_id or settings.project,
        network=found.network,
        subnet=found.subnet,
        pod_range=found.pod_range,
        service_range=found.service_range,
        has_proxy_subnet=found.proxy_subnet == "existing",
    )


def _makes_shared_volumes(settings: Settings) -> bool:
    by_models = any(model.makes_shared_volumes for model in settings.models)
    return by_models or any(service.makes_shared_volume for service in settings.services)


def vpc_name(settings: Settings) -> str:
    """The VPC as Filestore's driver names it."""
    found = settings.network.existing
    if found is None:
        return settings.cluster.name
    other = found.project_id not in {None, settings.project}
    return f"projects/{found.project_id}/global/networks/{found.network}" if other else found.network


def _key_grants(settings: Settings, cloud: Provider, apis: ProjectServices) -> Sequence[pulumi.Resource]:
    if not _grants_keys(settings) or apis.gke_agent is None or apis.project_number is None:
        return []
    args = KeyAccessArgs(
        gke_agent=apis.gke_agent,
        project_number=apis.project_number,
        secrets_key=settings.cluster.encryption.secrets_key,
        boot_disk_key=settings.cluster.encryption.boot_disk_key,
    )
    return KeyAccess("keys", args, pulumi.ResourceOptions(providers=[cloud], depends_on=apis.services)).grants


def _maintenance(settings: Settings) -> MaintenanceArgs | None:
    wanted = settings.cluster.maintenance
    if wanted is None:
        return None
    start, end, recurrence = wanted.window
    exclusions = tuple(
        (each.name, timestamp(each.begin), timestamp(each.until), each.scope) for each in wanted.exclusions
    )
    return MaintenanceArgs(start=start, end=end, recurrence=recurrence, exclusions=exclusions)


def serving_ports(settings: Settings) -> tuple[int, ...]:
    """TCP ports that the load balancer calls or checks: servers, and the endpoint picker itself with a health port."""
    own = tuple(dict.fromkeys(service.port for service in settings.services))
    if not settings.models:
        return own
    picker = (vllm.PORT, kserve.ENDPOINT_PICKER_PORT, kserve.ENDPOINT_PICKER_HEALTH_PORT)
    return (*picker, *(port for port in own if port not in picker))


def cluster(settings: Settings, cloud: Provider, apis: ProjectServices, vpc: PlatformNetwork) -> InferenceCluster:
    """The GKE cluster with its system nodes."""
    wanted = settings.cluster
    grants = _key_grants(settings, cloud, apis)
    return InferenceCluster(
        "cluster",
        InferenceClusterArgs(
            project=settings.project,
            name=wanted.name,
            location=settings.region if wanted.regional else settings.zone,
            zone=settings.system_zone,
            network=vpc,
            release_channel=wanted.release_channel,
            minimum_version=wanted.minimum_version,
            control_plane_cidr=wanted.control_plane_cidr,
            authorized_networks=tuple((entry.name, entry.cidr) for entry in wanted.authorized_networks),
            deletion_protection=wanted.deletion_protection,
            system_machine_type=settings.system_pool.machine_type,
            system_nodes=settings.system_pool.nodes,
            dns_endpoint=wanted.dns_endpoint,
            operations=OperationsArgs(
                logging=wanted.logging,
                monitoring=wanted.monitoring,
                managed_prometheus=wanted.managed_prometheus,
                cost_allocation=wanted.cost_allocation,
                security_posture=wanted.security_posture,
                notification_topic=wanted.notification_topic,
            ),
            encryption=EncryptionArgs(**wanted.encryption.model_dump()),
            maintenance=_maintenance(settings),
            binary_authorization=wanted.binary_authorization,
            rbac_group=wanted.rbac_group,
            intranode_visibility=wanted.intranode_visibility,
            secret_sync=settings.syncs_secrets,
            artifact_repositories=wanted.artifact_repositories,
            filestore=_makes_shared_volumes(settings),
            fast_autoscaling=settings.reads_pod_metrics,
        ),
        pulumi.ResourceOptions(providers=[cloud], depends_on=[*apis.services, *grants]),
    )


def tpu_pools(settings: Settings, cloud: Provider, gke: InferenceCluster) -> Sequence[TpuNodePool]:
    """The TPU node pools, with a word about what no list says for certain."""
    warn_about_zones(settings)
    return [
        TpuNodePool(
            f"tpu-{pool.name}",
            TpuNodePoolArgs(
                name=pool.name,
                cluster=gke.cluster.id,
                cluster_name=settings.cluster.name,
                region=settings.region,
                zone=settings.zone,
                extra_zones=settings.extra_tpu_zones,
                machine_type=pool.machine_type,
                topology=pool.topology,
                slices=pool.slices if pool.limits is None else pool.limits,
                capacity=pool.capacity.type,
                reservation=pool.capacity.reservation,
                max_run_hours=pool.capacity.max_run_hours,
                queued=pool.capacity.queued,
                service_account=gke.node_account.email,
                compute_class=class_of(pool.name, settings.compute_classes),
                boot_disk_type=pool.boot_disk_type,
                boot_disk_gb=pool.boot_disk_gb,
                boot_disk_kms_key=settings.cluster.encryption.boot_disk_key,
                max_pods_per_node=pool.max_pods_per_node,
                labels=pool.labels,
                gvnic=pool.gvnic,
            ),
            pulumi.ResourceOptions(providers=[cloud]),
        )
        for pool in settings.tpu_pools
    ]


def compute_classes(
    settings: Settings, gke: InferenceCluster, pools: Sequence[TpuNodePool]
) -> Mapping[str, Sequence[pulumi.Resource]]:
    """The fallback orders of TPU pools; and by each name that a model may give as its pool, what has to exist before it."""
    by_name = dict(zip((pool.name for pool in settings.tpu_pools), pools, strict=True))
    places: dict[str, Sequence[pulumi.Resource]] = {name: [pool.pool] for name, pool in by_name.items()}
    for wanted in settings.compute_classes:
        members = [by_name[name].pool for name in wanted.pools]
        made = TpuComputeClass(
            f"class-{wanted.name}",
            TpuComputeClassArgs(name=wanted.name, pools=wanted.pools, return_to_first=wanted.return_to_first),
            pulumi.ResourceOptions(providers=[gke.provider], depends_on=members),
        )
        places[wanted.name] = [*members, made.compute_class]
    return places


def warn_about_zones(settings: Settings) -> None:
    """Says which machine types no list promises in their zone; such a pool may be refused after minutes of waiting."""
    found = [
        finding
        for machine_type in sorted({pool.machine_type for pool in settings.tpu_pools})
        for finding in tpu.check_zone(machine_type, settings.zone, settings.extra_tpu_zones)
    ]
    found += machine_zones.check_machine(settings.system_pool.machine_type, [settings.system_zone])
    for finding in found:
        pulumi.log.warn(finding.message)
