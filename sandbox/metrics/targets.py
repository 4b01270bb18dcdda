"""Which pods are scraped, on which port and path, how often.

Owns the step from PodMonitoring, ClusterPodMonitoring and AutoscalingMetric to single targets. Does not own scraping. A pod that
none of them selects is never read, as on GKE: its metrics do not exist for an autoscaler.
Source: API page of GoogleCloudPlatform/prometheus-engine (2026), GKE's page on AutoscalingMetric.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from rules import workload_metrics as facts
from sandbox.metrics.selectors import selects

Object = dict[str, Any]
Source = Literal["managed-prometheus", "autoscaling"]

_DURATION: Final = re.compile(r"(\d+)(ms|s|m|h|d|w|y)")
_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}


@dataclass(frozen=True, kw_only=True)
class Target:
    """One port of one pod. `interval` is in GKE's seconds.

    `names` leads from Prometheus names to those under which an AutoscalingMetric hands them out; None keeps all. `secret` is
    namespace, name and key of a bearer token.
    """

    namespace: str
    pod: str
    uid: str
    source: Source
    monitor: str
    port: int
    path: str
    scheme: str
    interval: float
    names: tuple[tuple[str, str], ...] | None = None
    secret: tuple[str, str, str] | None = None


def targets(
    pods: Iterable[Object],
    pod_monitorings: Iterable[Object],
    cluster_pod_monitorings: Iterable[Object],
    autoscaling_metrics: Iterable[Object],
) -> set[Target]:
    """All targets of a cluster."""
    running = [pod for pod in pods if _runs(pod)]
    found: set[Target] = set()
    for monitoring in pod_monitorings:
        namespace = monitoring["metadata"]["namespace"]
        found.update(_monitored(monitoring, [pod for pod in running if pod["metadata"]["namespace"] == namespace]))
    for monitoring in cluster_pod_monitorings:
        found.update(_monitored(monitoring, running))
    for metric in autoscaling_metrics:
        found.update(_autoscaled(metric, running))
    return found


def seconds(duration: str) -> float:
    """A Prometheus duration such as `1m30s`; the default interval where it is none."""
    parts = _DURATION.findall(duration)
    if "".join(number + unit for number, unit in parts) != duration or not parts:
        return facts.SCRAPE_SECONDS
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def container_port(pod: Object, wanted: int | str) -> int | None:
    """The number of a port given by number or by a container port's name."""
    if isinstance(wanted, int) or str(wanted).isdecimal():
        return int(wanted)
    for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
        for entry in container.get("ports") or []:
            if entry.get("name") == wanted:
                return int(entry["containerPort"])
    return None


def _runs(pod: Object) -> bool:
    status: Object = pod.get("status") or {}
    return bool(status.get("podIP")) and status.get("phase") == "Running"


def _labels(pod: Object) -> Mapping[str, str]:
    return pod["metadata"].get("labels") or {}


def _monitored(monitoring: Object, pods: Iterable[Object]) -> Iterator[Target]:
    spec: Object = monitoring["spec"]
    for pod in pods:
        if not selects(spec["selector"], _labels(pod)):
            continue
        for endpoint in spec["endpoints"]:
            port = container_port(pod, endpoint["port"])
            if port is not None:
                yield Target(
                    namespace=pod["metadata"]["namespace"],
                    pod=pod["metadata"]["name"],
                    uid=pod["metadata"]["uid"],
                    source="managed-prometheus",
                    monitor=monitoring["metadata"]["name"],
                    port=port,
                    path=endpoint.get("path") or "/metrics",
                    scheme=endpoint.get("scheme") or "http",
                    interval=seconds(endpoint.get("interval") or ""),
                    secret=_secret(endpoint, monitoring["metadata"].get("namespace")),
                )


def _secret(endpoint: Object, namespace: str | None) -> tuple[str, str, str] | None:
    reference: Object | None = endpoint.get("authorization", {}).get("credentials", {}).get("secret")
    where = (reference or {}).get("namespace") or namespace
    return (where, reference["name"], reference["key"]) if reference and where else None


def _autoscaled(metric: Object, pods: Iterable[Object]) -> Iterator[Target]:
    namespace, name = metric["metadata"]["namespace"], metric["metadata"]["name"]
    for entry in metric["spec"]["metrics"]:
        read: Object | None = entry.get("pod")
        if read is None:
            continue
        for pod in pods:
            if pod["metadata"]["namespace"] != namespace or not selects(read["selector"], _labels(pod)):
                continue
            for container in read["containers"]:
                gauges = [item["gauge"] for item in container["metrics"]]
                yield Target(
                    namespace=namespace,
                    pod=pod["metadata"]["name"],
                    uid=pod["metadata"]["uid"],
                    source="autoscaling",
                    monitor=name,
                    port=container["endpoint"]["port"],
                    path=container["endpoint"].get("path") or "/metrics",
                    scheme="http",
                    interval=facts.SYNC_SECONDS,  # GKE does not tell its own
                    names=tuple((gauge["prometheusMetricName"], gauge["name"]) for gauge in gauges),
                )
