"""Monitoring: who is told about what, what is read, and with which rights."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from components.loading import SettingsError
from policies.access import SCOPED_RIGHTS
from policies.alerts import ALERT_SCOPE
from rules import alerting, kserve, monitoring, ownership, vllm
from sandbox.cloud.kind import Resource as CloudResource
from sandbox.cloud.monitoring import AlertPolicies, Dashboards
from tests.committed import committed
from tests.components.recording import POD_RANGE, Graph, Resource, build
from tests.policies.harness import Made, run

ALERT = "gcp:monitoring/alertPolicy:AlertPolicy"
CHANNEL = "gcp:monitoring/notificationChannel:NotificationChannel"
DASHBOARD = "gcp:monitoring/dashboard:Dashboard"
EXISTING = "projects/tpu-inference-dev/notificationChannels/123"


def with_monitoring(**wanted: Any) -> Graph:
    """The dev stack with these monitoring settings."""
    return build({**committed("dev"), "monitoring": wanted})


@pytest.fixture(scope="module")
def watched() -> Graph:
    """Monitoring with every option."""
    return with_monitoring(
        enabled=True,
        scrapeSeconds=15,
        emails=["one@example.com", "two@example.com"],
        notificationChannels=[EXISTING],
        thresholds={"kvCachePercent": 80, "latencySeconds": 12.5},
    )


def condition(graph: Graph, name: str) -> dict[str, Any]:
    """The one condition of an alert."""
    (found,) = graph.one(ALERT, f"monitoring-{name}").inputs["conditions"]
    return dict(found)


def in_cloud(resource: Resource) -> CloudResource:
    """The resource as the simulated cloud's API would get it."""
    known = [c for c in resource.inputs.get("notificationChannels", ()) if c.startswith("projects/")]
    properties = {**resource.inputs, "notificationChannels": known}
    return CloudResource(type="x", id="x", project="tpu-inference-dev", properties=properties)


class Nothing:
    """A cloud in which every notification channel exists."""

    def find(self, kind: str, resource_id: str) -> object:
        """Something."""
        return (kind, resource_id)


def test_everybody_is_told_about_everything(watched: Graph) -> None:
    """Existing channels first, then one made for each address."""
    made = watched.of_type(CHANNEL)
    assert {channel.inputs["labels"]["email_address"] for channel in made} == {"one@example.com", "two@example.com"}
    assert {channel.inputs["type"] for channel in made} == {"email"}
    policies = watched.of_type(ALERT)
    assert len(policies) == 12
    for policy in policies:
        first, *others = policy.inputs["notificationChannels"]
        assert first == EXISTING
        assert len(others) == 2, policy.name


def test_the_api_takes_every_policy(watched: Graph) -> None:
    """Log conditions stand alone and say how often they notify; queries are closed; durations are the API's."""
    view: Any = Nothing()
    for policy in watched.of_type(ALERT):
        AlertPolicies().validate(view, in_cloud(policy), None)
        found = condition(watched, policy.name.removeprefix("monitoring-"))
        logged = "conditionMatchedLog" in found
        assert ("notificationRateLimit" in policy.inputs["alertStrategy"]) == logged
        if not logged:
            assert found["conditionPrometheusQueryLanguage"]["disableMetricValidation"] is True, (
                "metrics come once something runs, and the policy is made before"
            )


def test_thresholds_are_the_settings(watched: Graph) -> None:
    """What is not set stays the default."""
    queries = {
        name: condition(watched, name)["conditionPrometheusQueryLanguage"]["query"]
        for name in ("kv-cache", "latency", "cpu")
    }
    assert queries["kv-cache"].endswith("> 80")
    assert queries["latency"].endswith("> 12500")
    assert queries["cpu"].endswith("> 90")
    assert 'cluster="inference-dev",namespace="inference"' in queries["kv-cache"]


def test_the_dashboard_is_whole_and_fits(watched: Graph) -> None:
    """The API refuses tiles that overlap or stand out; each query names this cluster or region."""
    resource = watched.one(DASHBOARD)
    view: Any = Nothing()
    Dashboards().validate(view, in_cloud(resource), None)
    content = json.loads(resource.inputs["dashboardJson"])
    tiles = content["mosaicLayout"]["tiles"]
    assert len({(tile.get("xPos", 0), tile.get("yPos", 0)) for tile in tiles}) == len(tiles) == 10
    for tile in tiles:
        for curve in tile["widget"]["xyChart"]["dataSets"]:
            query = curve["timeSeriesQuery"]["prometheusQuery"]
            assert '"inference-dev"' in query or '"us-east5"' in query, query


def test_the_dashboard_says_nothing_that_is_not_kept(watched: Graph) -> None:
    """The API stores no zero and the provider compares its answer with the program's text: a zero, an empty list or text in it
    is an update at every preview. Labels are entries of a map, which are kept whatever their values.
    """

    def empty(value: Any, path: str) -> list[str]:
        if isinstance(value, dict):
            return [
                found for key, item in cast("dict[str, Any]", value).items() for found in empty(item, f"{path}.{key}")
            ]
        if isinstance(value, list) and value:
            return [found for item in cast("list[Any]", value) for found in empty(item, path)]
        return [] if value else [path]

    content = json.loads(watched.one(DASHBOARD).inputs["dashboardJson"])
    assert content.pop("labels")
    assert empty(content, "") == []


def marks(graph: Graph) -> list[str]:
    """What the labels say whose each numbered resource is."""
    numbered = [r.inputs.get("userLabels") for kind in (ALERT, CHANNEL) for r in graph.of_type(kind)]
    boards = [json.loads(board.inputs["dashboardJson"])["labels"] for board in graph.of_type(DASHBOARD)]
    found = [ownership.mark_in(labels) for labels in (*numbered, *boards)]
    assert None not in found
    return [str(mark) for mark in found]


def test_each_is_known_by_its_labels(watched: Graph) -> None:
    """An alert policy whose creation was answered to nobody is found by them: no two resources of any stacks may share them."""
    mine = marks(watched)
    assert len(set(mine)) == len(mine) == 15
    prod = marks(build(committed("prod"), stack="prod"))
    assert prod
    assert set(mine).isdisjoint(prod)
    stacks = {r.inputs["userLabels"][ownership.STACK] for kind in (ALERT, CHANNEL) for r in watched.of_type(kind)}
    assert len(stacks) == 1, "one list has all of them"


def test_servers_and_endpoint_pickers_are_read(watched: Graph) -> None:
    """By the labels that KServe gives their pods, on the ports that they have."""
    specs = {r.inputs["metadata"]["name"]: r.inputs["spec"] for r in watched.manifests_of("PodMonitoring")}
    servers, picker = specs["qwen2-5-3b-servers"], specs["qwen2-5-3b-endpoint-picker"]
    assert servers["selector"]["matchLabels"]["kserve.io/component"] == "workload"
    assert servers["endpoints"] == [{"port": vllm.PORT, "path": "/metrics", "scheme": "http", "interval": "15s"}]
    assert picker["selector"]["matchLabels"]["app.kubernetes.io/component"].endswith("router-scheduler")
    (endpoint,) = picker["endpoints"]
    assert endpoint["port"] == monitoring.METRICS_PORT_NAME
    assert endpoint["authorization"] == {
        "type": "Bearer",
        "credentials": {"secret": {"name": "metrics-reader", "key": "token"}},
    }


def test_a_canary_is_read_as_well() -> None:
    """Nobody can compare two versions of which one reports nothing, and its own alerts stay silent."""
    settings = committed("prod")
    settings["models"][0]["canary"] = {"name": "next", "image": "vllm/vllm-tpu:v0.28.0"}
    settings["tpuPools"][0]["maxSlices"] = 6
    graph = build(settings, stack="prod")
    read = {each.object_key[2] for each in graph.manifests_of(monitoring.POD_MONITORING)}
    assert {"next-servers", "next-endpoint-picker"} < read


def test_the_reader_may_read_metrics_and_the_collector_one_secret(watched: Graph) -> None:
    """Guides give the collector every Secret of the cluster; it needs one, by name."""
    (role,) = watched.manifests_of("ClusterRole")
    assert role.inputs["rules"] == [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]
    (own,) = watched.manifests_of("Role")
    assert own.inputs["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["metrics-reader"], "verbs": ["get"]}
    ]
    (binding,) = watched.manifests_of("RoleBinding")
    assert binding.inputs["subjects"] == [
        {
            "kind": "ServiceAccount",
            "name": monitoring.COLLECTOR_ACCOUNT,
            "namespace": monitoring.COLLECTOR_NAMESPACE,
        }
    ]
    (token,) = watched.manifests_of("Secret")
    assert token.inputs["type"] == "kubernetes.io/service-account-token"
    assert token.inputs["metadata"]["annotations"] == {"kubernetes.io/service-account.name": "metrics-reader"}
    assert {"data", "stringData"}.isdisjoint(token.inputs), "the cluster fills it"
    kinds = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
    made = [Made(r.type, r.name, dict(r.inputs)) for kind in kinds for r in watched.manifests_of(kind)]
    assert len(made) == 4
    assert run(SCOPED_RIGHTS, *made).messages == []


def test_tls_of_the_servers_is_followed() -> None:
    """With KServe's switch on, servers answer HTTPS alone; the endpoint picker's metrics stay as they are."""
    settings = {**committed("dev"), "monitoring": {"enabled": True}, "kserve": {"backendTls": True}}
    graph = build(settings)
    schemes = {
        r.inputs["metadata"]["name"]: r.inputs["spec"]["endpoints"][0]["scheme"]
        for r in graph.manifests_of("PodMonitoring")
    }
    assert schemes == {"qwen2-5-3b-servers": "https", "qwen2-5-3b-endpoint-picker": "http"}


def test_internal_gateways() -> None:
    """Their load balancers report under other names."""
    settings = {**committed("dev"), "monitoring": {"enabled": True}}
    settings["gateway"] = {**settings["gateway"], "className": "gke-l7-rilb"}
    query = condition(build(settings), "errors")["conditionPrometheusQueryLanguage"]["query"]
    assert "https_internal_request_count" in query
    assert "external" not in query


def test_alerts_are_about_this_stack_alone(watched: Graph) -> None:
    """A second stack of the project has other names, another VPC or other ranges, and is told of its own alone."""
    made = [Made(r.type, r.name, dict(r.inputs)) for r in watched.resources]
    assert run(ALERT_SCOPE, *made).messages == []
    latency = condition(watched, "latency")["conditionPrometheusQueryLanguage"]["query"]
    assert (
        'network_name="inference-dev",url_map_name=~"gkegw1-[a-z0-9]+-inference-inference-gateway-[a-z0-9]+"' in latency
    )
    assert 'location="us-east5-b"' in condition(watched, "cpu")["conditionPrometheusQueryLanguage"]["query"]
    health = condition(watched, "health-status")["conditionMatchedLog"]["filter"]
    assert health.endswith(alerting.endpoints_in("10.4.0.0/14"))


def test_alerts_in_a_network_that_exists() -> None:
    """Its ranges are somebody else's and known by name alone; the cluster says which one its pods got."""
    shared = {"network": "shared", "subnet": "nodes", "podRange": "pods", "serviceRange": "services"}
    settings = {**committed("dev"), "monitoring": {"enabled": True}, "network": {"existing": shared}}
    graph = build(settings)
    assert 'network_name="shared"' in condition(graph, "errors")["conditionPrometheusQueryLanguage"]["query"]
    health = condition(graph, "health-status")["conditionMatchedLog"]["filter"]
    assert health.endswith(alerting.endpoints_in(POD_RANGE))
    assert graph.waits_for(graph.one(ALERT, "monitoring-health-status"), graph.one("gcp:container/cluster:Cluster"))


def test_monitoring_is_an_option() -> None:
    """Off, nothing of it is there; without a dashboard the rest is."""
    plain = with_monitoring(enabled=False)
    assert not [r for r in plain if r.type.startswith("gcp:monitoring/")]
    assert plain.of_type("platform:index:Monitoring") == []
    assert plain.manifests_of("PodMonitoring") == []
    assert "monitoring" not in {service.name for service in plain.of_type("gcp:projects/service:Service")}
    some = with_monitoring(enabled=True, dashboard=False)
    assert some.of_type(DASHBOARD) == []
    assert some.of_type(CHANNEL) == []
    assert len(some.of_type(ALERT)) == 12
    assert {tuple(policy.inputs["notificationChannels"]) for policy in some.of_type(ALERT)} == {()}


def test_nobody_is_called_without_alerts() -> None:
    """A trial is measured and shown, and wakes nobody; addresses that would never be used are refused."""
    quiet = with_monitoring(enabled=True, alerts=False)
    assert quiet.of_type(ALERT) == []
    assert quiet.of_type(DASHBOARD)
    assert quiet.manifests_of("PodMonitoring")
    with pytest.raises(
        SettingsError, match=r"monitoring\.emails: 'set': nothing is sent without alerts\. Write alerts: true"
    ):
        with_monitoring(enabled=True, alerts=False, emails=["a@example.com"])


def test_the_api_is_on_before_its_resources(watched: Graph) -> None:
    """A project in which the API was never used refuses the first policy."""
    api = watched.one("gcp:projects/service:Service", "monitoring")
    for resource in (*watched.of_type(ALERT), watched.one(DASHBOARD), *watched.of_type(CHANNEL)):
        assert watched.waits_for(resource, api), resource.name


def test_the_labels_are_those_of_kserve() -> None:
    """The names that policies and sandbox derive for generated objects, and these labels, are of one release."""
    assert kserve.GeneratedNames("m").endpoint_picker == "m-kserve-router-scheduler"
    assert monitoring.endpoint_picker_labels("m")["app.kubernetes.io/name"] == "m"
