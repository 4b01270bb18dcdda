"""A server that speaks plain HTTP, without KServe: its endpoints once, and everything else about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveInt, model_validator

from components.settings.base import DnsLabel, Section
from components.settings.checks import check_image, findings, refuse
from components.settings.egress import EgressRule, check_bounded
from components.settings.http_autoscaling import HttpAutoscaling
from components.settings.model_weights import StorageClass
from components.settings.namespace import Cpu, Memory
from rules import access, backend, health, probes, quantity, volumes, weights

HIGHEST_PORT = 65535


def check_path(value: str) -> str:
    """A path that a server answers: absolute, without query or fragment."""
    if not value.startswith("/") or any(letter in value for letter in "?#* ") or "//" in value:
        refuse("", value, "this is no path of a server", "an absolute path such as /ready")
    return value


EndpointPath = Annotated[str, AfterValidator(check_path)]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class HttpEndpoints(Section):
    """What the server answers, declared once: probes, health checks, scraping and routes are made from it."""

    readiness: EndpointPath
    """Answers 200 while the server can take requests; the load balancer asks for it too."""
    liveness: EndpointPath
    """Answers 200 while the process is alive; where it fails, the server is restarted."""
    startup: EndpointPath | None = None
    """Answers 200 once the server has started; left out, the readiness path."""
    metrics: EndpointPath | None = None
    """Prometheus metrics; left out, the server has none."""
    serving: Annotated[tuple[EndpointPath, ...], Field(min_length=1, max_length=16)]
    """Path prefixes that clients may reach through the Gateway; / opens every path, the other endpoints included."""

    @model_validator(mode="after")
    def _paths_can_be_told_apart(self) -> Self:
        findings(health.check_request_path(self.readiness, "readiness"))
        if len(set(self.serving)) < len(self.serving):
            refuse("serving", ", ".join(self.serving), "a path is listed twice", "each path once")
        return self


class ProbeTiming(Section):
    """The numbers of one probe; what is left out is the guideline's."""

    initial_delay_seconds: NonNegativeInt | None = None
    """Seconds after the container's start before the first probe: 10 at startup, 15 for readiness, 30 for liveness."""
    period_seconds: PositiveInt | None = None
    """Seconds between probes: 10 at startup, 5 for readiness, 10 for liveness."""
    timeout_seconds: PositiveInt | None = None
    """Seconds a probe may take: 5 at startup, 3 for readiness, 5 for liveness."""
    failure_threshold: PositiveInt | None = None
    """Failures in a row until it counts: 30 at startup, 3 for readiness, 3 for liveness."""

    def over(self, guideline: probes.Timing) -> probes.Timing:
        """The guideline with what is set here in its place."""
        given = (self.initial_delay_seconds, self.period_seconds, self.timeout_seconds, self.failure_threshold)
        own = (guideline.delay, guideline.period, guideline.timeout, guideline.failures)
        delay, period, timeout, failures = (b if a is None else a for a, b in zip(given, own, strict=True))
        return probes.Timing(delay=delay, period=period, timeout=timeout, failures=failures)


class ProbeTimings(Section):
    """When the kubelet asks, and how often it may fail."""

    startup: ProbeTiming = ProbeTiming()
    """Until the model is loaded; the other probes begin afterwards."""
    readiness: ProbeTiming = ProbeTiming()
    """Whether requests go to the pod."""
    liveness: ProbeTiming = ProbeTiming()
    """Whether the server is restarted."""


class Amount(Section):
    """CPU and memory."""

    cpu: Cpu
    """CPU, such as 500m or 2."""
    memory: Memory
    """Memory, such as 2Gi."""


class ServerResources(Section):
    """What a pod of the service is promised, and what it may use at most."""

    requests: Amount = Amount(cpu="500m", memory="2Gi")
    """What is kept free for the pod; CPU scaling is measured against it."""
    limits: Amount = Amount(cpu="2", memory="4Gi")
    """Where CPU is throttled and memory ends the process."""

    @model_validator(mode="after")
    def _limits_are_above_requests(self) -> Self:
        for name in ("cpu", "memory"):
            asked, most = getattr(self.requests, name), getattr(self.limits, name)
            if (quantity.number(asked) or 0) > (quantity.number(most) or 0):
                reason = f"it is more than limits.{name} {most}; the API server refuses the pods"
                refuse(f"requests.{name}", asked, reason, f"at most {most}")
        return self


class SecretValue(Section):
    """A value that is read from a Kubernetes Secret, which others put there."""

    secret: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
    """Name of the Secret."""
    key: Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$")]
    """Key in it."""


class ServerVolume(Section):
    """A disk of the service, for models."""

    size: Memory = "100Gi"
    """Its size; Filestore's basic instances begin at 1Ti."""
    mount_path: EndpointPath = "/models"
    """Where the server sees it."""
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany"] = "ReadWriteOnce"
    """ReadWriteOnce makes a disk, which serves one pod; ReadWriteMany a Filestore instance, which serves several."""
    storage_class: StorageClass | None = None
    """An existing storage class; left out, standard-rwo for a disk, and for several pods one that is made, which puts Filestore
    instances into the stack's network, as GKE's own classes do not."""

    @model_validator(mode="after")
    def _class_makes_such_volumes(self) -> Self:
        if self.storage_class is None:
            return self
        findings(volumes.check_class(self.access_mode, self.storage_class, "accessMode"))
        if self.shared:
            for finding in weights.check_shared_class(self.storage_class, "storageClass"):
                instead = "nothing, for Filestore in the stack's network, or the name of a class of your own"
                refuse("storageClass", self.storage_class, finding.reason, instead)
        return self

    @property
    def shared(self) -> bool:
        """Whether several pods have it at once."""
        return self.access_mode == "ReadWriteMany"


class MetricAlert(Section):
    """Somebody is told when a metric of the server's own is above or below a value; needs monitoring."""

    metric: Annotated[str, Field(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
    """Its Prometheus name, such as impetus_health_status."""
    above: float | None = None
    """The value above which it is too high."""
    below: float | None = None
    """The value below which it is too low."""
    minutes: Annotated[int, Field(ge=0, le=1440)] = 5
    """For how long it must be so."""

    @model_validator(mode="after")
    def _one_side_is_named(self) -> Self:
        if (self.above is None) == (self.below is None):
            refuse("above", self.above, "an alert has one side", "either above or below")
        return self


class HttpService(Section):
    """One server that speaks plain HTTP, reached under GATEWAY/NAMESPACE/NAME/…."""

    name: DnsLabel
    """Name of the Deployment and of every object around it; part of the URL."""
    image: Annotated[str, AfterValidator(check_image)]
    """Container image, by tag or digest; never :latest."""
    port: Annotated[int, Field(ge=1, le=HIGHEST_PORT)] = 8000
    """TCP port of the server."""
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    """What the server speaks; probes, health checks and the load balancer follow it."""
    endpoints: HttpEndpoints
    """What the server answers, declared once."""
    probes: ProbeTimings = ProbeTimings()
    """When the kubelet asks, and how often it may fail."""
    command: tuple[str, ...] = ()
    """Command instead of the image's own."""
    args: tuple[str, ...] = ()
    """Arguments instead of the image's own."""
    environment: Mapping[EnvironmentName, str] = {}
    """Environment variables; none of them a secret."""
    secret_environment: Mapping[EnvironmentName, SecretValue] = {}
    """Environment variables that are read from Secrets."""
    resources: ServerResources = ServerResources()
    """What a pod is promised and may use."""
    user_id: Annotated[int, Field(ge=1, le=4294967294)] = 1000
    """User and group that the server runs as; its volumes are made writable for them."""
    replicas: PositiveInt = 2
    """Pods, where they are not autoscaled."""
    autoscaling: HttpAutoscaling | None = None
    """By what and between which numbers pods are counted."""
    volume: ServerVolume | None = None
    """A disk for models."""
    longest_request_seconds: Annotated[int, Field(ge=1, le=86400)] = 300
    """How long the load balancer waits for an answer; GKE's own default is 30 s."""
    drain_seconds: Annotated[int, Field(ge=backend.DRAINING_SECONDS.start, le=backend.DRAINING_SECONDS.stop - 1)] = 60
    """How long requests may go on in a pod that is being stopped; it lives that much longer."""
    alerts: tuple[MetricAlert, ...] = ()
    """Alerts on metrics of the server's own."""
    egress: tuple[EgressRule, ...] = ()
    """Destinations its pods may open connections to, beside names, HTTPS and the namespace's own pods: a database, a broker."""
    load_balancer_readiness: bool = True
    """A new pod counts as ready only once the load balancer finds it healthy too, so that rollouts wait for that."""

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        for name, value in self.environment.items():
            if name in self.secret_environment:
                refuse(f"environment.{name}", "set", "secretEnvironment sets it as well", "it in one of the two")
            found = access.check_literal(name, value, f"environment.{name}")
            if found:
                reason = "its name says that it is a secret, and settings are read by everybody"
                refuse(
                    f"environment.{name}", "(hidden)", reason, "it under secretEnvironment: {secret: NAME, key: KEY}"
                )
        if self.autoscaling is not None and "replicas" in self.model_fields_set:
            reason = "the autoscaler counts the pods, and each update would set them back in the middle of load"
            refuse("replicas", self.replicas, reason, "autoscaling.minReplicas instead")
        scaled_by = self.autoscaling.metrics if self.autoscaling else ()
        if not self.endpoints.metrics and any(entry.source != "external" for entry in scaled_by):
            reason = "the autoscaler reads its metrics from the pods, and no path of them is declared"
            refuse("endpoints.metrics", None, reason, "the path of the server's Prometheus metrics")
        if self.alerts and not self.endpoints.metrics:
            reason = "its alerts are about metrics, and no path of them is declared"
            refuse(
                "endpoints.metrics", None, reason, "the path of the server's Prometheus metrics, or leave alerts out"
            )
        sides = [(alert.metric, alert.above is None) for alert in self.alerts]
        if len(set(sides)) < len(sides):
            refuse(
                "alerts", ", ".join(metric for metric, _ in sides), "an alert is there twice", "each metric once a side"
            )
        startup = self.probes.startup.over(probes.STARTUP)
        if startup.timeout > startup.period:
            reason = f"a probe that may take longer than the period of {startup.period} s overlaps the next one"
            refuse("probes.startup.timeoutSeconds", startup.timeout, reason, f"at most {startup.period}")
        return self

    @model_validator(mode="after")
    def _egress_is_bounded(self) -> Self:
        check_bounded(self.egress)
        return self

    @model_validator(mode="after")
    def _pods_can_have_the_volume(self) -> Self:
        mode = self.volume.access_mode if self.volume else "ReadWriteMany"
        what = "autoscaling.maxReplicas" if self.autoscaling else "replicas"
        for finding in volumes.check_single_writer(mode, self.most_replicas, "volume.accessMode", what):
            refuse(finding.path, mode, finding.reason, "ReadWriteMany, or one replica")
        return self

    @property
    def makes_shared_volume(self) -> bool:
        """Whether its volume is made as a Filestore instance."""
        return self.volume is not None and self.volume.shared

    @property
    def fewest_replicas(self) -> int:
        """Pods at the least."""
        return self.autoscaling.min_replicas if self.autoscaling else self.replicas

    @property
    def most_replicas(self) -> int:
        """Pods at the most."""
        return self.autoscaling.max_replicas if self.autoscaling else self.replicas
