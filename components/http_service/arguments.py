"""What an HttpInferenceService is made from.

Owns the arguments and what follows from one endpoint declaration: probes and the health check are made from it, so a probe on
a path that the server does not answer cannot be written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from components.endpoints import Server
from components.network_policies import Destination
from rules import autoscaling, volumes
from rules.probes import Timing

PORT_NAME = "http"
"""Name of the server's port in its pods and its Service."""


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """What the server answers.

    Attributes:
        port: TCP port.
        scheme: HTTP or HTTPS.
        startup: Path that answers 200 once the server has started.
        readiness: Path that answers 200 while it takes requests.
        liveness: Path that answers 200 while the process is alive.
        metrics: Path of its Prometheus metrics, if it has some.
        serving: Path prefixes that clients may reach.
    """

    port: int
    scheme: Literal["HTTP", "HTTPS"]
    startup: str
    readiness: str
    liveness: str
    metrics: str | None
    serving: tuple[str, ...]

    def probe(self, path: str, timing: Timing) -> dict[str, Any]:
        """A kubelet probe of one of the paths."""
        return {
            "httpGet": {"path": path, "port": self.port, "scheme": self.scheme},
            "initialDelaySeconds": timing.delay,
            "periodSeconds": timing.period,
            "timeoutSeconds": timing.timeout,
            "failureThreshold": timing.failures,
        }

    def health_check(self) -> dict[str, Any]:
        """`spec.default` of the HealthCheckPolicy: the load balancer asks for what the readiness probe asks for."""
        return Server(port=self.port, health_path=self.readiness, scheme=self.scheme).health_check()


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric of the server's own by which it is scaled.

    Attributes:
        name: Its Prometheus name.
        type: gauge or counter.
        average: What it shall be per pod, as a Kubernetes quantity.
        source: managed-prometheus or external, both through an adapter, or pods.
    """

    name: str
    type: str
    average: str
    source: str

    @property
    def label(self) -> str:
        """Its name as an AutoscalingMetric takes it: lower-case letters, digits and dashes."""
        return self.name.replace(":", "-").replace("_", "-").lower()

    @property
    def native(self) -> bool:
        """Whether GKE reads it straight from the pods."""
        return self.source == "pods"

    def target(self, service: str, namespace: str) -> dict[str, Any]:
        """An entry of a HorizontalPodAutoscaler's `metrics`."""
        average = {"type": "AverageValue", "averageValue": self.average}
        if self.native:
            name = autoscaling.NATIVE_METRIC.format(object=service, name=self.label)
        else:
            name = autoscaling.ADAPTER_METRIC.format(name=self.name, type=self.type)
        if self.source == "external":
            selector = {"matchLabels": {autoscaling.ADAPTER_NAMESPACE_LABEL: namespace}}
            return {"type": "External", "external": {"metric": {"name": name, "selector": selector}, "target": average}}
        return {"type": "Pods", "pods": {"metric": {"name": name}, "target": average}}


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """By what and between which numbers pods are counted.

    Attributes:
        low: Pods at the least.
        high: Pods at the most.
        cpu_percent: Average CPU use in percent of the request, if that counts.
        metrics: The server's own metrics that count.
        up_seconds: How long more pods must have been wanted.
        down_seconds: How long fewer pods must have been wanted.
    """

    low: int
    high: int
    cpu_percent: int | None
    metrics: tuple[Metric, ...]
    up_seconds: int
    down_seconds: int


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A disk for models.

    Attributes:
        size: As a Kubernetes quantity.
        mount_path: Where the server sees it.
        access_mode: ReadWriteOnce or ReadWriteMany.
        storage_class: An existing storage class; None for a disk's default, or one that is made where pods share it.
    """

    size: str
    mount_path: str
    access_mode: str
    storage_class: str | None

    @property
    def made_class(self) -> bool:
        """Whether a storage class has to be made: GKE's own put Filestore instances into another network."""
        return self.storage_class is None and self.access_mode not in volumes.SINGLE_NODE_MODES


@dataclass(frozen=True, kw_only=True)
class HttpInferenceServiceArgs:
    """Arguments of HttpInferenceService.

    Attributes:
        namespace: Namespace of the service; the Gateway's.
        gateway: Name of the Gateway.
        section: Name of its listener that serves: port 80 may be there for a redirect alone.
        hostnames: Host names that the route answers; empty for every one.
        protection: Part of the GCPBackendPolicy's `spec.default`: Cloud Armor, Identity-Aware Proxy.
        image: Container image.
        command: Command instead of the image's own; empty for that.
        args: Arguments instead of the image's own; empty for those.
        environment: Environment variables in plain text.
        secret_environment: Environment variables from Secrets: name to Secret and key.
        endpoints: What the server answers.
        startup: Numbers of the startup probe.
        readiness: Numbers of the readiness probe.
        liveness: Numbers of the liveness probe.
        requests: CPU and memory that are kept free.
        limits: CPU and memory at most.
        pull_secrets: Names of Secrets with which the image is pulled.
        user_id: User and group that the server runs as.
        replicas: Pods; those of `scaling` count where there is one.
        scaling: Autoscaling, if wanted.
        volume: A disk, if wanted.
        network: The nodes' VPC, where shared volumes are: its name, or its full one where it is another project's.
        longest_request_seconds: How long the load balancer waits for an answer.
        drain_seconds: How long requests go on in a pod that is being stopped.
        load_balancer_readiness: Whether pods wait for the load balancer's own health check.
        scrape_seconds: How often metrics are read; 0 for never.
        egress: What its pods may reach beside what every pod of the namespace may.
    """

    namespace: str
    gateway: str
    section: str
    hostnames: tuple[str, ...]
    protection: Mapping[str, Any]
    image: str
    command: tuple[str, ...]
    args: tuple[str, ...]
    environment: Mapping[str, str]
    secret_environment: Mapping[str, tuple[str, str]]
    endpoints: Endpoints
    startup: Timing
    readiness: Timing
    liveness: Timing
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    pull_secrets: tuple[str, ...]
    user_id: int
    replicas: int
    scaling: Scaling | None
    volume: Volume | None
    network: str
    longest_request_seconds: int
    drain_seconds: int
    load_balancer_readiness: bool
    scrape_seconds: int
    egress: tuple[Destination, ...] = ()

    @property
    def fewest_replicas(self) -> int:
        """Pods at the least."""
        return self.scaling.low if self.scaling else self.replicas

    @property
    def grace_seconds(self) -> int:
        """How long a pod lives after it was told to stop: until no request arrives, and then as long as those in it may last."""
        return autoscaling.PRE_STOP_SECONDS + self.drain_seconds
