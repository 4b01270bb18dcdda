"""What has to be there before what: each pair is a failure that somebody had when the order was left to chance."""

from __future__ import annotations

import itertools

import pytest

from rules import kserve
from tests.committed import committed
from tests.components.recording import Graph, Resource, asked_for_when_failing, build

RELEASE = "kubernetes:helm.sh/v3:Release"


def test_kserve_is_installed_in_order(graph: Graph) -> None:
    """cert-manager → CRDs → controller → presets: presets pass a webhook whose certificate cert-manager issues."""
    order = ["cert-manager", "kserve-llmisvc-crd", "kserve-llmisvc-resources", "kserve-runtime-configs"]
    for earlier, later in itertools.pairwise(order):
        assert graph.one(RELEASE, earlier).urn in graph.one(RELEASE, later).dependencies


def test_kserve_starts_after_leader_worker_set(graph: Graph) -> None:
    """KServe looks for the API of LeaderWorkerSet once, when it starts."""
    assert graph.waits_for(graph.one(RELEASE, "kserve-llmisvc-resources"), graph.one(RELEASE, "lws"))


def test_kserve_starts_after_the_gateways_api(graph: Graph) -> None:
    """KServe looks for routes, Gateways and pools once, when it starts, and watches none of the kinds that GKE installs later."""
    assert graph.manifests_of("Gateway")[0].urn in graph.one(RELEASE, "kserve-llmisvc-resources").dependencies


def test_a_gateway_with_a_certificate_of_the_cluster() -> None:
    """cert-manager → certificate → Gateway → KServe: whoever waited for all controllers at once would wait for ever."""
    settings = committed("prod")
    settings["gateway"] |= {"tls": {"privateAuthority": True}, "hostnames": ["models.example.com"]}
    graph = build(settings, stack="prod")
    (entry,) = graph.manifests_of("Gateway")
    certificate = graph.one("kubernetes:cert-manager.io/v1:Certificate", "gateway-certificate")
    order = [
        graph.one(RELEASE, "cert-manager"),
        certificate,
        entry,
        graph.one(RELEASE, "kserve-llmisvc-resources"),
        graph.manifests_of("LLMInferenceService")[0],
    ]
    for earlier, later in itertools.pairwise(order):
        assert graph.waits_for(later, earlier), later.urn
        assert not graph.waits_for(earlier, later), later.urn


def test_releases_wait_for_their_namespace(graph: Graph) -> None:
    """A namespace that Helm creates is left behind by it; these are the program's, and come first."""
    namespaces = {resource.object_key[2]: resource for resource in graph.manifests_of("Namespace")}
    for release in graph.of_type(RELEASE):
        assert not release.inputs.get("createNamespace"), release.urn
        assert graph.waits_for(release, namespaces[release.inputs["namespace"]])


def test_objects_wait_for_their_namespace(graph: Graph) -> None:
    """Nothing is created in a namespace before it exists."""
    namespaces = {resource.object_key[2]: resource for resource in graph.manifests_of("Namespace")}
    for resource in graph.manifests:
        if namespace := resource.object_key[1]:
            assert graph.waits_for(resource, namespaces[namespace]), resource.urn


def test_objects_wait_for_system_nodes(graph: Graph) -> None:
    """Without nodes the first chart waits for its pods until it times out."""
    nodes = graph.one("gcp:container/nodePool:NodePool", "cluster-system")
    for resource in graph.objects:
        assert graph.waits_for(resource, nodes), resource.urn


def test_the_gateway_waits_for_proxies(graph: Graph) -> None:
    """Without a proxy-only subnet in its region a Gateway never gets an address, and does not say why for minutes."""
    entry = graph.manifests_of("Gateway")[0]
    assert graph.waits_for(entry, graph.one("gcp:compute/subnetwork:Subnetwork", "network-proxies"))
    assert graph.waits_for(entry, graph.one("gcp:compute/address:Address"))


def test_models_wait_for_what_serves_them(graph: Graph) -> None:
    """A model is declared when KServe's presets are there, its nodes exist, and the Gateway can take its route."""
    for service in graph.manifests_of("LLMInferenceService"):
        assert graph.waits_for(service, graph.one(RELEASE, "kserve-runtime-configs"))
        assert graph.waits_for(service, graph.one("gcp:container/nodePool:NodePool", "tpu-v6e-2x2"))
        assert graph.waits_for(service, graph.manifests_of("Gateway")[0])


@pytest.mark.parametrize("kind", ["HTTPRoute", "HealthCheckPolicy", "GCPBackendPolicy"])
def test_what_names_the_pool_waits_for_the_model(graph: Graph, kind: str) -> None:
    """KServe makes the InferencePool, of a service that exists; a route to one that never comes holds up the whole Gateway."""
    service = graph.manifests_of("LLMInferenceService")[0]
    for resource in graph.manifests_of(kind):
        if resource.name != "gateway-redirect":  # it names no backend
            assert service.urn in resource.dependencies, resource.urn


def test_google_resources_wait_for_their_apis(graph: Graph) -> None:
    """In a new project the first call to an API that is switched off fails with 403 SERVICE_DISABLED."""
    services = graph.of_type("gcp:projects/service:Service")
    for resource in graph.google:
        if resource not in services:
            for service in services:
                assert graph.waits_for(resource, service), f"{resource.urn} does not wait for {service.name}"


def test_the_cluster_waits_for_its_way_out(graph: Graph) -> None:
    """Private nodes reach registries through the NAT alone, and report as their account only once it has its role."""
    cluster = graph.one("gcp:container/cluster:Cluster")
    assert graph.waits_for(cluster, graph.one("gcp:compute/routerNat:RouterNat"))
    assert graph.waits_for(cluster, graph.one("gcp:projects/iAMMember:IAMMember"))


def test_webhooks_are_open_as_long_as_the_cluster_lives(graph: Graph) -> None:
    """Destroyed before the last object, the rule would leave every later deletion waiting for a webhook's answer."""
    cluster = graph.one("gcp:container/cluster:Cluster")
    assert graph.waits_for(cluster, graph.one("gcp:compute/firewall:Firewall", "network-webhooks"))


def test_presets_can_be_deleted(graph: Graph) -> None:
    """KServe's webhook refuses to delete its presets unless it is told not to: `pulumi destroy` never ended."""
    values = graph.one(RELEASE, "kserve-llmisvc-resources").inputs["values"]
    environment = {entry["name"]: entry["value"] for entry in values["kserve"]["llmisvc"]["controller"]["env"]}
    assert environment[kserve.PRESET_PROTECTION] == "false"
    assert not [resource.urn for resource in graph if resource.deleted_with], "each resource is deleted by itself"


def _name(resource: Resource) -> str:
    return f"{resource.type}::{resource.name}"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("gcp:projects/service:Service", "container"),
        ("gcp:compute/subnetwork:Subnetwork", "network-proxies"),
        ("gcp:container/nodePool:NodePool", "cluster-system"),
        ("gcp:container/nodePool:NodePool", "tpu-v6e-2x2"),
        (RELEASE, "cert-manager"),
        ("kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService", "qwen2-5-3b"),
    ],
)
def test_a_failure_holds_up_what_waits_and_nothing_else(dev: Graph, kind: str, name: str) -> None:
    """The order in the graph is the order in fact: `depends_on` of a component reaches its children through it."""
    failed = dev.one(kind, name)
    asked = asked_for_when_failing(committed("dev"), kind, name)
    waiting = {_name(resource) for resource in dev if dev.waits_for(resource, failed)}
    assert waiting, f"nothing waits for {name}"
    assert {_name(resource) for resource in dev if resource.urn not in asked} == waiting
