"""The three metrics APIs: what is answered to which path.

Owns discovery, the shapes of answers and refusals. Does not own values (`series`, `usage`) nor TLS.
Sources: staging k8s.io/metrics 0.34 (types and clients), the adapter's translator, `rules.workload_metrics`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote

from rules import autoscaling
from rules import workload_metrics as facts
from sandbox.metrics.selectors import SelectorError, parse, selects
from sandbox.metrics.series import Point, Series
from sandbox.metrics.usage import Meter, PodUse
from sandbox.serving.http import Request, Response, json_response

Object = dict[str, Any]
Lister = Callable[[], Sequence[Object]]


class RefusedError(Exception):
    """An answer that is no metric: status, reason and words."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Apis:
    """Answers for `versions`. `prometheus`: whether metrics of managed Prometheus are among them, as with the adapter."""

    def __init__(
        self, versions: Iterable[facts.Version], meter: Meter, series: Series, pods: Lister, *, prometheus: bool
    ) -> None:
        self._versions = tuple(versions)
        self._meter = meter
        self._series = series
        self._pods = pods
        self._prometheus = prometheus

    async def handle(self, request: Request) -> Response:
        """The answer to any request."""
        try:
            return json_response(self._answer(request))
        except RefusedError as error:
            return json_response(_status(error), error.status)
        except SelectorError as error:
            return json_response(_status(RefusedError(400, "BadRequest", str(error))), 400)

    def _answer(self, request: Request) -> Object:
        parts = [unquote(part) for part in request.path.split("/") if part]
        query = {key: values[-1] for key, values in parse_qs(request.query).items()}
        if parts[:1] != ["apis"] or len(parts) < 3:
            return self._discover(parts)
        group, version, rest = parts[1], parts[2], parts[3:]
        if not any((item.group, item.version) == (group, version) for item in self._versions):
            raise _not_found()
        if request.method != "GET":
            raise RefusedError(405, "MethodNotAllowed", "metrics are read-only")
        if not rest:
            return _resources(group, version)
        if group == facts.RESOURCE_GROUP:
            return self._resource(rest, query)
        if len(rest) < 3 or rest[0] != "namespaces":
            raise _not_found()
        if group == facts.EXTERNAL_GROUP:
            return self._external(rest[2], query)
        if len(rest) != 5 or rest[2] != "pods":
            words = "the server could not find the requested resource: metrics of pods alone are served here"
            raise RefusedError(404, "NotFound", words)
        return self._custom(version, rest[1], rest[3], rest[4], query)

    def _discover(self, parts: list[str]) -> Object:
        groups: dict[str, list[facts.Version]] = {}
        for item in self._versions:
            groups.setdefault(item.group, []).append(item)
        found = [_group(name, items) for name, items in groups.items()]
        if parts == ["apis"]:
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}
        if len(parts) == 2 and parts[0] == "apis" and parts[1] in groups:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1], groups[parts[1]])}
        raise _not_found()

    # -- CPU and memory ------------------------------------------------------------------------------------------------

    def _resource(self, rest: list[str], query: Object) -> Object:
        selector = parse(query.get("labelSelector", ""))
        uses = self._meter.pods.values()
        match rest:
            case ["nodes"]:
                nodes = sorted({use.pod["spec"].get("nodeName", "") for use in uses} - {""})
                return _list(facts.RESOURCE_GROUP, "NodeMetricsList", [_node(name, uses) for name in nodes])
            case ["nodes", name]:
                if not any(use.pod["spec"].get("nodeName") == name for use in uses):
                    raise RefusedError(404, "NotFound", f'nodes.{facts.RESOURCE_GROUP} "{name}" not found')
                return _node(name, uses)
            case ["pods"] | ["namespaces", _, "pods"]:
                namespace = rest[1] if len(rest) == 3 else None
                chosen = [
                    _pod(use)
                    for (place, _), use in sorted(self._meter.pods.items())
                    if namespace in {None, place} and selects(selector, use.pod["metadata"].get("labels") or {})
                ]
                return _list(facts.RESOURCE_GROUP, "PodMetricsList", chosen)
            case ["namespaces", namespace, "pods", name]:
                use = self._meter.pods.get((namespace, name))
                if use is None:
                    words = f'pods.{facts.RESOURCE_GROUP} "{namespace}/{name}" not found'
                    raise RefusedError(404, "NotFound", words)
                return _pod(use)
            case _:
                raise _not_found()

    # -- metrics of servers --------------------------------------------------------------------------------------------

    def _custom(self, version: str, namespace: str, name: str, metric: str, query: Object) -> Object:
        points = self._points(metric, query.get("metricLabelSelector", ""))
        chosen = [
            pod
            for pod in self._pods()
            if pod["metadata"]["namespace"] == namespace
            and name in {"*", pod["metadata"]["name"]}
            and selects(parse(query.get("labelSelector", "")), pod["metadata"].get("labels") or {})
        ]
        by_pod: dict[tuple[str, str], Point] = {}
        # Of several series always the same one, however they happen to be read.
        for point in sorted(points, key=lambda item: sorted(item.labels.items())):
            place = (point.labels["resource.labels.namespace"], point.labels["metric.labels.pod"])
            by_pod.setdefault(place, point)
        items: list[Object] = []
        for pod in sorted(chosen, key=lambda item: item["metadata"]["name"]):
            point = by_pod.get((namespace, pod["metadata"]["name"]))
            if point is not None:
                items.append(_custom_value(version, namespace, pod["metadata"]["name"], metric, point))
        if not items:
            raise RefusedError(404, "NotFound", facts.no_points(metric))
        return _list(facts.CUSTOM_GROUP, "MetricValueList", items, version)

    def _external(self, metric: str, query: Object) -> Object:
        points = self._points(metric, query.get("labelSelector", ""))
        items = [
            {
                "metricName": metric,
                "metricLabels": dict(point.labels),
                "timestamp": _time(point.at),
                "value": _quantity(point.value),
            }
            for point in points
        ]
        if not items:
            raise RefusedError(404, "NotFound", facts.no_external_points(metric))
        return _list(facts.EXTERNAL_GROUP, "ExternalMetricValueList", items)

    def _points(self, metric: str, selector: str) -> list[Point]:
        full = metric.replace("|", "/")
        native = full.startswith(f"{autoscaling.NATIVE_PREFIX}/")
        if not native and not self._prometheus:
            raise RefusedError(404, "NotFound", facts.not_registered(facts.CUSTOM_GROUP))
        if not self._series.known(full):
            raise RefusedError(404, "NotFound", facts.no_points(metric) if native else facts.no_descriptor(full))
        return self._series.points(full, parse(selector))


def _not_found() -> RefusedError:
    return RefusedError(404, "NotFound", "the server could not find the requested resource")


def _status(error: RefusedError) -> Object:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": str(error),
        "reason": error.reason,
        "code": error.status,
    }


def _group(name: str, versions: list[facts.Version]) -> Object:
    ordered = sorted(versions, key=lambda item: -item.priority)
    listed = [{"groupVersion": f"{name}/{item.version}", "version": item.version} for item in ordered]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _resources(group: str, version: str) -> Object:
    kinds = {"pods": ("PodMetrics", True), "nodes": ("NodeMetrics", False)} if group == facts.RESOURCE_GROUP else {}
    entries = [
        {"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"]}
        for name, (kind, namespaced) in kinds.items()
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{group}/{version}", "resources": entries}


def _list(group: str, kind: str, items: list[Object], version: str = "v1beta1") -> Object:
    return {"kind": kind, "apiVersion": f"{group}/{version}", "metadata": {}, "items": items}


def _pod(use: PodUse) -> Object:
    metadata = use.pod["metadata"]
    return {
        "kind": "PodMetrics",
        "apiVersion": f"{facts.RESOURCE_GROUP}/v1beta1",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": metadata.get("labels") or {},
            "creationTimestamp": _time(use.at),
        },
        "timestamp": _time(use.at),
        "window": f"{use.window:.3f}s",
        "containers": [{"name": name, "usage": _usage(item.cpu, item.memory)} for name, item in use.containers.items()],
    }


def _node(name: str, uses: Iterable[PodUse]) -> Object:
    there = [use for use in uses if use.pod["spec"].get("nodeName") == name]
    containers = [item for use in there for item in use.containers.values()]
    at = max(use.at for use in there)
    return {
        "kind": "NodeMetrics",
        "apiVersion": f"{facts.RESOURCE_GROUP}/v1beta1",
        "metadata": {"name": name, "creationTimestamp": _time(at)},
        "timestamp": _time(at),
        "window": f"{max(use.window for use in there):.3f}s",
        "usage": _usage(sum(item.cpu for item in containers), sum(item.memory for item in containers)),
    }


def _usage(cpu: float, memory: int) -> Object:
    return {"cpu": f"{round(cpu * 1e9)}n", "memory": f"{memory // 1024}Ki"}


def _custom_value(version: str, namespace: str, pod: str, metric: str, point: Point) -> Object:
    described = {"kind": "Pod", "namespace": namespace, "name": pod, "apiVersion": "/__internal"}
    named: Object = {"metric": {"name": metric, "selector": None}}
    if version == "v1beta1":
        named = {"metricName": metric, "selector": None}
    return {"describedObject": described, **named, "timestamp": _time(point.at), "value": _quantity(point.value)}


def _quantity(value: float) -> str:
    """Milli units, as the adapter hands them out; what is smaller is lost."""
    return f"{int(value * 1000)}m"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
