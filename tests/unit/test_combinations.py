"""Settings that are right each for itself and cannot work together: the whole message about each."""

from __future__ import annotations

from typing import Any

import pytest

from components.loading import parse
from tests.unit.changing import changed, problem

SERVICE: dict[str, Any] = {
    "name": "api",
    "image": "registry.example.com/team/api:1.0.0",
    "endpoints": {"readiness": "/ready", "liveness": "/healthz", "metrics": "/metrics", "serving": ["/predict"]},
}
BY_PODS = {"metrics": [{"metric": "load", "average": "1", "source": "pods"}]}
NETWORK = {"network": "shared", "subnet": "nodes", "podRange": "pods", "serviceRange": "services"}

CASES: dict[str, tuple[list[tuple[str, Any]], str]] = {
    "monitoring without managed Prometheus": (
        [("cluster.managedPrometheus", False)],
        (
            "cluster.managedPrometheus: False: monitoring.enabled reads metrics that only managed Prometheus collects, whose "
            "kinds the cluster then lacks. Write true, or leave that out."
        ),
    ),
    "egress of a service where everything is open": (
        [("isolation", {"egress": "open"}), ("services", [{**SERVICE, "egress": [{"cidr": "10.60.0.5/32"}]}])],
        (
            "services[0].egress: '10.60.0.5/32': isolation.egress is open, and its pods may reach everything already. Write "
            "isolation.egress: restricted, or leave egress out."
        ),
    ),
    "egress of a service without network policies": (
        [
            ("isolation", {"networkPolicies": False}),
            ("services", [{**SERVICE, "egress": [{"namespace": "db", "ports": [5432]}]}]),
        ],
        (
            "services[0].egress: 'namespace db': isolation.networkPolicies is off, and its pods may reach everything already. "
            "Write isolation.egress: restricted, or leave egress out."
        ),
    ),
    "egress to a pod by its address": (
        [("services", [{**SERVICE, "egress": [{"cidr": "10.4.1.0/24", "ports": [5432]}]}])],
        (
            "services[0].egress[0].cidr: '10.4.1.0/24': it is in network.podCidr 10.4.0.0/14, and network policies know pods by "
            "namespace, not address. Write namespace: NAME."
        ),
    ),
    "scaling by managed Prometheus without it": (
        [
            ("cluster.managedPrometheus", False),
            ("monitoring", {}),
            ("services", [{**SERVICE, "autoscaling": {"metrics": [{"metric": "load", "average": "1"}]}}]),
        ],
        (
            "cluster.managedPrometheus: False: autoscaling through the Custom Metrics Stackdriver Adapter reads metrics that "
            "only managed Prometheus collects, whose kinds the cluster then lacks. Write true, or leave that out."
        ),
    ),
    "alerts that nobody sends": (
        [("monitoring", {}), ("services", [{**SERVICE, "alerts": [{"metric": "health", "below": 1}]}])],
        (
            "services[0].alerts: 'health': nobody is told while monitoring is off. Write monitoring.enabled: true, or leave "
            "alerts out."
        ),
    ),
    "metrics of pods on a cluster that reads none": (
        [("services", [{**SERVICE, "autoscaling": BY_PODS}])],
        (
            "services[0].autoscaling.metrics[0].source: 'pods': GKE reads metrics of pods from 1.35.1-gke.1396000 on, in the "
            "RAPID channel first; before, the autoscaler's metrics stay unknown and nothing is scaled. Write "
            "cluster.minimumVersion: 1.35.1-gke.1396000, releaseChannel: RAPID, or managed-prometheus."
        ),
    ),
    "metrics of pods that speak HTTPS": (
        [
            ("cluster.releaseChannel", "RAPID"),
            ("services", [{**SERVICE, "scheme": "HTTPS", "autoscaling": BY_PODS}]),
        ],
        (
            "services[0].autoscaling.metrics[0].source: 'pods': GKE reads metrics of pods by plain HTTP, and this server "
            "speaks HTTPS. Write managed-prometheus."
        ),
    ),
    "a zonal cluster where there are no machines": (
        [("region", "us-south1"), ("zone", "us-south1-ai1b"), ("systemPool.zone", "us-south1-a")],
        (
            "cluster.regional: False: us-south1-ai1b is an AI zone, without the machines that a cluster of that zone begins "
            "with. Write true; the TPU nodes stay in their zone."
        ),
    ),
    "more nodes than addresses for their pods": (
        [("network.podCidr", "10.4.0.0/24")],
        (
            "network.podCidr: '10.4.0.0/24': its nodes take 768 addresses for pods, and it has 256; GKE adds no further node. "
            "Write a /22 or wider."
        ),
    ),
    "fewer pods than servers": (
        [("isolation", {"quota": {"pods": 1}})],
        ("isolation.quota.pods: 1: servers and endpoint pickers are 2 pods. Write 2 or more, and room for updates."),
    ),
    "a service that would run as the reader of secrets": (
        [("services", [{**SERVICE, "name": "secret-sync"}])],
        (
            "services[0].name: 'secret-sync': the ServiceAccount that may read the stack's secrets has this name, and the "
            "service's pods would run as it. Write a name of its own."
        ),
    ),
    "a service with the redirect's name": (
        [("services", [{**SERVICE, "name": "inference-gateway-redirect"}])],
        (
            "services[0].name: 'inference-gateway-redirect': the Gateway's redirect has this name. Write a name of its own."
        ),
    ),
    "a model with the redirect's name": (
        [("models.0.name", "inference-gateway-redirect")],
        "models[0].name: 'inference-gateway-redirect': the Gateway's redirect has this name. Write a name of its own.",
    ),
    "credentials in the name of something else": (
        [("secrets", {"imagePull": [{"name": "iap-oauth-client", "secret": "quay"}]})],
        (
            "secrets.imagePull[0].name: 'iap-oauth-client': the platform has a Secret of this name for something else. Write a "
            "name of its own."
        ),
    ),
    "somebody else's proxy-only subnet without its range": (
        [("network", {"existing": {**NETWORK, "proxySubnet": "existing"}})],
        (
            "network.proxyCidr: not set: firewall and namespace let in the load balancer by the range of that proxy-only "
            "subnet. Write the range of the region's proxy-only subnet, such as 10.129.0.0/23."
        ),
    ),
    "restricted by policies that are off": (
        [("isolation", {"networkPolicies": False, "egress": "restricted"})],
        (
            "isolation.egress: 'restricted': only network policies can restrict it, and they are off. Write networkPolicies: "
            "true, or egress: open."
        ),
    ),
    "a volume of weights that nobody reads": (
        [("models.0.weights", {"volume": {"size": "2Ti"}})],
        "models[0].weights.volume: 'set': cache is none, which has none. Write cache: persistentVolume, or no volume.",
    ),
    "a volume of programs that nobody reads": (
        [("models.0.compileCache", {"volume": {"size": "2Ti"}})],
        "models[0].compileCache.volume: 'set': kind is pod, which has none. Write kind: persistentVolume, or no volume.",
    ),
    "a property of a priority class that exists": (
        [("models.0.priority", {"className": "urgent", "preempt": False})],
        (
            "models[0].priority.preempt: False: class urgent exists, and says so itself. Write nothing, or value instead of "
            "className."
        ),
    ),
    "two oldest versions of TLS": (
        [("gateway", {"tls": {"certificateManager": ["a"], "sslPolicy": "own", "minimumVersion": "TLS_1_0"}})],
        "gateway.tls.minimumVersion: 'TLS_1_0': sslPolicy own decides that. Write one of the two.",
    ),
    "the size of a claim that exists": (
        [("models.0.weights", {"cache": "persistentVolume", "volume": {"claim": "weights", "size": "2Ti"}})],
        (
            "models[0].weights.volume.size: '2Ti': the claim exists, and is what it is. Write nothing, or leave claim out so "
            "that one is made."
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_combinations_that_cannot_work_are_refused(case: str) -> None:
    """Each was accepted once, and failed in the cloud or did nothing at all."""
    changes, message = CASES[case]
    assert problem(*changes) == f"platform.{message}"


ACCEPTED: dict[str, list[tuple[str, Any]]] = {
    "no managed Prometheus, and nobody who reads it": [("cluster.managedPrometheus", False), ("monitoring", {})],
    "a pool's nodes with few pods": [("network.podCidr", "10.4.0.0/22"), ("tpuPools.0.maxPodsPerNode", 16)],
    "a quota that just fits": [("isolation", {"quota": {"pods": 2}})],
    "somebody else's proxy-only subnet": [
        ("network", {"existing": {**NETWORK, "proxySubnet": "existing"}, "proxyCidr": "10.200.0.0/23"})
    ],
    "no policies at all": [("isolation", {"networkPolicies": False, "egress": "open"})],
    "egress to a network that is wider than the cluster's": [
        ("services", [{**SERVICE, "egress": [{"cidr": "10.0.0.0/8", "ports": [5432]}]}])
    ],
    "egress to one port anywhere": [
        ("services", [{**SERVICE, "egress": [{"cidr": "0.0.0.0/0", "ports": [5432]}, {"cidr": "0.0.0.0/1"}]}])
    ],
    "metrics of pods on a cluster that reads them": [
        ("cluster.releaseChannel", "RAPID"),
        ("services", [{**SERVICE, "autoscaling": BY_PODS}]),
    ],
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_their_neighbours_are_accepted(case: str) -> None:
    """A check that refuses what works is worse than none."""
    parse(changed(*ACCEPTED[case]), stack="dev", project="gke-tpu-inference")
