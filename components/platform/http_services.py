"""From settings to servers that speak plain HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from components.cluster import InferenceCluster
from components.edge import EdgeProtection
from components.gateway import InferenceGateway
from components.http_service import (
    Endpoints,
    HttpInferenceService,
    HttpInferenceServiceArgs,
    Metric,
    Scaling,
    Volume,
)
from components.network_policies import Destination
from components.platform.google_cloud import vpc_name
from components.secrets import NamespaceSecrets
from components.settings import Settings
from components.settings.http_autoscaling import HttpAutoscaling
from components.settings.http_service import Amount, HttpEndpoints, HttpService
from rules import probes


def http_services(
    settings: Settings,
    gke: InferenceCluster,
    entry: InferenceGateway,
    protection: EdgeProtection | None,
    written: NamespaceSecrets | None,
) -> Mapping[str, HttpInferenceService]:
    """The services, once the namespace with its Secrets and the Gateway exist, and the edge is guarded."""
    guards = protection.before_routes if protection else []
    before = [entry.gateway, *guards, *(written.synced if written else [])]
    return {
        service.name: HttpInferenceService(
            service.name,
            arguments(settings, service, protection.backend if protection else {}),
            pulumi.ResourceOptions(providers=[gke.provider], depends_on=before),
        )
        for service in settings.services
    }


def arguments(settings: Settings, service: HttpService, protection: Mapping[str, Any]) -> HttpInferenceServiceArgs:
    """What one service is made from."""
    disk = service.volume
    return HttpInferenceServiceArgs(
        namespace=settings.namespace,
        gateway=settings.gateway.name,
        section=settings.gateway.section,
        hostnames=settings.gateway.hostnames,
        protection=protection,
        image=settings.images.at(service.image),
        command=service.command,
        args=service.args,
        environment=service.environment,
        secret_environment={name: (value.secret, value.key) for name, value in service.secret_environment.items()},
        endpoints=_endpoints(service, service.endpoints),
        startup=service.probes.startup.over(probes.STARTUP),
        readiness=service.probes.readiness.over(probes.READINESS),
        liveness=service.probes.liveness.over(probes.LIVENESS),
        requests=_amount(service.resources.requests),
        limits=_amount(service.resources.limits),
        pull_secrets=tuple(secret.name for secret in settings.secrets.image_pull),
        user_id=service.user_id,
        replicas=service.replicas,
        scaling=None if service.autoscaling is None else _scaling(service.autoscaling),
        volume=None
        if disk is None
        else Volume(
            size=disk.size,
            mount_path=disk.mount_path,
            access_mode=disk.access_mode,
            storage_class=disk.storage_class,
        ),
        network=vpc_name(settings),
        longest_request_seconds=service.longest_request_seconds,
        drain_seconds=service.drain_seconds,
        load_balancer_readiness=service.load_balancer_readiness,
        scrape_seconds=settings.monitoring.scrape_seconds if settings.cluster.managed_prometheus else 0,
        egress=tuple(Destination(**rule.model_dump()) for rule in service.egress),
    )


def _endpoints(service: HttpService, declared: HttpEndpoints) -> Endpoints:
    return Endpoints(
        port=service.port,
        scheme=service.scheme,
        startup=declared.startup or declared.readiness,
        readiness=declared.readiness,
        liveness=declared.liveness,
        metrics=declared.metrics,
        serving=declared.serving,
    )


def _amount(amount: Amount) -> Mapping[str, str]:
    return {"cpu": amount.cpu, "memory": amount.memory}


def _scaling(wanted: HttpAutoscaling) -> Scaling:
    return Scaling(
        low=wanted.min_replicas,
        high=wanted.max_replicas,
        cpu_percent=wanted.cpu_percent,
        metrics=tuple(
            Metric(name=entry.metric, type=entry.type, average=entry.average, source=entry.source)
            for entry in wanted.metrics
        ),
        up_seconds=wanted.scale_up_window_seconds,
        down_seconds=wanted.scale_down_window_seconds,
    )
