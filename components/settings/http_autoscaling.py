"""How many pods a plain HTTP service has, and by what they are counted."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from components.settings.base import Section
from components.settings.checks import findings, refuse
from rules import autoscaling


class CustomMetric(Section):
    """A metric of the server's own by which it is scaled."""

    metric: Annotated[str, Field(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
    """Its name in the server's Prometheus metrics, such as inference_in_flight_requests."""
    average: Annotated[str, Field(pattern=r"^[1-9][0-9]*m?$")]
    """What it shall be per pod, as a Kubernetes quantity: 10, or 350m for 0.35."""
    type: Literal["gauge", "counter"] = "gauge"
    """Its Prometheus type; a counter is scaled by its rate."""
    source: Literal["managed-prometheus", "external", "pods"] = "managed-prometheus"
    """Where the autoscaler reads it: for each pod from managed Prometheus (managed-prometheus), as one value of the namespace
    that the pods share (external), both through the Custom Metrics Stackdriver Adapter, which is installed with the platform
    then; or straight from the pods (pods: GKE 1.35.1-gke.1396000 and newer, preview, gauges only)."""

    @model_validator(mode="after")
    def _type_is_read_from_there(self) -> Self:
        if self.source == "pods" and self.type != "gauge":
            reason = "GKE reads gauges alone straight from pods"
            refuse("source", self.source, reason, "managed-prometheus, or the name of a gauge")
        return self


class HttpAutoscaling(Section):
    """A HorizontalPodAutoscaler: the largest answer of its metrics counts."""

    min_replicas: PositiveInt = 2
    """Pods that are always there; two survive a node's end."""
    max_replicas: PositiveInt = 4
    """Pods at most; the nodes must have room for them."""
    cpu_percent: Annotated[int, Field(ge=10, le=95)] | None = 70
    """CPU that pods shall use on average, in percent of what they ask for; null for not at all."""
    metrics: tuple[CustomMetric, ...] = ()
    """Metrics of the server's own, such as latency, requests in flight or the share of errors."""
    scale_up_window_seconds: Annotated[NonNegativeInt, Field(le=3600)] = autoscaling.SCALE_UP_WINDOW_SECONDS
    """How long more pods must have been wanted before they are added."""
    scale_down_window_seconds: Annotated[NonNegativeInt, Field(le=3600)] = autoscaling.SCALE_DOWN_WINDOW_SECONDS
    """How long fewer pods must have been wanted before one is taken away."""

    @model_validator(mode="after")
    def _there_is_room_and_a_reason_to_scale(self) -> Self:
        names = {"spec.minReplicas": "minReplicas", "spec.maxReplicas": "maxReplicas"}
        findings(autoscaling.check_limits(self.min_replicas, self.max_replicas), names=names)
        if self.cpu_percent is None and not self.metrics:
            refuse(
                "cpuPercent", None, "without any metric nothing is ever scaled", "a percentage such as 70, or metrics"
            )
        seen: set[str] = set()
        for index, entry in enumerate(self.metrics):
            if entry.metric in seen:
                refuse(f"metrics[{index}].metric", entry.metric, "it is listed twice", "each metric once")
            seen.add(entry.metric)
        return self
