"""How many servers a model has, who gives way to whom, and how a server is stopped."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from components.settings.base import DnsLabel, Section
from components.settings.checks import findings, refuse
from rules import autoscaling


class ModelAutoscaling(Section):
    """A HorizontalPodAutoscaler over the servers; the larger answer of its two metrics counts."""

    min_replicas: PositiveInt = 1
    """Servers that are always there. A pool of its own may have fewer nodes: it grows with them."""
    max_replicas: PositiveInt
    """Servers at most; the pool must have slices for them."""
    queue_length: Annotated[PositiveInt, Field(le=1000)] | None = 5
    """Requests that wait in a server on average before one more is started; null for not by queue."""
    kv_cache_percent: Annotated[int, Field(ge=10, le=99)] | None = 80
    """Share of the KV cache that is in use on average before one more server is started; null for not by cache."""
    source: Literal["pods", "managed-prometheus"] = "pods"
    """Where the autoscaler reads the metrics: straight from the pods (GKE 1.35.1-gke.1396000 and newer, preview, nothing to
    install), or from managed Prometheus through the Custom Metrics Stackdriver Adapter, which is installed with the platform
    then."""
    scale_up_window_seconds: Annotated[NonNegativeInt, Field(le=3600)] = autoscaling.SCALE_UP_WINDOW_SECONDS
    """How long more servers must have been wanted before they are started."""
    scale_down_window_seconds: Annotated[NonNegativeInt, Field(le=3600)] = 2 * autoscaling.SCALE_DOWN_WINDOW_SECONDS
    """How long fewer servers must have been wanted before one is stopped; a start costs minutes of a slice."""

    @model_validator(mode="after")
    def _there_is_room_and_a_reason_to_scale(self) -> Self:
        found = autoscaling.check_limits(self.min_replicas, self.max_replicas)
        findings(found, names={"spec.minReplicas": "minReplicas", "spec.maxReplicas": "maxReplicas"})
        if self.queue_length is None and self.kv_cache_percent is None:
            reason = "without a metric there is nothing to scale by"
            refuse("queueLength", None, reason, "a number of waiting requests such as 5, or kvCachePercent")
        return self


class ModelShutdown(Section):
    """What happens to requests of a server that is stopped."""

    drain_seconds: Annotated[int, Field(ge=5, le=600)] = autoscaling.PRE_STOP_SECONDS
    """How long it goes on serving, until the load balancer sends it nothing more."""
    finish_seconds: Annotated[int, Field(ge=1, le=3600)] | None = None
    """How long it may then finish what it has; left out, as long as the longest request, an hour in all at most."""


class Priority(Section):
    """Which pods go first when nodes are short: the higher evict the lower."""

    class_name: DnsLabel | None = None
    """An existing PriorityClass."""
    value: Annotated[int, Field(ge=-1000000, le=1000000000)] | None = None
    """Make a PriorityClass of this value for the model; pods without one have 0."""
    preempt: bool = True
    """Whether the one that is made may evict pods of lower priority, or only goes before them in the queue."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.class_name is None) == (self.value is None):
            reason = "a priority is an existing class or the value of a new one"
            refuse("className", self.class_name, reason, "className or value, one of the two")
        if self.class_name is not None and "preempt" in self.model_fields_set:
            reason = f"class {self.class_name} exists, and says so itself"
            refuse("preempt", self.preempt, reason, "nothing, or value instead of className")
        return self
