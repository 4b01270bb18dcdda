"""The adapter between managed Prometheus and autoscalers: there exactly when an autoscaler needs it."""

from __future__ import annotations

from typing import Any

import yaml

from rules import workload_metrics as facts
from sandbox.home import CHECKOUT
from tests.components.recording import KEY, Graph, build

EXAMPLE = CHECKOUT / "examples" / "http-services" / "Pulumi.http-services.yaml"


def with_sources(*sources: str) -> Graph:
    """The example whose service is scaled by its own metrics, read from there."""
    settings: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())["config"][KEY]
    scaling = settings["services"][0]["autoscaling"]
    scaling["metrics"] = [
        {**metric, "source": source} for metric, source in zip(scaling["metrics"], sources, strict=False)
    ]
    settings["cluster"]["releaseChannel"] = "RAPID"  # where GKE reads metrics from pods
    return build(settings, stack="http-services")


def test_who_reads_managed_prometheus_gets_the_adapter() -> None:
    """Without it GKE says FailedGetPodsMetric, scales up by CPU alone and never down."""
    for source in ("managed-prometheus", "external"):
        graph = with_sources("pods", source)
        (deployment,) = [
            r for r in graph.manifests_of("Deployment") if r.inputs["metadata"]["name"] == facts.ADAPTER_IMAGE
        ]
        registered = {r.inputs["metadata"]["name"]: r for r in graph.manifests_of("APIService")}
        assert set(registered) == {
            "v1beta1.custom.metrics.k8s.io",
            "v1beta2.custom.metrics.k8s.io",
            "v1beta1.external.metrics.k8s.io",
        }
        assert all(graph.waits_for(api, deployment) for api in registered.values()), (
            "an API without server blocks others"
        )


def test_it_may_read_monitoring_and_nobody_else_may() -> None:
    """The role goes to one Kubernetes account of this project's clusters, not to the nodes."""
    graph = with_sources("managed-prometheus")
    (grant,) = [
        r
        for r in graph.of_type("gcp:projects/iAMMember:IAMMember")
        if r.inputs["role"] == facts.ADAPTER_ROLE and r.name.startswith("metrics-adapter")
    ]
    cluster = graph.one("gcp:container/cluster:Cluster")
    assert cluster.urn in graph.by_urn(grant.parent).dependencies, (
        "before the project's first cluster its workload identity pool does not exist"
    )
    assert grant.inputs["member"].endswith(f"/subject/ns/{facts.ADAPTER_NAMESPACE}/sa/{facts.ADAPTER_IMAGE}")
    apis = {r.inputs["service"] for r in graph.of_type("gcp:projects/service:Service")}
    assert "monitoring.googleapis.com" in apis


def test_others_do_not_get_it() -> None:
    """Metrics straight from pods, and CPU, need nothing in the cluster."""
    for graph in (with_sources("pods", "pods", "pods"), with_sources()):
        assert graph.of_type("platform:index:MetricsAdapter") == []
        assert graph.manifests_of("APIService") == []
