"""Who gets which request: the endpoint picker, the load balancer's health check, and a second version beside the first."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from components.settings.base import DnsLabel, Section
from components.settings.checks import check_image, refuse
from components.settings.model_server import ServerFlags
from components.settings.model_weights import check_uri
from components.settings.namespace import Cpu, Memory
from rules import endpoint_picker, health, kserve


class EndpointPicker(Section):
    """How a server is chosen for each request: by what it has cached, and by how much it has to do."""

    prefix_cache_weight: Annotated[float, Field(ge=0, le=100)] = endpoint_picker.PREFIX_WEIGHT
    """Weight of what a server has cached of the prompt."""
    load_weight: Annotated[float, Field(ge=0, le=100)] = endpoint_picker.LOAD_WEIGHT
    """Weight of how few requests wait in it."""
    load_threshold: PositiveInt = endpoint_picker.LOAD_THRESHOLD
    """Waiting requests from which a server counts as full."""
    max_prefix_blocks: PositiveInt = endpoint_picker.MAX_PREFIX_BLOCKS
    """Blocks of a prompt's beginning that are compared; their size is the servers' block size."""
    lru_capacity_per_server: PositiveInt = endpoint_picker.LRU_CAPACITY_PER_SERVER
    """Blocks that the picker remembers for each server."""
    auto_tune: bool = False
    """Take block size and capacity from each server's metrics instead, where it reports them."""
    queue_depth_threshold: PositiveInt = endpoint_picker.QUEUE_DEPTH_THRESHOLD
    """Waiting requests from which a server counts as saturated; requests of negative priority are then refused."""
    kv_cache_utilization_threshold: Annotated[float, Field(gt=0, le=1)] = endpoint_picker.KV_CACHE_UTILIZATION_THRESHOLD
    """Share of its KV cache from which a server counts as saturated."""
    metrics_staleness_milliseconds: PositiveInt = endpoint_picker.METRICS_STALENESS_MILLISECONDS
    """Age from which a server's metrics are not believed and it counts as saturated."""
    replicas: Annotated[PositiveInt, Field(le=5)] = 1
    """Pickers; one leads and the others wait, because each has a memory of its own."""
    cpu: Cpu = endpoint_picker.REQUEST_CPU
    """CPU that a picker is promised."""
    memory: Memory = endpoint_picker.REQUEST_MEMORY
    """Memory that a picker is promised."""

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        if self.prefix_cache_weight == 0 and self.load_weight == 0:
            reason = "with both weights 0 all servers score the same"
            refuse("prefixCacheWeight", 0, reason, "a weight such as 2.0, or leave endpointPicker out")
        return self


class HealthCheckNumbers(Section):
    """How the load balancer checks servers; what it asks for follows from the server."""

    interval_seconds: Annotated[int, Field(ge=1, le=300)] = health.PROVEN_INTERVAL_SECONDS
    """Time between two checks."""
    timeout_seconds: Annotated[int, Field(ge=1, le=300)] = health.PROVEN_TIMEOUT_SECONDS
    """How long it waits for an answer; no longer than the interval."""
    healthy_threshold: Annotated[int, Field(ge=1, le=10)] = health.PROVEN_HEALTHY_THRESHOLD
    """Answers in a row after which a server gets requests."""
    unhealthy_threshold: Annotated[int, Field(ge=1, le=10)] = health.PROVEN_UNHEALTHY_THRESHOLD
    """Failures in a row after which it gets none."""

    @model_validator(mode="after")
    def _answer_comes_within_the_interval(self) -> Self:
        if self.timeout_seconds > self.interval_seconds:
            reason = f"it is longer than intervalSeconds {self.interval_seconds}, and the API server refuses the policy"
            refuse("timeoutSeconds", self.timeout_seconds, reason, f"at most {self.interval_seconds}")
        return self


class Canary(Section):
    """A second version of a model, which gets a share of its completions and answers under a path of its own as well."""

    name: Annotated[DnsLabel, Field(max_length=kserve.MAX_NAME_LENGTH)]
    """Name of its LLMInferenceService, different from the model's."""
    weight: Annotated[int, Field(ge=0, le=100)] = 0
    """Percent of the model's completions that it gets; 0 starts it without any. Raise it once its own path answers: servers
    load for minutes, and a share that comes meanwhile is answered 503."""
    uri: Annotated[str, AfterValidator(check_uri)] | None = None
    """Other weights; left out, the model's."""
    image: Annotated[str, AfterValidator(check_image)] | None = None
    """Another image; left out, the model's."""
    replicas: PositiveInt = 1
    """How many servers, one slice each."""
    server: ServerFlags | None = None
    """Other flags; left out, the model's."""
    extra_args: tuple[str, ...] | None = None
    """Other further arguments; left out, the model's."""

    @model_validator(mode="after")
    def _it_differs(self) -> Self:
        if self.uri is None and self.image is None and self.server is None and self.extra_args is None:
            reason = "it is the same as the model, so nothing can be learned from it"
            refuse("uri", None, reason, "at least one of uri, image, server and extraArgs")
        return self
