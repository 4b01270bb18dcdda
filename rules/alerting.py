"""When somebody is to be told, and what to look at first: conditions in PromQL or as log filters.

Owns the conditions as functions of what is watched and of thresholds. Does not own names of metrics (`monitoring.py`).
Sources: two operators' reports (a Gateway whose backends were all unhealthy while pods were Ready; a server's guidance to
alert on health, more than two failures in a row, CPU above 90 % and memory above 95 %); Cloud Monitoring's limits for alert
policies (2026).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rules import monitoring, vllm_metrics

LOG_RATE_LIMIT_SECONDS: Final = 300
"""A log condition must say how often it may notify."""
CONSECUTIVE_FAILURES: Final = 3


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Where a condition begins to hold."""

    latency_seconds: float
    first_token_seconds: float
    error_percent: float
    kv_cache_percent: float
    waiting_requests: float
    cpu_percent: float
    memory_percent: float
    idle_tpu_percent: float


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What is watched."""

    cluster: str
    location: str
    """The cluster's region or zone: a project may have clusters of one name in several."""
    namespace: str
    gateway: str
    """Name of the Gateway."""
    network: str
    """Name of the VPC that the Gateway's load balancer is in."""
    region: str
    internal: bool
    """Whether the Gateway's load balancer is an internal one."""
    models: bool
    """Whether vLLM serves here."""
    tpus: bool
    """Whether there are TPU nodes."""

    @property
    def load_balancer(self) -> monitoring.LoadBalancer:
        """Names of its metrics."""
        return monitoring.INTERNAL if self.internal else monitoring.EXTERNAL

    def requests(self, metric: str, more: str = "") -> str:
        """A selector of the load balancer's series of `metric`.

        Its series do not name the cluster, and of the Gateway only what GKE puts into the URL map's name. The VPC tells two
        stacks of one project apart that have the same names in it, each having its own unless the settings name one.
        """
        names = self.load_balancer
        pattern = monitoring.url_map_pattern(self.namespace, self.gateway)
        return (
            f'{names.prefix}{metric}{{monitored_resource="{names.resource}",region="{self.region}",'
            f'network_name="{self.network}",url_map_name=~"{pattern}"{more}}}'
        )

    def scraped(self, metric: str, more: str = "") -> str:
        """A selector of what managed Prometheus read in the namespace."""
        return f'{metric}{{location="{self.location}",cluster="{self.cluster}",namespace="{self.namespace}"{more}}}'

    def containers(self, metric: str, more: str = "") -> str:
        """A selector of GKE's own series of the namespace's containers."""
        return (
            f'{metric}{{monitored_resource="k8s_container",location="{self.location}",cluster_name="{self.cluster}",'
            f'namespace_name="{self.namespace}"{more}}}'
        )

    def nodes(self, metric: str) -> str:
        """A selector of GKE's own series of the cluster's nodes."""
        return f'{metric}{{monitored_resource="k8s_node",location="{self.location}",cluster_name="{self.cluster}"}}'


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One condition: a query that gives series while it holds, or a filter of log entries."""

    name: str
    title: str
    severity: str
    """CRITICAL, ERROR or WARNING."""
    advice: str
    """What it means and what to look at first; Markdown."""
    query: str = ""
    minutes: int = 0
    """How long the query must give series."""
    log_filter: str = ""
    of_endpoints: bool = False
    """Whether the log filter still lacks `endpoints_in` the range of the cluster's pods."""


def endpoints_in(pods: str) -> str:
    """The part of a log filter that takes health checks of endpoints in this range alone.

    Such an entry names no cluster, Gateway or health check, only a network endpoint group by the number that it got when GKE
    made it (Google's page on health check logging, 2026). The addresses are what is known before: of the endpoint, and that
    the probe went to. Stacks of one project whose pods have the same range hear of each other's endpoints all the same.
    """
    probed = "jsonPayload.healthCheckProbeResult"
    return f'(ip_in_net({probed}.targetIp, "{pods}") OR ip_in_net({probed}.ipAddress, "{pods}"))'


def alerts(scope: Scope, limits: Thresholds) -> list[Alert]:
    """All alerts for what is watched."""
    found = [*_traffic(scope, limits), *_health(scope), *_containers(scope, limits)]
    if scope.models:
        found += _models(scope, limits)
    if scope.tpus:
        found.append(_tpus(scope, limits))
    return found


def metric_alert(scope: Scope, service: str, metric: str, comparison: str, value: float, minutes: int) -> Alert:
    """An alert on a metric of a plain HTTP service's own; `comparison` is `>` or `<`."""
    word = "above" if comparison == ">" else "below"
    return Alert(
        name=f"{service}-{metric.replace('_', '-').replace(':', '-').lower()}-{word}",
        title=f"{service}: {metric} is {word} {value:g}",
        severity="ERROR",
        advice=f"`{metric}` of service {service}, as its pods report it. `kubectl -n {scope.namespace} get pods` shows "
        "which of them are Ready; their logs say why not.",
        query=f"max by (pod) ({scope.scraped(metric, _pods(service))}) {comparison} {value:g}",
        minutes=minutes,
    )


def _pods(service: str) -> str:
    return f',pod=~"{service}-[a-z0-9]+-[a-z0-9]+"'


def _traffic(scope: Scope, limits: Thresholds) -> Iterator[Alert]:
    count = scope.requests
    errors = f"sum by (backend_target_name) (rate({count('request_count', _code('5..'))}[5m]))"
    every = f"sum by (backend_target_name) (rate({count('request_count')}[5m]))"
    yield Alert(
        name="no-healthy-backend",
        title="The Gateway has no healthy backend",
        severity="CRITICAL",
        advice="Requests end in 503. Look at the backends' health: a HealthCheckPolicy that asks for another path, port or "
        "scheme than the server has leaves them UNHEALTHY while all pods are Ready.",
        query=f"sum by (backend_target_name) (rate({count('request_count', _code('503'))}[5m])) > 0.05",
        minutes=2,
    )
    yield Alert(
        name="latency",
        title=f"95 % of requests take longer than {limits.latency_seconds:g} s",
        severity="WARNING",
        advice="Latency at the load balancer, by backend. Compare queue and KV cache of the servers: full ones need more "
        "replicas. Pods that are not Ready get no traffic and leave the rest to the others.",
        query=f"histogram_quantile(0.95, sum by (backend_target_name, le) (rate({count('total_latencies_bucket')}[5m]))) "
        f"> {limits.latency_seconds * 1000:g}",
        minutes=10,
    )
    yield Alert(
        name="errors",
        title=f"More than {limits.error_percent:g} % of requests fail",
        severity="ERROR",
        advice="5xx answers at the load balancer, by backend. The load balancer's log has the reason of each in proxyStatus.",
        query=f"100 * {errors} / {every} > {limits.error_percent:g}",
        minutes=5,
    )


def _code(pattern: str) -> str:
    return f',response_code=~"{pattern}"'


def _health(scope: Scope) -> Iterator[Alert]:
    yield Alert(
        name="health-status",
        title="An endpoint turned unhealthy",
        severity="ERROR",
        advice="The load balancer's health check failed where it had passed before. The log entry names the endpoint and "
        "what it answered; one of another cluster is here only where that cluster's pods have the same range.",
        of_endpoints=True,
        log_filter=" AND ".join(
            (
                f'log_id("{monitoring.HEALTH_CHECK_LOG}")',
                'resource.type="gce_network_endpoint_group"',
                f'resource.labels.zone:"{scope.region}"',
                'jsonPayload.healthCheckProbeResult.healthState="UNHEALTHY"',
                'jsonPayload.healthCheckProbeResult.previousHealthState="HEALTHY"',
            )
        ),
    )
    yield Alert(
        name="probe-failures",
        title=f"A probe failed {CONSECUTIVE_FAILURES} times or more",
        severity="WARNING",
        advice="The kubelet's event names pod, probe and answer. 404 means a path that the server does not have; no "
        "connection, a server that is still loading: then the startup probe's budget is too small.",
        log_filter=" AND ".join(
            (
                f'log_id("{monitoring.EVENTS_LOG}")',
                'resource.type="k8s_pod"',
                f'resource.labels.location="{scope.location}"',
                f'resource.labels.cluster_name="{scope.cluster}"',
                f'resource.labels.namespace_name="{scope.namespace}"',
                'jsonPayload.reason="Unhealthy"',
                f"jsonPayload.count>={CONSECUTIVE_FAILURES}",
            )
        ),
    )


def _containers(scope: Scope, limits: Thresholds) -> Iterator[Alert]:
    cpu = scope.containers(monitoring.CPU_LIMIT_USE)
    memory = scope.containers(monitoring.MEMORY_LIMIT_USE, ',memory_type="non-evictable"')
    yield Alert(
        name="cpu",
        title=f"A container uses more than {limits.cpu_percent:g} % of its CPU limit",
        severity="WARNING",
        advice="It is throttled. Where only some pods of a service are busy, the others are not Ready; else raise the limit "
        "or the number of pods.",
        query=f"100 * max by (pod_name, container_name) ({cpu}) > {limits.cpu_percent:g}",
        minutes=10,
    )
    yield Alert(
        name="memory",
        title=f"A container uses more than {limits.memory_percent:g} % of its memory limit",
        severity="ERROR",
        advice="The kernel ends it at the limit (OOMKilled). Raise the limit, or shorten the context or batch.",
        query=f"100 * max by (pod_name, container_name) ({memory}) > {limits.memory_percent:g}",
        minutes=5,
    )


def _models(scope: Scope, limits: Thresholds) -> Iterator[Alert]:
    first = f"sum by (model_name, le) (rate({scope.scraped(vllm_metrics.TIME_TO_FIRST_TOKEN_BUCKET)}[5m]))"
    yield Alert(
        name="first-token",
        title=f"95 % of first tokens take longer than {limits.first_token_seconds:g} s",
        severity="WARNING",
        advice="Time to first token at the servers. Long queues and few prefix cache hits are the usual reasons.",
        query=f"histogram_quantile(0.95, {first}) > {limits.first_token_seconds:g}",
        minutes=10,
    )
    yield Alert(
        name="kv-cache",
        title=f"KV caches are more than {limits.kv_cache_percent:g} % full",
        severity="WARNING",
        advice="Requests are preempted and computed again. Add replicas, or shorten the context window.",
        query=f"100 * avg by (model_name) ({scope.scraped(vllm_metrics.KV_CACHE_USAGE)}) > {limits.kv_cache_percent:g}",
        minutes=10,
    )
    yield Alert(
        name="queue",
        title=f"More than {limits.waiting_requests:g} requests wait for each server",
        severity="WARNING",
        advice="The servers are saturated. Add replicas; with TPU pools that cannot grow, limit the clients.",
        query=f"avg by (model_name) ({scope.scraped(vllm_metrics.WAITING)}) > {limits.waiting_requests:g}",
        minutes=5,
    )
    yield Alert(
        name="no-ready-server",
        title="An endpoint picker knows no ready server",
        severity="CRITICAL",
        advice="Completions have nowhere to go. Servers may still be compiling for the TPU (minutes), be Pending for want of "
        "nodes, or crash: `kubectl describe` of their pods says which.",
        query=f"max by (name) ({scope.scraped(monitoring.READY_ENDPOINTS)}) < 1",
        minutes=15,
    )


def _tpus(scope: Scope, limits: Thresholds) -> Alert:
    return Alert(
        name="idle-tpus",
        title=f"A TPU node is less than {limits.idle_tpu_percent:g} % busy",
        severity="WARNING",
        advice="It is paid for and computes nothing. Either no requests come, or its server is not Ready and gets none.",
        query=f"avg by (node_name) ({scope.nodes(monitoring.TPU_DUTY_CYCLE)}) < {limits.idle_tpu_percent:g}",
        minutes=60,
    )
