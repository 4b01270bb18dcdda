"""From settings to components: which setting becomes which argument, and what has to wait for what.

Owns the wiring alone, one function a part, so that the program itself can be read as a table of contents.
"""

from __future__ import annotations

from components.platform.google_cloud import cluster, compute_classes, google_cloud, network, services, tpu_pools
from components.platform.http_services import http_services
from components.platform.kubernetes import authority, controllers, edge, gateway, namespace, secrets
from components.platform.monitoring import metrics_adapter, monitoring
from components.platform.serving import models

__all__ = [
    "authority",
    "cluster",
    "compute_classes",
    "controllers",
    "edge",
    "gateway",
    "google_cloud",
    "http_services",
    "metrics_adapter",
    "models",
    "monitoring",
    "namespace",
    "network",
    "secrets",
    "services",
    "tpu_pools",
]
