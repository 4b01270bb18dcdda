"""From settings to what is measured, and who is told."""

from __future__ import annotations

import pulumi

from components.cluster import InferenceCluster
from components.google import Provider
from components.metrics_adapter import MetricsAdapter, MetricsAdapterArgs
from components.monitoring import PlatformMonitoring, PlatformMonitoringArgs
from components.platform.pulling import pull_secrets
from components.services import ProjectServices
from components.settings import Settings
from components.settings.http_service import MetricAlert
from rules import alerting, gateway, workload_metrics


def monitoring(
    settings: Settings, cloud: Provider, apis: ProjectServices, gke: InferenceCluster, space: pulumi.Resource
) -> PlatformMonitoring | None:
    """Alerts, dashboard and scraping; nothing where the settings do not ask for it."""
    wanted = settings.monitoring
    if not wanted.enabled:
        return None
    existing = settings.network.existing
    scope = alerting.Scope(
        cluster=settings.cluster.name,
        location=settings.region if settings.cluster.regional else settings.zone,
        namespace=settings.namespace,
        gateway=settings.gateway.name,
        network=existing.network if existing else settings.cluster.name,
        region=settings.region,
        internal=settings.gateway.class_name == gateway.REGIONAL_INTERNAL,
        models=bool(settings.models),
        tpus=bool(settings.tpu_pools),
    )
    further = tuple(_alert(scope, service.name, alert) for service in settings.services for alert in service.alerts)
    return PlatformMonitoring(
        "monitoring",
        PlatformMonitoringArgs(
            scope=scope,
            pods=gke.cluster.cluster_ipv4_cidr if existing else settings.network.pod_cidr,
            thresholds=alerting.Thresholds(**wanted.thresholds.model_dump()),
            alert=wanted.alerts,
            further=further,
            models=tuple(name for model in settings.models for name in model.service_names),
            server_scheme="https" if settings.kserve.backend_tls else "http",
            scrape_seconds=wanted.scrape_seconds,
            dashboard=wanted.dashboard,
            channels=wanted.notification_channels,
            emails=wanted.emails,
        ),
        pulumi.ResourceOptions(providers=[cloud, gke.provider], depends_on=[*apis.services, space]),
    )


def metrics_adapter(
    settings: Settings, cloud: Provider, apis: ProjectServices, gke: InferenceCluster
) -> MetricsAdapter | None:
    """What lets autoscalers read managed Prometheus; None where none does."""
    if not settings.reads_managed_prometheus or apis.project_number is None:
        return None
    image = settings.images.at(workload_metrics.ADAPTER)
    args = MetricsAdapterArgs(
        project=settings.project,
        project_number=apis.project_number,
        image=image,
        pull=pull_secrets(settings, apis),
    )
    # Google Cloud refuses a principal of a workload identity pool before the project's first cluster has one.
    after = [*apis.services, gke.cluster]
    return MetricsAdapter(
        "metrics-adapter", args, pulumi.ResourceOptions(providers=[cloud, gke.provider], depends_on=after)
    )


def _alert(scope: alerting.Scope, service: str, alert: MetricAlert) -> alerting.Alert:
    high = alert.above is not None
    value = alert.above if alert.above is not None else alert.below or 0.0
    return alerting.metric_alert(scope, service, alert.metric, ">" if high else "<", value, alert.minutes)
