"""Settings that the committed stacks do not use, and what they change in the graph."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rules import kserve
from tests.committed import one_slice
from tests.components.recording import INTERNAL_ADDRESS, Graph, build

RELEASE = "kubernetes:helm.sh/v3:Release"
NODE_POOL = "gcp:container/nodePool:NodePool"


@pytest.fixture(scope="module")
def plain() -> Graph:
    """An internal Gateway and charts from a mirror."""
    settings = one_slice()
    settings["gateway"] |= {"className": "gke-l7-rilb", "name": "entry"}
    settings["charts"] = {"mirror": "oci://mirror.example.com/charts/"}
    settings["namespace"] = "serving"
    return build(settings)


@pytest.fixture(scope="module")
def crowded() -> Graph:
    """Two models on one pool, one on a spot pool of the same shape, and a multi-host pool without a model."""
    settings = one_slice()
    (pool,), (model,) = settings["tpuPools"], settings["models"]
    settings["systemPool"]["machineType"] = "e2-standard-8"
    settings["tpuPools"] = [
        {**pool, "slices": 3},
        {**pool, "name": "cheap", "capacity": {"type": "spot"}},
        {**pool, "name": "big", "topology": "4x4"},
    ]
    settings["models"] = [
        {**model, "replicas": 2},
        {**model, "name": "second", "servedName": "second", "extraArgs": ["--seed=7"], "allowRoot": False},
        {**model, "name": "third", "pool": "cheap", "startupMinutes": 30, "longestRequestSeconds": 1200},
    ]
    return build(settings)


def test_mirror_replaces_every_registry(plain: Graph, dev: Graph) -> None:
    """With a mirror nothing is fetched from a publisher's registry; versions stay the pinned ones."""
    publishers = {
        "cert-manager": "oci://quay.io/jetstack/charts/cert-manager",
        "lws": "oci://registry.k8s.io/lws/charts/lws",
        "kserve-llmisvc-crd": "oci://ghcr.io/kserve/charts/kserve-llmisvc-crd",
        "kserve-llmisvc-resources": "oci://ghcr.io/kserve/charts/kserve-llmisvc-resources",
        "kserve-runtime-configs": "oci://ghcr.io/kserve/charts/kserve-runtime-configs",
    }
    for name, source in publishers.items():
        public, mirrored = dev.one(RELEASE, name).inputs, plain.one(RELEASE, name).inputs
        assert public["chart"] == source
        assert mirrored["chart"] == f"oci://mirror.example.com/charts/{name}"
        assert public["version"] == mirrored["version"]
        assert "repositoryOpts" not in public, "an oci:// chart has none"
    assert {release.name for release in dev.of_type(RELEASE)} == publishers.keys()


def test_releases_are_pinned_and_awaited(dev: Graph) -> None:
    """A release that is not awaited lets KServe's presets reach a webhook that does not answer yet."""
    for release in dev.of_type(RELEASE):
        assert release.inputs["version"].lstrip("v")[0].isdigit()
        assert release.inputs["timeout"] == 600
        assert not {"skipAwait", "disableWebhooks", "skipCrds"} & release.inputs.keys()


def test_inference_pool_crd_is_left_to_gke(dev: Graph) -> None:
    """GKE installs and reconciles it from 1.34.0-gke.1626000; a chart that also does fights with it for ever."""
    values = dev.one(RELEASE, "kserve-llmisvc-resources").inputs["values"]
    assert values["kserve"]["llmisvc"]["createGIECRDs"] is False


def test_kserve_knows_the_gateway(plain: Graph) -> None:
    """KServe derives a model's URL from the Gateway it is told, which is ours under its own name."""
    (configuration,) = plain.manifests_of("ConfigMap")
    told = json.loads(configuration.inputs["data"]["ingress"])["kserveIngressGateway"]
    _, namespace, name = plain.manifests_of("Gateway")[0].object_key
    assert told == f"{namespace}/{name}" == "serving/entry"


def test_internal_gateway_has_an_internal_address(plain: Graph) -> None:
    """An internal Gateway with an external address is never programmed; the address is from the nodes' subnet."""
    address = plain.one("gcp:compute/address:Address").inputs
    subnet = plain.one("gcp:compute/subnetwork:Subnetwork", "network-nodes").inputs["name"]
    assert address["addressType"] == "INTERNAL"
    assert address["purpose"] == "SHARED_LOADBALANCER_VIP"
    assert address["subnetwork"] == f"projects/tpu-inference-dev/regions/us-east5/subnetworks/{subnet}"
    assert plain.manifests_of("Gateway")[0].inputs["spec"]["gatewayClassName"] == "gke-l7-rilb"
    assert plain.outputs["models"] == {"qwen2-5-3b": f"http://{INTERNAL_ADDRESS}/serving/qwen2-5-3b"}


def test_external_gateway_names_no_subnet(dev: Graph) -> None:
    """Compute Engine refuses a subnetwork or purpose on an external address."""
    assert not {"subnetwork", "purpose"} & dev.one("gcp:compute/address:Address").inputs.keys()


def test_placement_policy_on_multi_host_only(crowded: Graph) -> None:
    """GKE requires one on a multi-host pool and refuses it on a single-host one."""
    placements = {pool.name: pool.inputs.get("placementPolicy") for pool in crowded.of_type(NODE_POOL)}
    assert placements == {
        "cluster-system": None,
        "tpu-v6e-2x2": None,
        "tpu-cheap": None,
        "tpu-big": {"type": "COMPACT", "tpuTopology": "4x4"},
    }


def test_pools_have_as_many_nodes_as_their_slices(crowded: Graph) -> None:
    """4x4 = 16 chips are four VMs of four chips; single-host slices are one VM each."""
    nodes = {pool.name: pool.inputs["nodeCount"] for pool in crowded.of_type(NODE_POOL)}
    assert nodes == {"cluster-system": 1, "tpu-v6e-2x2": 3, "tpu-cheap": 1, "tpu-big": 4}


def test_spot_is_per_pool(crowded: Graph) -> None:
    """Spot TPUs are taken away at 30 seconds' notice: only the pool that asks for them gets them."""
    spot = {pool.name: pool.inputs["nodeConfig"].get("spot", False) for pool in crowded.of_type(NODE_POOL)}
    assert spot == {"cluster-system": False, "tpu-v6e-2x2": False, "tpu-cheap": True, "tpu-big": False}


def test_models_stay_on_their_pool(crowded: Graph) -> None:
    """Two pools of one shape differ in nothing but their name: without it a model may land on spot nodes it has not chosen."""
    selected = {
        service.name: service.inputs["spec"]["template"]["nodeSelector"]["cloud.google.com/gke-nodepool"]
        for service in crowded.manifests_of("LLMInferenceService")
    }
    assert selected == {"qwen2-5-3b": "v6e-2x2", "second": "v6e-2x2", "third": "cheap"}
    declared = {pool.inputs["name"] for pool in crowded.of_type(NODE_POOL)}
    assert set(selected.values()) <= declared


def test_models_wait_for_their_own_pool(crowded: Graph) -> None:
    """A model does not wait for a pool that it does not use: a spot pool can take hours."""
    pools = {pool.name: pool for pool in crowded.of_type(NODE_POOL)}
    services = {service.name: service for service in crowded.manifests_of("LLMInferenceService")}
    assert crowded.waits_for(services["third"], pools["tpu-cheap"])
    assert not crowded.waits_for(services["second"], pools["tpu-cheap"])
    assert not any(crowded.waits_for(service, pools["tpu-big"]) for service in services.values())


def test_several_models_share_nothing_but_the_gateway(crowded: Graph) -> None:
    """Each model has its own route, checks and policies under its own path; no object is declared twice."""
    keys = [resource.object_key for resource in crowded.manifests]
    assert len(keys) == len(set(keys))
    paths: dict[str, set[str]] = {}
    for route in crowded.manifests_of("HTTPRoute"):
        rules: list[Any] = route.inputs["spec"]["rules"]
        paths[route.object_key[2]] = {rule["matches"][0]["path"]["value"] for rule in rules}
        for rule in rules:
            for reference in rule["backendRefs"]:
                names = kserve.GeneratedNames(route.object_key[2])
                assert reference["name"] in (names.inference_pool, names.workload_service)
    assert {name: len(served) for name, served in paths.items()} == {"qwen2-5-3b": 4, "second": 4, "third": 4}
    for name, served in paths.items():
        assert all(path.startswith(f"/inference/{name}/") for path in served)
    assert crowded.outputs["models"].keys() == paths.keys()


def test_settings_of_a_model_reach_its_server(crowded: Graph) -> None:
    """Further arguments come last, root is taken away where the image does not need it, and budgets follow the settings."""
    services = {service.name: service.inputs["spec"] for service in crowded.manifests_of("LLMInferenceService")}
    (second,) = services["second"]["template"]["containers"]
    assert second["args"][-1] == "--seed=7"
    assert second["args"][0] == "--served-model-name=second"
    assert services["second"]["model"]["name"] == "second"
    assert second["securityContext"]["runAsNonRoot"] is True
    (third,) = services["third"]["template"]["containers"]
    assert third["startupProbe"]["periodSeconds"] * third["startupProbe"]["failureThreshold"] == 1800
    timeouts = {
        policy.object_key[2]: policy.inputs["spec"]["default"]["timeoutSec"]
        for policy in crowded.manifests_of("GCPBackendPolicy")
    }
    assert timeouts["third-inference-pool"] == timeouts["third-kserve-workload-svc"] == 1200
    assert timeouts["second-inference-pool"] == 600
    assert services["qwen2-5-3b"]["replicas"] == 2


def test_eight_chips_on_one_host() -> None:
    """ct6e-standard-8t makes 2x4 on a single host: eight chips, tensor parallel over eight, no placement policy."""
    settings = one_slice()
    settings["tpuPools"][0] |= {"machineType": "ct6e-standard-8t", "topology": "2x4"}
    graph = build(settings)
    (container,) = graph.manifests_of("LLMInferenceService")[0].inputs["spec"]["template"]["containers"]
    assert container["resources"]["limits"]["google.com/tpu"] == "8"
    assert "--tensor-parallel-size=8" in container["args"]
    assert "placementPolicy" not in graph.one(NODE_POOL, "tpu-v6e-2x2").inputs
    assert graph.one(NODE_POOL, "tpu-v6e-2x2").inputs["nodeCount"] == 1
