"""The platform's own monitoring without what it watches: nothing here needs a cluster."""

from __future__ import annotations

import pulumi

from components import loading, platform
from components.monitoring import PlatformMonitoring, PlatformMonitoringArgs
from rules import alerting

settings = loading.load()

cloud = platform.google_cloud(settings)
services = platform.services(settings, cloud)
scope = alerting.Scope(
    cluster=settings.cluster.name,
    location=settings.zone,
    namespace=settings.namespace,
    gateway=settings.gateway.name,
    network=settings.cluster.name,
    region=settings.region,
    internal=False,
    models=False,
    tpus=False,
)
PlatformMonitoring(
    "monitoring",
    PlatformMonitoringArgs(
        scope=scope,
        pods=settings.network.pod_cidr,
        thresholds=alerting.Thresholds(**settings.monitoring.thresholds.model_dump()),
        alert=True,
        further=(),
        models=(),
        server_scheme="http",
        scrape_seconds=settings.monitoring.scrape_seconds,
        dashboard=True,
        channels=(),
        emails=("on-call@example.com",),
    ),
    pulumi.ResourceOptions(providers=[cloud], depends_on=services.services),
)
