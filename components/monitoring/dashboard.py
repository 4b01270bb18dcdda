"""The dashboard: what the alerts watch, as curves, in the order in which a request passes it.

Owns titles and layout; the queries' names come from `rules.monitoring`. Written as Cloud Monitoring's mosaic layout.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rules import monitoring, vllm_metrics
from rules.alerting import Scope

COLUMNS = 48
"""Width of the mosaic in Cloud Monitoring's units."""
WIDTH, HEIGHT = 24, 16


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    """Query and legend of each curve."""


def dashboard(title: str, scope: Scope, labels: Mapping[str, str]) -> str:
    """The dashboard as JSON, always the same text for the same scope and labels."""
    shown = charts(scope)
    layout = {"columns": COLUMNS, "tiles": tiles(shown)}
    content = {"displayName": title, "labels": dict(labels), "mosaicLayout": layout}
    return json.dumps(content, sort_keys=True)


def tiles(shown: Sequence[Chart]) -> list[dict[str, Any]]:
    """Two charts a row."""
    return [
        {**_place(index), "width": WIDTH, "height": HEIGHT, "widget": widget(chart)}
        for index, chart in enumerate(shown)
    ]


def _place(index: int) -> dict[str, int]:
    """Where a tile begins. The API keeps no zero and the provider compares what it answers: written out, a zero would be a
    difference at every preview.
    """
    place = {"xPos": index % 2 * WIDTH, "yPos": index // 2 * HEIGHT}
    return {name: value for name, value in place.items() if value}


def widget(chart: Chart) -> dict[str, Any]:
    """A line chart."""
    curves = [
        {
            "plotType": "LINE",
            "legendTemplate": legend,
            "timeSeriesQuery": {"prometheusQuery": query, "unitOverride": chart.unit},
        }
        for query, legend in chart.queries
    ]
    return {"title": chart.title, "xyChart": {"dataSets": curves, "yAxis": {"scale": "LINEAR"}}}


def charts(scope: Scope) -> list[Chart]:
    """The charts for what is watched."""
    found = _traffic(scope)
    if scope.models:
        found += _models(scope)
    found += _containers(scope)
    if scope.tpus:
        busy = f"avg by (node_name) ({scope.nodes(monitoring.TPU_DUTY_CYCLE)})"
        found.append(Chart(title="TPU duty cycle", unit="%", queries=((busy, "${labels.node_name}"),)))
    return found


def _traffic(scope: Scope) -> list[Chart]:
    count = f"sum by (response_code) (rate({scope.requests('request_count')}[5m]))"
    buckets = f"rate({scope.requests('total_latencies_bucket')}[5m])"
    slow = f"histogram_quantile(0.95, sum by (backend_target_name, le) ({buckets}))"
    return [
        Chart(title="Requests by answer", unit="1/s", queries=((count, "${labels.response_code}"),)),
        Chart(title="95 % of requests answered within", unit="ms", queries=((slow, "${labels.backend_target_name}"),)),
    ]


def _models(scope: Scope) -> list[Chart]:
    model = "${labels.model_name}"
    first = f"sum by (model_name, le) (rate({scope.scraped(vllm_metrics.TIME_TO_FIRST_TOKEN_BUCKET)}[5m]))"
    tokens = f"sum by (model_name) (rate({scope.scraped(vllm_metrics.GENERATION_TOKENS)}[5m]))"
    hits, asked = (
        f"sum by (model_name) (rate({scope.scraped(metric)}[5m]))"
        for metric in (vllm_metrics.PREFIX_HITS, vllm_metrics.PREFIX_QUERIES)
    )

    def mean(metric: str) -> str:
        return f"avg by (model_name) ({scope.scraped(metric)})"

    return [
        Chart(
            title="95 % of first tokens within",
            unit="s",
            queries=((f"histogram_quantile(0.95, {first})", model),),
        ),
        Chart(title="Tokens generated", unit="1/s", queries=((tokens, model),)),
        Chart(
            title="Requests per server",
            unit="1",
            queries=(
                (mean(vllm_metrics.RUNNING), f"running {model}"),
                (mean(vllm_metrics.WAITING), f"waiting {model}"),
            ),
        ),
        Chart(
            title="KV cache and prefix cache",
            unit="%",
            queries=(
                (f"100 * {mean(vllm_metrics.KV_CACHE_USAGE)}", f"KV cache full {model}"),
                (f"100 * {hits} / {asked}", f"prefix cache hits {model}"),
            ),
        ),
        Chart(
            title="Servers an endpoint picker can choose from",
            unit="1",
            queries=((f"max by (name) ({scope.scraped(monitoring.READY_ENDPOINTS)})", "${labels.name}"),),
        ),
    ]


def _containers(scope: Scope) -> list[Chart]:
    pod = "${labels.pod_name}"
    cpu = scope.containers(monitoring.CPU_LIMIT_USE)
    memory = scope.containers(monitoring.MEMORY_LIMIT_USE, ',memory_type="non-evictable"')
    return [
        Chart(title="CPU of limit", unit="%", queries=((f"100 * max by (pod_name) ({cpu})", pod),)),
        Chart(title="Memory of limit", unit="%", queries=((f"100 * max by (pod_name) ({memory})", pod),)),
    ]
