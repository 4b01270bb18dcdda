"""KServe's switches: backend TLS, managed routes, its own ConfigMap, and images from a mirror."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from rules import gateway, kserve, kserve_config, product_images
from tests.committed import committed
from tests.components.recording import Graph, Resource, build

RELEASE = "kubernetes:helm.sh/v3:Release"


def changed(**groups: Any) -> Graph:
    """Prod with these groups of settings replaced."""
    return build({**committed("prod"), **groups}, stack="prod")


def configuration(graph: Graph) -> Resource:
    """KServe's ConfigMap."""
    (found,) = [each for each in graph.manifests_of("ConfigMap") if each.object_key[2] == "inferenceservice-config"]
    return found


def ingress(graph: Graph) -> Mapping[str, Any]:
    """The part of it with the TLS switch."""
    found: Mapping[str, Any] = json.loads(configuration(graph).inputs["data"]["ingress"])
    return found


@pytest.fixture(scope="module")
def encrypted() -> Graph:
    """Prod with TLS between load balancer, endpoint picker and servers."""
    return changed(kserve={"backendTls": True})


@pytest.fixture(scope="module")
def managed() -> Graph:
    """Prod with KServe's own routes."""
    return changed(kserve={"managedRoutes": True})


def test_kserve_configuration_has_one_owner(graph: Graph) -> None:
    """A chart that writes it too reverts the TLS switch at its next upgrade; without its other shared parts nothing works."""
    found = configuration(graph)
    assert found.object_key == ("ConfigMap", "kserve", "inferenceservice-config")
    release = graph.one(RELEASE, "kserve-llmisvc-resources")
    values = release.inputs["values"]["kserve"]
    assert values["createSharedResources"] is False
    assert values["certManager"]["enabled"] is values["storagecontainer"]["enabled"] is True
    assert "inferenceServiceConfig" not in values
    assert graph.waits_for(release, found)


def test_configuration_is_what_the_controller_reads(graph: Graph) -> None:
    """The controller stops on a missing ingressGateway or an unparsable quantity, and takes 1Gi for large models' weights."""
    data = {key: json.loads(value) for key, value in configuration(graph).inputs["data"].items()}
    assert data["ingress"]["ingressGateway"]
    namespace, name = graph.manifests_of("Gateway")[0].object_key[1:]
    assert data["ingress"]["kserveIngressGateway"] == f"{namespace}/{name}"
    storage = data["storageInitializer"]
    assert storage["image"] == f"kserve/storage-initializer:{kserve.KSERVE_VERSION}"
    assert storage["memoryLimit"] == kserve.STORAGE_INITIALIZER_MEMORY
    assert all(storage[key] for key in ("memoryRequest", "cpuRequest", "cpuLimit"))


def test_urls_of_services_have_the_gateways_scheme(dev: Graph, prod: Graph) -> None:
    """KServe picks a listener and writes status.url by this."""
    assert (ingress(dev)["urlScheme"], ingress(prod)["urlScheme"]) == ("http", "https")


def test_one_switch_for_backend_tls(encrypted: Graph, prod: Graph) -> None:
    """Every hop agrees: KServe's switch (Service and endpoint picker), certificate, probes, health checks."""
    for graph, scheme in ((encrypted, "HTTPS"), (prod, "HTTP")):
        assert ingress(graph)[kserve.TLS_SWITCH] is (scheme == "HTTPS")
        for service in graph.manifests_of("LLMInferenceService"):
            (container,) = service.inputs["spec"]["template"]["containers"]
            line = [*container["command"], *container["args"]]
            switched_on = scheme == "HTTPS"
            assert kserve_config.check_served_tls(line, switched_on=switched_on, path="args") == []
            assert all((argument in line) is switched_on for argument in kserve_config.TLS_ARGUMENTS)
            probes = [container[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")]
            assert {probe["scheme"] for probe in probes} == {scheme}
        checks = [policy.inputs["spec"]["default"]["config"] for policy in graph.manifests_of("HealthCheckPolicy")]
        assert {check["type"] for check in checks} == {scheme}
        assert all(set(check) == {"type", f"{scheme.lower()}HealthCheck"} for check in checks)


def test_managed_routes_come_without_timeouts(managed: Graph) -> None:
    """KServe's preset carries timeouts on all 12 rules (GWCER104); one of that name in the models' namespace is found first."""
    assert [route.object_key[2] for route in managed.manifests_of("HTTPRoute")] == ["inference-gateway-redirect"]
    (preset,) = managed.manifests_of("LLMInferenceServiceConfig")
    service = managed.manifests_of("LLMInferenceService")[0]
    assert preset.object_key[1:] == (service.object_key[1], kserve.ROUTE_PRESET)
    assert service.inputs["spec"]["router"]["route"] == {"http": {}}
    spec = preset.inputs["spec"]["router"]["route"]["http"]["spec"]
    assert gateway.check_route_rules(spec["rules"]) == []
    assert all(rule.keys() == {"matches", "filters", "backendRefs"} for rule in spec["rules"])
    (parent,) = spec["parentRefs"]
    assert (parent["name"], parent["sectionName"]) == ("inference-gateway", "https")
    paths = {rule["matches"][0]["path"]["value"].partition("}}/{{ .ObjectMeta.Name }}")[2] for rule in spec["rules"]}
    assert paths == {"/v1/completions", "/v1/chat/completions", "/v1/responses", "/v1/messages", ""}
    assert managed.waits_for(preset, managed.one(RELEASE, "kserve-llmisvc-resources")), "its webhook has to answer"
    assert managed.waits_for(service, preset), "a service that comes first is made from the chart's preset"
    assert managed.waits_for(preset, managed.one("kubernetes:core/v1:Namespace", "namespace"))


def test_managed_routes_still_have_health_checks(managed: Graph, prod: Graph) -> None:
    """The backends are the same whoever writes the route."""
    for kind in ("HealthCheckPolicy", "GCPBackendPolicy"):
        names = [{each.object_key for each in graph.manifests_of(kind)} for graph in (managed, prod)]
        assert names[0] == names[1]


def test_release_of_kserve() -> None:
    """All three charts are of the release that the settings name."""
    graph = changed(kserve={"version": "v0.20.1"})
    versions = {release.name: release.inputs["version"] for release in graph.of_type(RELEASE)}
    assert {name for name, version in versions.items() if version == "v0.20.1"} == {
        "kserve-llmisvc-crd",
        "kserve-llmisvc-resources",
        "kserve-runtime-configs",
    }
    assert json.loads(configuration(graph).inputs["data"]["storageInitializer"])["image"].endswith(":v0.20.1")


def test_endpoint_picker_is_pinned(graph: Graph) -> None:
    """KServe writes flags for one minor release of it, so the image is named here and not left to a preset."""
    for service in graph.manifests_of("LLMInferenceService"):
        (container,) = service.inputs["spec"]["router"]["scheduler"]["template"]["containers"]
        assert container["name"] == "main"
        assert container["image"] == product_images.ENDPOINT_PICKER


def images_in(value: Any) -> list[str]:
    """Every value under a key `image` or `repository`, wherever it is."""
    if isinstance(value, Mapping):
        own = [item for key, item in value.items() if key in {"image", "repository"} and isinstance(item, str)]
        return own + [each for item in value.values() for each in images_in(item)]
    if isinstance(value, list):
        return [each for item in value for each in images_in(item)]
    if isinstance(value, str) and value.startswith("{"):
        return images_in(json.loads(value))
    return []


def test_a_mirror_holds_every_image(prod: Graph) -> None:
    """A site without the internet pulls nothing from a publisher: controllers, endpoint picker, loader and servers."""
    graph = changed(images={"mirror": "us-east5-docker.pkg.dev/acme/mirror"})
    found = {image for resource in graph.objects for image in images_in(resource.inputs)}
    assert all(image.startswith("us-east5-docker.pkg.dev/acme/mirror/") for image in found), found
    named = {image.rpartition("/")[2].partition(":")[0] for image in found}
    assert named == {
        "cert-manager-acmesolver",
        "cert-manager-cainjector",
        "cert-manager-controller",
        "cert-manager-startupapicheck",
        "cert-manager-webhook",
        "llm-d-router-endpoint-picker",
        "llmisvc-controller",
        "lws",
        "storage-initializer",
        "vllm-tpu",
    }
    public = {image for resource in prod.objects for image in images_in(resource.inputs)}
    assert public == {
        "vllm/vllm-tpu:v0.27.0",
        f"kserve/storage-initializer:{kserve.KSERVE_VERSION}",
        product_images.ENDPOINT_PICKER,
    }


def test_one_registry_at_a_time() -> None:
    """Artifact Registry has one remote repository for each upstream registry."""
    graph = changed(images={"registries": {"ghcr.io": "eu.example.com/ghcr"}})
    service = graph.manifests_of("LLMInferenceService")[0].inputs["spec"]
    (picker,) = service["router"]["scheduler"]["template"]["containers"]
    assert picker["image"].startswith("eu.example.com/ghcr/llm-d/")
    assert service["template"]["containers"][0]["image"] == "vllm/vllm-tpu:v0.27.0"
