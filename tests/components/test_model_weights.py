"""Where a model's weights come from and are kept."""

from __future__ import annotations

from typing import Any

import pytest

from tests.components.model_graphs import arguments, container, served, service, template


def test_weights_are_kept_in_a_shared_volume() -> None:
    """With a cache vLLM loads the weights itself, once: KServe's initializer would load them for each server."""
    changes = {"uri": "hf://Qwen/Qwen2.5-3B-Instruct:main", "weights": {"cache": "persistentVolume"}}
    graph = served({**changes, "compileCache": {"kind": "persistentVolume"}})
    spec, server = service(graph).inputs["spec"], container(graph)
    assert spec["storageInitializer"] == {"enabled": False}
    assert "initContainers" not in spec["template"]
    assert server["command"] == ["vllm", "serve", "Qwen/Qwen2.5-3B-Instruct"]
    assert "--revision=main" in server["args"]
    mounts = {mount["name"]: mount["mountPath"] for mount in server["volumeMounts"]}
    environment = {entry["name"]: entry["value"] for entry in server["env"]}
    assert environment == {"HF_HUB_CACHE": mounts["weights-cache"], "VLLM_XLA_CACHE_PATH": mounts["compile-cache"]}
    claims = {claim.object_key[2]: claim for claim in graph.manifests_of("PersistentVolumeClaim")}
    assert claims.keys() == {"qwen2-5-3b-weights", "qwen2-5-3b-compiled"}
    for claim in claims.values():
        assert claim.inputs["spec"]["accessModes"] == ["ReadWriteMany"]
        assert graph.waits_for(service(graph), claim), "a pod whose claim does not exist stays Pending"
    (made,) = graph.manifests_of("StorageClass")
    assert made.inputs["parameters"]["network"] == graph.one("gcp:compute/network:Network").inputs["name"]
    assert {claim.inputs["spec"]["storageClassName"] for claim in claims.values()} == {made.object_key[2]}
    cluster = graph.one("gcp:container/cluster:Cluster").inputs
    assert cluster["addonsConfig"]["gcpFilestoreCsiDriverConfig"] == {"enabled": True}
    assert "file.googleapis.com" in {api.inputs["service"] for api in graph.of_type("gcp:projects/service:Service")}


def test_existing_claims_are_used_and_not_made() -> None:
    """A claim that others fill is only named."""
    weights = {"cache": "persistentVolume", "volume": {"claim": "hub"}}
    graph = served({"weights": weights})
    assert not graph.manifests_of("PersistentVolumeClaim")
    claims = [volume.get("persistentVolumeClaim") for volume in template(graph)["volumes"]]
    assert {"claimName": "hub"} in claims


def test_weights_on_a_hyperdisk_ml_are_read_by_all_servers() -> None:
    """One disk, read-only, on many nodes: KServe mounts its claim as it mounts any pvc:// address."""
    disk = {"name": "qwen-weights", "size": "100Gi", "path": "qwen2.5/3b"}
    graph = served({"weights": {"cache": "hyperdiskMl", "disk": disk}})
    assert service(graph).inputs["spec"]["model"]["uri"] == "pvc://qwen2-5-3b-disk/qwen2.5/3b"
    assert "storageInitializer" not in service(graph).inputs["spec"]
    (volume,), (claim,) = graph.manifests_of("PersistentVolume"), graph.manifests_of("PersistentVolumeClaim")
    handle = "projects/tpu-inference-dev/zones/us-east5-b/disks/qwen-weights"
    assert volume.inputs["spec"]["csi"]["volumeHandle"] == handle
    assert volume.inputs["spec"]["accessModes"] == claim.inputs["spec"]["accessModes"] == ["ReadOnlyMany"]
    assert volume.inputs["spec"]["claimRef"]["name"] == claim.object_key[2]
    assert claim.inputs["spec"]["volumeName"] == volume.object_key[2]


@pytest.mark.parametrize("uri", ["s3://bucket/model", "pvc://claim/model", "oci://registry.example.com/model:v1"])
def test_other_sources_are_left_to_kserve(uri: str) -> None:
    """Addresses that KServe loads or mounts itself are passed on as they are."""
    graph = served({"uri": uri})
    assert service(graph).inputs["spec"]["model"]["uri"] == uri
    assert container(graph)["command"] == ["vllm", "serve", "/mnt/models"]
    assert ("initContainers" in template(graph)) == uri.startswith("s3://")


def test_a_token_reaches_whoever_loads_the_weights() -> None:
    """Gated models need the token where they are loaded: in KServe's initializer, or in vLLM with a cache."""
    secrets = {"huggingFaceToken": {"secret": "hugging-face-token"}}
    own = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hugging-face-token", "key": "HF_TOKEN"}}}
    versions = {"minimumVersion": "1.34"}
    graph = served({}, secrets=secrets, cluster=versions)
    assert template(graph)["initContainers"][0]["env"] == [own]
    assert "env" not in container(graph)
    cached = served({"weights": {"cache": "persistentVolume"}}, secrets=secrets, cluster=versions)
    assert own in container(cached)["env"]


@pytest.mark.parametrize(
    "weights", [{"cache": "persistentVolume"}, {"cache": "hyperdiskMl", "disk": {"name": "weights", "size": "100Gi"}}]
)
def test_a_canary_shares_the_models_volumes(weights: dict[str, Any]) -> None:
    """A second Filestore instance would cost a terabyte more, and a disk has one PersistentVolume."""
    canary = {"name": "next", "weight": 10, "image": "vllm/vllm-tpu:v0.28.0"}
    changes = {"canary": canary, "weights": weights, "compileCache": {"kind": "persistentVolume"}}
    graph = served(changes, pool={"slices": 2})
    assert not [
        claim for claim in graph.manifests_of("PersistentVolumeClaim") if claim.object_key[2].startswith("next")
    ]
    for part in ("model", "storageInitializer"):
        first, second = (service(graph, name).inputs["spec"].get(part) for name in ("qwen2-5-3b", "next"))
        assert first == second
    assert template(graph)["volumes"] == template(graph, "next")["volumes"]


def test_lora_adapters_are_passed_on_without_a_shells_quotes() -> None:
    """KServe writes the adapters' flags for the shell of its preset; a command of one's own has to write them itself."""
    lora = {
        "adapters": [{"name": "sql", "uri": "hf://org/sql-lora"}, {"name": "law", "uri": "pvc://adapters/law"}],
        "maxRank": 32,
        "maxAdapters": 2,
        "maxCpuAdapters": 4,
    }
    graph = served({"lora": lora, "endpointPicker": {}})
    spec = service(graph).inputs["spec"]
    assert spec["model"]["lora"] == lora
    line = arguments(graph)
    assert line[line.index("--lora-modules") + 1 :] == ["sql=/mnt/lora/sql", "law=/mnt/lora/law"]
    assert {"--enable-lora", "--max-lora-rank=32", "--max-loras=2", "--max-cpu-loras=4"} <= set(line)
    plugins = [plugin["type"] for plugin in spec["router"]["scheduler"]["config"]["inline"]["plugins"]]
    assert "lora-affinity-scorer" in plugins
