"""What scales an HTTP service, and the metrics that are read for it."""

from __future__ import annotations

from rules import autoscaling
from tests.components.http_services.graphs import example, named, with_service
from tests.components.recording import Graph, build


def test_nothing_is_scraped_without_managed_prometheus() -> None:
    """The cluster then has no PodMonitoring, and the update would end at the first one."""
    settings = example()
    settings["cluster"]["managedPrometheus"] = False
    settings["monitoring"] = {}
    for service in settings["services"]:
        service.pop("alerts", None)
        service.pop("autoscaling", None)
    assert build(settings, stack="http-services").manifests_of("PodMonitoring") == []


def test_scaling_by_cpu_and_the_reports_metrics(graph: Graph) -> None:
    """From 2 up, by CPU, P95 latency below 350 ms, fewer than 10 requests in flight, less than 1 % errors."""
    spec = named(graph, "HorizontalPodAutoscaler", "inference").inputs["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "inference"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 6)
    cpu, *own = spec["metrics"]
    assert cpu["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    assert {m["pods"]["metric"]["name"]: m["pods"]["target"]["averageValue"] for m in own} == {
        "prometheus.googleapis.com|inference_latency_p95_seconds|gauge": "350m",
        "prometheus.googleapis.com|inference_in_flight_requests|gauge": "10",
        "prometheus.googleapis.com|inference_error_ratio|gauge": "10m",
    }
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == autoscaling.SCALE_DOWN_WINDOW_SECONDS
    assert "replicas" not in named(graph, "Deployment", "inference").inputs["spec"], "the autoscaler owns it"
    assert [r.object_key[2] for r in graph.manifests_of("HorizontalPodAutoscaler")] == ["inference"]


def test_metrics_straight_from_the_pods() -> None:
    """GKE's own way needs no adapter: an object names the gauge, the endpoint is the declared one."""
    metrics = [{"metric": "inference_in_flight_requests", "average": "10", "source": "pods"}]
    settings = example()
    settings["cluster"]["releaseChannel"] = "RAPID"
    settings["services"] = [{**settings["services"][0], "autoscaling": {"metrics": metrics, "cpuPercent": None}}]
    graph = build(settings, stack="http-services")
    (metric,) = named(graph, "HorizontalPodAutoscaler", "inference").inputs["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == "autoscaling.gke.io|inference|inference-in-flight-requests"
    (entry,) = named(graph, "AutoscalingMetric", "inference").inputs["spec"]["metrics"]
    (container,) = entry["pod"]["containers"]
    assert container["endpoint"] == {"port": 8000, "path": "/metrics"}
    gauge = {"name": "inference-in-flight-requests", "prometheusMetricName": "inference_in_flight_requests"}
    assert container["metrics"] == [{"gauge": gauge}]
    labels = named(graph, "Deployment", "inference").inputs["spec"]["selector"]
    assert entry["pod"]["selector"] == labels


def test_a_metric_that_the_pods_share() -> None:
    """One value of the namespace alone: queries of the adapter would else add up every namespace's."""
    metrics = [{"metric": "queue_depth", "average": "5", "source": "external"}]
    graph = with_service(autoscaling={"metrics": metrics})
    _, metric = named(graph, "HorizontalPodAutoscaler", "inference").inputs["spec"]["metrics"]
    assert metric == {
        "type": "External",
        "external": {
            "metric": {
                "name": "prometheus.googleapis.com|queue_depth|gauge",
                "selector": {"matchLabels": {"resource.labels.namespace": "inference"}},
            },
            "target": {"type": "AverageValue", "averageValue": "5"},
        },
    }


def test_a_service_without_metrics_is_not_scraped() -> None:
    """A PodMonitoring on a path that answers 404 fills the log and nothing else."""
    endpoints = {k: v for k, v in example()["services"][0]["endpoints"].items() if k != "metrics"}
    graph = with_service(endpoints=endpoints, autoscaling={"maxReplicas": 3})
    assert graph.manifests_of("PodMonitoring") == []
