"""What a HorizontalPodAutoscaler on GKE asks for metrics, when, and who answers.

Owns API groups, periods, and the words of refusals. Does not own names of metrics in an autoscaler (`autoscaling.py`) nor what
servers measure (`vllm_metrics.py`, `http_servers.py`).
Sources, read 2026-11: Kubernetes 1.34 pkg/controller/podautoscaler and its config/v1alpha1 defaults, staging k8s.io/metrics;
kubernetes-sigs/metrics-server manifests; GoogleCloudPlatform/k8s-stackdriver custom-metrics-stackdriver-adapter (deploy and
pkg/adapter/translator); GKE's page "Expose custom metrics for autoscaling"; GoogleCloudPlatform/prometheus-engine's API page.

A plain GKE cluster answers `metrics.k8s.io` alone: CPU and memory. Metrics of managed Prometheus reach an autoscaler only after
somebody has installed the Custom Metrics Stackdriver Adapter, which registers `custom.metrics.k8s.io` and
`external.metrics.k8s.io`. What an AutoscalingMetric names is read by GKE itself, without adapter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RESOURCE_GROUP: Final = "metrics.k8s.io"
CUSTOM_GROUP: Final = "custom.metrics.k8s.io"
EXTERNAL_GROUP: Final = "external.metrics.k8s.io"

RESOLUTION_SECONDS: Final = 15
"""How often metrics-server looks at pods and nodes."""
SYNC_SECONDS: Final = 15
"""How often an autoscaler is computed."""
CPU_INITIALIZATION_SECONDS: Final = 300
"""For so long after its start, CPU of a pod that is not Ready, or was just so, does not count."""
INITIAL_READINESS_SECONDS: Final = 30
"""For so long after its start, a pod that is not Ready counts as one that never was."""
DOWNSCALE_SECONDS: Final = 300
"""Scale-down window of an autoscaler that names none."""

SCRAPE_SECONDS: Final = 60
"""Interval of a PodMonitoring that names none."""
RETENTION_SECONDS: Final = 300
"""How old a point may be that the adapter still hands out (its --metric-window)."""

ADAPTER_IMAGE: Final = "custom-metrics-stackdriver-adapter"
"""End of the adapter's image, and the name of all its objects."""
ADAPTER: Final = f"gcr.io/gke-release/{ADAPTER_IMAGE}:v0.15.1-gke.0"
"""The image of the adapter's own manifest (adapter_new_resource_model.yaml)."""
ADAPTER_NAMESPACE: Final = "custom-metrics"
ADAPTER_ROLE: Final = "roles/monitoring.viewer"
"""What its Kubernetes account must have in the project (GKE's tutorial on autoscaling by Cloud Monitoring)."""
ADAPTER_PORT: Final = 443
"""Port of its container, which its Deployment does not declare."""

PROMETHEUS_PREFIX: Final = "prometheus.googleapis.com"
"""First part of the names under which Cloud Monitoring keeps what managed Prometheus has scraped: PREFIX/METRIC/TYPE."""
MOST_NATIVE_METRICS: Final = 20
"""Unique metrics of AutoscalingMetrics in a cluster."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of an API, with its priorities in the adapter's APIService."""

    group: str
    version: str
    priority: int

    @property
    def api_service(self) -> str:
        """Name of its APIService."""
        return f"{self.version}.{self.group}"


CUSTOM_VERSIONS: Final = (
    Version(group=CUSTOM_GROUP, version="v1beta1", priority=100),
    Version(group=CUSTOM_GROUP, version="v1beta2", priority=200),
)
EXTERNAL_VERSIONS: Final = (Version(group=EXTERNAL_GROUP, version="v1beta1", priority=100),)
RESOURCE_VERSIONS: Final = (Version(group=RESOURCE_GROUP, version="v1beta1", priority=100),)


def no_descriptor(metric: str) -> str:
    """The adapter's words for a metric that Cloud Monitoring has never seen; `metric` is PREFIX/METRIC/TYPE."""
    return f'the server could not find the descriptor for metric "{metric}"'


def no_points(metric: str) -> str:
    """The adapter's words for a metric that none of the pods has."""
    return f'the server could not find the metric "{metric}" for pods'


def no_external_points(metric: str) -> str:
    """The adapter's words for a metric without points for the labels that were asked for."""
    return f'the server could not find the metric "{metric}" for provided labels'


def not_registered(group: str) -> str:
    """An autoscaler's words where nobody serves custom metrics."""
    return f"no custom metrics API ({group}) registered"
