"""Names of the metrics and logs by which an inference platform on GKE is watched, and how managed Prometheus reads pods.

Owns names, labels and units. Does not own when somebody is to be woken (`alerting.py`) nor what
vLLM calls its metrics (`vllm_metrics.py`).
Sources, read in 2026: Google Cloud's lists of metrics (loadbalancing, kubernetes) and of audit and platform logs; GKE's guides
to managed collection and to TPU metrics; vllm-project/vllm v1 metrics/loggers.py; llm-d/llm-d-router v0.9 pkg/metrics;
Cloud Monitoring's mapping of its metrics to PromQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

POD_MONITORING: Final = "PodMonitoring"
POD_MONITORING_API_VERSION: Final = "monitoring.googleapis.com/v1"
COLLECTOR_NAMESPACE: Final = "gmp-system"
COLLECTOR_ACCOUNT: Final = "collector"
"""The identity with which managed Prometheus of a Standard cluster reads the Secrets that a PodMonitoring names."""
MINIMUM_SCRAPE_SECONDS: Final = 5
READER: Final = "metrics-reader"
"""ServiceAccount and Secret of this program with which metrics are read that want a token."""

API: Final = "monitoring.googleapis.com"

READY_ENDPOINTS: Final = "llm_d_epp_ready_endpoints"
"""Servers that an endpoint picker would send requests to; labels `name` (the pool's)."""

CPU_LIMIT_USE: Final = "kubernetes_io:container_cpu_limit_utilization"
MEMORY_LIMIT_USE: Final = "kubernetes_io:container_memory_limit_utilization"
"""Both from 0 to 1. Memory counts twice, by `memory_type`; only what cannot be evicted ends a process."""
TPU_DUTY_CYCLE: Final = "kubernetes_io:node_accelerator_duty_cycle"
"""Percent of the last minute in which the TensorCores of a chip were busy; by node."""
TPU_METRICS_PORT: Final = 8431
"""Where libtpu tells it: GKE reads TPU metrics of containers that declare this port, and of no others (GKE's guide to TPU
metrics, 2026). A container that does not is served as well as any; its chips just never appear in `TPU_DUTY_CYCLE`."""

EVENTS_LOG: Final = "events"
HEALTH_CHECK_LOG: Final = "compute.googleapis.com/healthchecks"
"""Each change of an endpoint's health, where the health check logs them."""
GATEWAY_PREFIX: Final = "gkegw1-"
"""First part of the names of everything that GKE's Gateway controller makes."""
_GATEWAY_NAME_ROOM: Final = 37
"""Letters that namespace and name of a Gateway have in the name of its URL map, which is
`gkegw1-CLUSTER-NAMESPACE-NAME-HASH` with four letters of the cluster's hash and twelve of its own in 63 (names in annotations of
Gateways and in gcloud's output, as users show them, 2024 to 2026); longer ones are cut."""


def url_map_pattern(namespace: str, gateway: str) -> str:
    """A regular expression that the names of a Gateway's URL maps match as a whole.

    How GKE cuts long names is not documented. So little of such a name is asked for that it is there whether both are cut
    by the same number of letters or in proportion: the pattern may take a similar Gateway for this one, and never misses it.
    """
    total = len(namespace) + len(gateway)
    excess = total - _GATEWAY_NAME_ROOM
    if excess <= 0:
        return f"{GATEWAY_PREFIX}[a-z0-9]+-{namespace}-{gateway}-[a-z0-9]+"

    def kept(name: str) -> str:
        evenly, in_proportion = len(name) - excess, len(name) * _GATEWAY_NAME_ROOM // total
        return name[: max(1, min(evenly, in_proportion) - 1)]

    return f"{GATEWAY_PREFIX}[a-z0-9]+-{kept(namespace)}[-a-z0-9]*-{kept(gateway)}[-a-z0-9]*"


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """How Cloud Monitoring calls the metrics of one sort of regional Application Load Balancer."""

    prefix: str
    """Before `request_count`, `total_latencies` (milliseconds) and so on."""
    resource: str
    """The monitored resource."""


EXTERNAL: Final = LoadBalancer(
    prefix="loadbalancing_googleapis_com:https_external_regional_", resource="http_external_regional_lb_rule"
)
INTERNAL: Final = LoadBalancer(prefix="loadbalancing_googleapis_com:https_internal_", resource="internal_http_lb_rule")


def server_labels(model: str) -> dict[str, str]:
    """Labels of the servers of an LLMInferenceService (kserve v0.20.0, llmisvc/workload.go)."""
    return {
        "app.kubernetes.io/name": model,
        "app.kubernetes.io/part-of": "llminferenceservice",
        "kserve.io/component": "workload",
    }


def endpoint_picker_labels(model: str) -> dict[str, str]:
    """Labels of its endpoint picker (kserve v0.20.0, llmisvc/scheduler.go)."""
    return {
        "app.kubernetes.io/name": model,
        "app.kubernetes.io/part-of": "llminferenceservice",
        "app.kubernetes.io/component": "llminferenceservice-router-scheduler",
    }


METRICS_PORT_NAME: Final = "metrics"
"""Name of the port of an endpoint picker's metrics in KServe's preset; they are HTTP and want a bearer token."""
