"""From settings to what every model shares in the cluster: its namespace, the Gateway and the controllers."""

from __future__ import annotations

import pulumi

from components.certificates import CertificateAuthority, CertificateAuthorityArgs, certificate
from components.cluster import InferenceCluster
from components.controllers import InferenceControllers, InferenceControllersArgs
from components.edge import EdgeProtection, EdgeProtectionArgs, ModelArmorArgs
from components.gateway import GatewayTls, InferenceGateway, InferenceGatewayArgs
from components.google import Provider
from components.namespace import ModelNamespace, ModelNamespaceArgs
from components.naming import joined
from components.network import PlatformNetwork
from components.platform.google_cloud import serving_ports
from components.platform.pulling import pull_secrets, pulled, warn_about_mirrors
from components.secrets import NamespaceSecrets, NamespaceSecretsArgs, SyncedSecretArgs
from components.services import ProjectServices
from components.settings import Settings
from components.settings.gateway import Gateway
from components.settings.namespace import ContainerDefaults, Quota
from rules import edge as edge_rules
from rules import kserve, kserve_config, product_images, tpu, vllm
from rules import secrets as rules


def namespace(settings: Settings, gke: InferenceCluster) -> ModelNamespace:
    """The namespace of the Gateway and the models."""
    wanted = settings.isolation
    return ModelNamespace(
        "namespace",
        ModelNamespaceArgs(
            name=settings.namespace,
            pod_security=wanted.pod_security,
            network_policies=wanted.network_policies,
            restrict_egress=wanted.egress == "restricted",
            proxy_cidrs=(settings.network.proxy_cidr,),
            serving_ports=serving_ports(settings),
            metrics_ports=metrics_ports(settings),
            clients=wanted.clients,
            quota=None if wanted.quota is None else _hard(wanted.quota),
            container_defaults=_requests(wanted.container_defaults),
        ),
        pulumi.ResourceOptions(providers=[gke.provider]),
    )


def metrics_ports(settings: Settings) -> tuple[int, ...]:
    """TCP ports that managed Prometheus reads."""
    own = [service.port for service in settings.services if service.endpoints.metrics is not None]
    of_models = (vllm.PORT, kserve.ENDPOINT_PICKER_METRICS_PORT) if settings.models else ()
    return tuple(dict.fromkeys((*of_models, *own)))


def secrets(
    settings: Settings, cloud: Provider, apis: ProjectServices, gke: InferenceCluster, space: ModelNamespace
) -> NamespaceSecrets | None:
    """Secrets of Secret Manager as Kubernetes Secrets of that namespace; None where the settings name none."""
    warn_about_mirrors(settings)
    wanted = settings.secrets
    if not settings.syncs_secrets or apis.project_number is None:
        return None
    synced: list[SyncedSecretArgs] = []
    if token := wanted.hugging_face_token:
        version = rules.version_name(settings.project, token.secret, token.version)
        synced.append(SyncedSecretArgs(name=rules.HUGGING_FACE, version=version, key=rules.HUGGING_FACE_KEY))
    synced += pulled(settings)
    if iap := settings.edge.iap:
        version = rules.version_name(settings.project, iap.client_secret.secret, iap.client_secret.version)
        synced.append(SyncedSecretArgs(name=edge_rules.IAP_SECRET, version=version, key=edge_rules.IAP_SECRET_KEY))
    return NamespaceSecrets(
        "secrets",
        NamespaceSecretsArgs(
            project=settings.project, project_number=apis.project_number, namespace=settings.namespace, secrets=synced
        ),
        pulumi.ResourceOptions(providers=[cloud, gke.provider], depends_on=[space]),
    )


def _hard(quota: Quota) -> dict[str, str]:
    bounds = {
        f"requests.{tpu.TPU_RESOURCE}": quota.tpu_chips,
        "pods": quota.pods,
        "requests.cpu": quota.cpu,
        "requests.memory": quota.memory,
    }
    return {name: str(bound) for name, bound in bounds.items() if bound is not None}


def _requests(defaults: ContainerDefaults | None) -> dict[str, str] | None:
    return None if defaults is None else {"cpu": defaults.cpu, "memory": defaults.memory}


def controllers(
    settings: Settings, cloud: Provider, apis: ProjectServices, gke: InferenceCluster
) -> InferenceControllers | None:
    """cert-manager, LeaderWorkerSet, and what KServe is installed with; plain HTTP services alone need none of them."""
    if not settings.models:
        return None
    places = {each.repository: settings.images.at(each.repository) for each in product_images.CHART_IMAGES}
    return InferenceControllers(
        "controllers",
        InferenceControllersArgs(
            mirror=settings.charts.mirror,
            gateway=f"{settings.namespace}/{settings.gateway.name}",
            https=settings.gateway.tls is not None,
            backend_tls=settings.kserve.backend_tls,
            version=settings.kserve.version,
            images={upstream: place for upstream, place in places.items() if place != upstream},
            pull=pull_secrets(settings, apis),
        ),
        pulumi.ResourceOptions(providers=[cloud, gke.provider]),
    )


def authority(
    settings: Settings, gke: InferenceCluster, inference: InferenceControllers | None
) -> CertificateAuthority | None:
    """The cluster's own certificate authority, once cert-manager runs; None where it does not."""
    if inference is None:
        return None
    return CertificateAuthority(
        "authority",
        CertificateAuthorityArgs(owner=settings.cluster.name),
        pulumi.ResourceOptions(providers=[gke.provider], depends_on=[inference.cert_manager]),
    )


def gateway(
    settings: Settings,
    cloud: Provider,
    vpc: PlatformNetwork,
    gke: InferenceCluster,
    space: ModelNamespace,
    issuer: CertificateAuthority | None,
    protection: EdgeProtection | None,
) -> InferenceGateway:
    """The Gateway, once the region has proxies for it, and its certificate is there where the cluster issues it."""
    wanted = settings.gateway
    after: list[pulumi.Resource] = [*vpc.proxies, space, *(protection.before_gateway if protection else [])]
    if issuer is not None and wanted.tls is not None and wanted.tls.private_authority:
        after.append(
            certificate(
                "gateway-certificate",
                name=_own_secret(wanted),
                namespace=settings.namespace,
                hostnames=wanted.hostnames,
                opts=pulumi.ResourceOptions(parent=issuer, depends_on=[issuer.issuer, space]),
            )
        )
    entry = InferenceGateway(
        "gateway",
        InferenceGatewayArgs(
            name=wanted.name,
            google_name=joined(settings.cluster.name, wanted.name),
            namespace=settings.namespace,
            region=settings.region,
            class_name=wanted.class_name,
            subnet=vpc.subnet_id,
            tls=_tls(wanted),
            hostnames=wanted.hostnames,
            global_access=wanted.global_access,
        ),
        pulumi.ResourceOptions(providers=[cloud, gke.provider], depends_on=after),
    )
    if protection is not None:
        protection.guard(entry.gateway)
    return entry


def _tls(wanted: Gateway) -> GatewayTls | None:
    if wanted.tls is None:
        return None
    return GatewayTls(
        certificate_manager=wanted.tls.certificate_manager,
        pre_shared=wanted.tls.pre_shared_certificates,
        secrets=(_own_secret(wanted),) if wanted.tls.private_authority else wanted.tls.secrets,
        redirect_http=wanted.tls.redirect_http,
        minimum_version=wanted.tls.minimum_version,
        ssl_policy=wanted.tls.ssl_policy,
    )


def _own_secret(wanted: Gateway) -> str:
    return f"{wanted.name}-tls"


def edge(settings: Settings, cloud: Provider, apis: ProjectServices, gke: InferenceCluster) -> EdgeProtection | None:
    """What protects the backends behind the Gateway, before there is one; None where nothing is asked for."""
    wanted = settings.edge
    if not wanted.used:
        return None
    made, iap, armor = wanted.cloud_armor, wanted.iap, wanted.model_armor
    judged = (vllm.COMPLETIONS_PATH, vllm.CHAT_COMPLETIONS_PATH)
    if settings.kserve.managed_routes:
        judged += kserve_config.OTHER_POOL_PATHS
    return EdgeProtection(
        "edge",
        EdgeProtectionArgs(
            name=settings.gateway.name,
            google_name=joined(settings.cluster.name, settings.gateway.name),
            namespace=settings.namespace,
            gateway=settings.gateway.name,
            region=settings.region,
            security_policy=wanted.security_policy,
            make_security_policy=made is not None,
            allowed_cidrs=made.allowed_cidrs if made else (),
            requests_per_minute=made.requests_per_minute if made else None,
            iap_client=iap.client_id if iap else None,
            iap_secret=edge_rules.IAP_SECRET if iap else None,
            iap_members=iap.members if iap else (),
            project=settings.project,
            hostnames=settings.gateway.hostnames,
            model_armor=ModelArmorArgs(
                template=f"projects/{settings.project}/locations/{settings.region}/templates/{armor.template}",
                project=settings.project,
                project_number=apis.project_number,
                agent=apis.extensions_agent,
                timeout_milliseconds=armor.timeout_milliseconds,
                fail_open=armor.fail_open,
                paths=judged,
            )
            if armor and apis.project_number is not None and apis.extensions_agent is not None
            else None,
        ),
        pulumi.ResourceOptions(providers=[cloud, gke.provider], depends_on=apis.services),
    )
