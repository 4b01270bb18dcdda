"""Settings of plain HTTP services and of monitoring: every wrong value, and the whole message about it."""

from __future__ import annotations

from typing import Any

import pytest

from components.loading import parse
from rules import probes
from tests.unit.changing import DELETE, changed, problem

SERVICE: dict[str, Any] = {
    "name": "api",
    "image": "registry.example.com/team/api:1.0.0",
    "endpoints": {"readiness": "/ready", "liveness": "/healthz", "serving": ["/predict"]},
}


def one(**changes: Any) -> tuple[str, Any]:
    """A stack with one more service, changed at dotted paths written with double underscores."""
    service: Any = {**SERVICE, "endpoints": dict(SERVICE["endpoints"])}
    for path, value in changes.items():
        *above, last = path.split("__")
        section = service
        for part in above:
            section = section.setdefault(part, {})
        section[last] = value
    return "services", [{key: value for key, value in service.items() if value is not DELETE}]


CASES: dict[str, tuple[tuple[str, Any], str]] = {
    "a path without its slash": (
        one(endpoints__liveness="healthz"),
        (
            "platform.services[0].endpoints.liveness: 'healthz': this is no path of a server. Write an absolute path such as "
            "/ready."
        ),
    ),
    "a readiness path that the load balancer cannot tell from none": (
        one(endpoints__readiness="/"),
        (
            "platform.services[0].endpoints.readiness: '/': the load balancer then asks for '/', which vLLM answers with 404: "
            "every backend turns UNHEALTHY while its pods are Ready, and requests end in 503 'no healthy upstream'. Write the "
            "server's health endpoint, /health for vLLM."
        ),
    ),
    "egress without a destination": (
        one(egress=[{"ports": [5432]}]),
        (
            "platform.services[0].egress[0].cidr: not set: a rule needs a destination. Write a range such as 10.60.0.5/32, or "
            "namespace."
        ),
    ),
    "egress to two destinations": (
        one(egress=[{"cidr": "10.60.0.5/32", "namespace": "db"}]),
        (
            "platform.services[0].egress[0].namespace: 'db': cidr is set as well: a rule has one destination. Write a rule for "
            "each."
        ),
    ),
    "egress to one port twice": (
        one(egress=[{"cidr": "10.60.0.5/32", "ports": [5432, 5432]}]),
        "platform.services[0].egress[0].ports: '5432, 5432': a port is listed twice. Write each port once.",
    ),
    "egress to everything": (
        one(egress=[{"cidr": "0.0.0.0/0"}]),
        (
            "platform.services[0].egress: '0.0.0.0/0': with every TCP port of every address nothing is closed. Write ports, or "
            "narrower ranges, or isolation.egress: open."
        ),
    ),
    "egress to everything in two halves": (
        one(egress=[{"cidr": "0.0.0.0/1"}, {"cidr": "128.0.0.0/1"}]),
        (
            "platform.services[0].egress: '0.0.0.0/1, 128.0.0.0/1': with every TCP port of every address nothing is closed. "
            "Write ports, or narrower ranges, or isolation.egress: open."
        ),
    ),
    "a serving path twice": (
        one(endpoints__serving=["/a", "/a"]),
        "platform.services[0].endpoints.serving: '/a, /a': a path is listed twice. Write each path once.",
    ),
    "an image that moves": (
        one(image="team/api:latest"),
        (
            "platform.services[0].image: 'team/api:latest': an image without a fixed tag changes under a running model. Write a "
            "tag or a digest, such as vllm/vllm-tpu:v0.27.0."
        ),
    ),
    "more asked for than allowed": (
        one(resources={"requests": {"cpu": "3", "memory": "1Gi"}, "limits": {"cpu": "2500m", "memory": "1Gi"}}),
        (
            "platform.services[0].resources.requests.cpu: '3': it is more than limits.cpu 2500m; the API server refuses the "
            "pods. Write at most 2500m."
        ),
    ),
    "a secret in plain text": (
        one(environment={"API_KEY": "hunter2"}),
        (
            "platform.services[0].environment.API_KEY: '(hidden)': its name says that it is a secret, and settings are read by "
            "everybody. Write it under secretEnvironment: {secret: NAME, key: KEY}."
        ),
    ),
    "a variable set twice": (
        one(environment={"A": "1"}, secretEnvironment={"A": {"secret": "s", "key": "k"}}),
        "platform.services[0].environment.A: 'set': secretEnvironment sets it as well. Write it in one of the two.",
    ),
    "replicas beside an autoscaler": (
        one(replicas=3, autoscaling={}),
        (
            "platform.services[0].replicas: 3: the autoscaler counts the pods, and each update would set them back in the "
            "middle of load. Write autoscaling.minReplicas instead."
        ),
    ),
    "an autoscaler without room": (
        one(autoscaling={"minReplicas": 4, "maxReplicas": 4}),
        (
            "platform.services[0].autoscaling.maxReplicas: 4: it equals minReplicas, so nothing is ever scaled. Write a larger "
            "number, or write replicas and leave the autoscaler out."
        ),
    ),
    "an autoscaler without metrics": (
        one(autoscaling={"cpuPercent": None}),
        (
            "platform.services[0].autoscaling.cpuPercent: not set: without any metric nothing is ever scaled. Write a "
            "percentage such as 70, or metrics."
        ),
    ),
    "a metric twice": (
        one(autoscaling={"metrics": [{"metric": "load", "average": "1"}, {"metric": "load", "average": "2"}]}),
        "platform.services[0].autoscaling.metrics[1].metric: 'load': it is listed twice. Write each metric once.",
    ),
    "a counter read from pods": (
        one(
            endpoints__metrics="/metrics",
            autoscaling={"metrics": [{"metric": "n", "average": "1", "type": "counter", "source": "pods"}]},
        ),
        (
            "platform.services[0].autoscaling.metrics[0].source: 'pods': GKE reads gauges alone straight from pods. Write "
            "managed-prometheus, or the name of a gauge."
        ),
    ),
    "a metric of pods that have none": (
        one(autoscaling={"metrics": [{"metric": "load", "average": "1", "source": "pods"}]}),
        (
            "platform.services[0].endpoints.metrics: not set: the autoscaler reads its metrics from the pods, and no path of "
            "them is declared. Write the path of the server's Prometheus metrics."
        ),
    ),
    "one disk for two pods": (
        one(volume={}),
        (
            "platform.services[0].volume.accessMode: 'ReadWriteOnce': replicas asks for 2 pods, and such a disk is attached to "
            "one node: the others stay in ContainerCreating with a Multi-Attach error. Write ReadWriteMany, or one replica."
        ),
    ),
    "one disk for as many pods as scaling makes": (
        one(volume={}, autoscaling={"minReplicas": 1, "maxReplicas": 3}),
        (
            "platform.services[0].volume.accessMode: 'ReadWriteOnce': autoscaling.maxReplicas asks for 3 pods, and such a disk "
            "is attached to one node: the others stay in ContainerCreating with a Multi-Attach error. Write ReadWriteMany, or "
            "one replica."
        ),
    ),
    "a disk that several nodes write to": (
        one(volume={"accessMode": "ReadWriteMany", "storageClass": "standard-rwo"}),
        (
            "platform.services[0].volume.accessMode: 'ReadWriteMany': standard-rwo makes disks, which several nodes cannot "
            "write to: the claim stays Pending with 'specified multi writer with mount access type', and with it every pod. "
            "Write a Filestore class, such as standard-rwx, or ReadWriteOnce and one replica."
        ),
    ),
    "instances in another network": (
        one(volume={"accessMode": "ReadWriteMany", "storageClass": "standard-rwx"}),
        (
            "platform.services[0].volume.storageClass: 'standard-rwx': this class of GKE's makes instances in the network called "
            "default, whose addresses nodes of another network do not reach, and the pods wait in ContainerCreating. Write "
            "nothing, for Filestore in the stack's network, or the name of a class of your own."
        ),
    ),
    "probes that overlap": (
        one(probes={"startup": {"timeoutSeconds": 30}}),
        (
            "platform.services[0].probes.startup.timeoutSeconds: 30: a probe that may take longer than the period of 10 s "
            "overlaps the next one. Write at most 10."
        ),
    ),
    "an alert without a side": (
        one(endpoints__metrics="/metrics", alerts=[{"metric": "health"}]),
        "platform.services[0].alerts[0].above: not set: an alert has one side. Write either above or below.",
    ),
    "an alert without metrics": (
        one(alerts=[{"metric": "health", "below": 1}]),
        (
            "platform.services[0].endpoints.metrics: not set: its alerts are about metrics, and no path of them is declared. "
            "Write the path of the server's Prometheus metrics, or leave alerts out."
        ),
    ),
    "an alert twice": (
        one(endpoints__metrics="/metrics", alerts=[{"metric": "h", "below": 1}, {"metric": "h", "below": 2}]),
        "platform.services[0].alerts: 'h, h': an alert is there twice. Write each metric once a side.",
    ),
    "the name of a model": (
        one(name="qwen2-5-3b"),
        (
            "platform.services[0].name: 'qwen2-5-3b': a model or another service has this name, and names are part of the URL. "
            "Write a name of its own."
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_service_that_cannot_work_is_refused(case: str) -> None:
    """Each message names the field, its value, why not, and what to write."""
    change, message = CASES[case]
    assert problem(change) == message


MONITORING: dict[str, tuple[dict[str, Any], str]] = {
    "nobody is told": (
        {"emails": ["a@example.com"]},
        (
            "platform.monitoring.emails: 'set': nothing is sent while monitoring is off. Write enabled: true, or leave emails "
            "out."
        ),
    ),
    "an address twice": (
        {"enabled": True, "emails": ["a@example.com", "A@example.com"]},
        "platform.monitoring.emails: 'a@example.com, A@example.com': an address is listed twice. Write each address once.",
    ),
}


@pytest.mark.parametrize("case", MONITORING)
def test_monitoring_that_tells_nobody_is_refused(case: str) -> None:
    """An alert that goes nowhere is taken for one that never comes."""
    settings, message = MONITORING[case]
    assert problem(("monitoring", settings)) == message


def test_a_channel_is_named_in_full() -> None:
    """A bare number would belong to whatever project the provider was pointed at."""
    message = problem(("monitoring", {"enabled": True, "notificationChannels": ["123"]}))
    assert message.startswith("platform.monitoring.notificationChannels[0]: '123': it has to be the full name of a")


def test_a_stack_serves_something() -> None:
    """Models may be left out where there are services, and the other way round; not both."""
    message = problem(("models", []), ("tpuPools", []))
    assert message == (
        "platform.models: not set: a stack without models and services serves nothing. Write a model, or a service under "
        "services."
    )
    settings = parse(changed(("models", []), ("tpuPools", []), one()), stack="dev", project="gke-tpu-inference")
    assert [service.name for service in settings.services] == ["api"]


def test_a_model_needs_a_pool_of_some_kind() -> None:
    """Pools may be left out; a model then says which one it misses."""
    assert problem(("tpuPools", [])) == (
        "platform.models[0].pool: 'v6e-2x2': there is no such pool in tpuPools. Write the name of a pool, and that pool "
        "under tpuPools."
    )


def test_probe_numbers_that_are_left_out_are_the_guidelines() -> None:
    """One changed number keeps the other three, per probe."""
    change = one(probes={"startup": {"failureThreshold": 12}})
    (service,) = parse(changed(change), stack="dev", project="gke-tpu-inference").services
    startup = service.probes.startup.over(probes.STARTUP)
    assert (startup.delay, startup.period, startup.timeout, startup.failures) == (10, 10, 5, 12)
    assert startup.budget == 130
    assert service.probes.readiness.over(probes.READINESS) == probes.Timing(delay=15, period=5, timeout=3, failures=3)
    assert service.probes.liveness.over(probes.LIVENESS) == probes.Timing(delay=30, period=10, timeout=5, failures=3)
