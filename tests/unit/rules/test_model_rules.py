"""Facts about vLLM on TPU, the endpoint picker and shutdown, as plain values."""

from __future__ import annotations

import pytest

from components.endpoint_picker import configuration
from components.settings.model_routing import EndpointPicker
from rules import autoscaling, endpoint_picker, kserve, vllm, vllm_arguments, weights
from rules.shutdown import shutdown


@pytest.mark.parametrize(
    ("length", "size"), [(256, 16), (512, 32), (2048, 128), (4096, 256), (8192, 256), (8193, 16), (131072, 16)]
)
def test_default_block_size(length: int, size: int) -> None:
    """A sixteenth of the next power of two up to 8192 tokens of context, 16 above."""
    assert vllm.default_block_size(length) == size


def test_longest_generation() -> None:
    """A context at 15 tokens a second, between ten minutes and a day."""
    assert vllm.longest_generation_seconds(2048) == 600
    assert vllm.longest_generation_seconds(32768) == 2185
    assert vllm.longest_generation_seconds(10_000_000) == 86400


@pytest.mark.parametrize("flag", sorted(vllm.REJECTED_FLAGS))
@pytest.mark.parametrize("written", ["{flag}", "{flag}=16", "{flag} 16", "serve /mnt/models {flag} 16"])
def test_flags_that_vllm_does_not_have(flag: str, written: str) -> None:
    """Found however they are written; a longer flag that begins alike is another one."""
    (finding,) = vllm.check_arguments([written.format(flag=flag)])
    assert finding.remedy == f"Write {vllm.REJECTED_FLAGS[flag]}."
    assert vllm.check_arguments([f"{flag}x=16", "--block-size=16"]) == []


def test_underscores_count_as_dashes() -> None:
    """As vLLM's parser reads them."""
    assert vllm.check_arguments(["--prefix_cache_block_size=16"])


def test_kv_cache_dtype_by_generation() -> None:
    """An fp8 cache of v6e is e5m2; other generations are not judged."""
    assert vllm.check_kv_cache_dtype("fp8_e5m2", "v6e") == []
    (finding,) = vllm.check_kv_cache_dtype("fp8_e4m3", "v6e")
    assert "fp8_e5m2" in finding.remedy
    assert vllm.check_kv_cache_dtype("fp8_e4m3", "v7x") == []


def test_quantization() -> None:
    """What has CUDA kernels only is certain, what nobody knows is not."""
    assert vllm.check_quantization("fp8") == []
    assert vllm.check_quantization("gptq")[0].certain
    assert not vllm.check_quantization("something-new")[0].certain


def test_data_parallel_servers_fill_a_slice() -> None:
    """Two copies over four chips each are eight chips."""
    line = ["--tensor-parallel-size=4", "--data-parallel-size=2"]
    assert vllm_arguments.check_parallelism(line, 8, "tpu-v6e-slice") == []
    assert vllm_arguments.check_parallelism(line, 4, "tpu-v6e-slice")


@pytest.mark.parametrize(("longest", "finish"), [(60, 60), (600, 600), (86400, 3575)])
def test_shutdown(longest: int, finish: int) -> None:
    """No request of that length is cut, as far as a node upgrade waits; drained no longer than the pod lives."""
    stopping = shutdown(longest)
    assert stopping.finish == finish
    assert stopping.pre_stop + stopping.finish < stopping.grace <= 3600
    assert stopping.finish < stopping.draining < stopping.grace


def test_model_uris() -> None:
    """The schemes that LLMInferenceService loads; gs:// gets a remedy of its own."""
    for uri in ("hf://a/b", "s3://b/m", "pvc://c/m", "oci://r/m:v1"):
        assert kserve.check_model_uri(uri) == []
    assert "pvc://CLAIM/PATH" in kserve.check_model_uri("gs://bucket/model")[0].remedy
    assert "hf://, s3://, pvc://, oci://" in kserve.check_model_uri("Qwen/Qwen2.5")[0].remedy
    assert kserve.check_model_uri("hf://")


def test_shared_classes() -> None:
    """Disks serve one node, GKE's Filestore classes another network; own classes are not judged."""
    assert weights.check_shared_class("own", "c") == []
    assert "Multi-Attach" in weights.check_shared_class("premium-rwo", "c")[0].reason
    assert "network called default" in weights.check_shared_class("standard-rwx", "c")[0].reason


def test_filestore_in_the_stacks_network() -> None:
    """A Shared VPC is named in full and reached through private service access."""
    own, shared = (weights.filestore_class(name)["parameters"] for name in ("vpc", "projects/h/global/networks/vpc"))
    assert own == {"tier": "standard", "network": "vpc", "connect-mode": "DIRECT_PEERING"}
    assert shared["connect-mode"] == "PRIVATE_SERVICE_ACCESS"


@pytest.mark.parametrize(
    ("channel", "version", "works"),
    [
        ("RAPID", None, True),
        ("REGULAR", None, False),
        ("REGULAR", "1.34", False),
        ("REGULAR", "1.35.1-gke.1396000", True),
        ("STABLE", "1.36", True),
    ],
)
def test_native_metrics(channel: str, version: str | None, *, works: bool) -> None:
    """Preview: the RAPID channel, or a minimum version that has it."""
    assert (autoscaling.check_native_metrics(channel, version) == []) is works


def test_kserves_deployment_is_scaled_by_one_of_both() -> None:
    """KServe writes its number back only where it has one."""
    assert autoscaling.check_generated_target("qwen-kserve", "qwen", None) == []
    assert autoscaling.check_generated_target("qwen-kserve", "qwen", 2)


def test_the_pickers_defaults_are_those_of_its_image() -> None:
    """What is written without a setting changes nothing but the weights and the block size."""
    config = configuration(EndpointPicker(), block_size=16)
    assert endpoint_picker.check_config(config) == []
    parameters = {plugin["type"]: plugin.get("parameters", {}) for plugin in config["plugins"]}
    for name, values in parameters.items():
        known = endpoint_picker.PLUGINS[name].parameters
        assert known is None or values.keys() <= known


def test_strict_decoding() -> None:
    """Each level of the configuration knows its fields only."""
    config = configuration(EndpointPicker(), block_size=16)
    wrong = {
        **config,
        "saturation": {},
        "plugins": [*config["plugins"], {"type": "queue-scorer", "weight": 2}],
        "schedulingProfiles": [
            {"name": "default", "plugins": [{"pluginRef": "queue-scorer", "wieght": 2}], "picker": "x"}
        ],
    }
    paths = {finding.path for finding in endpoint_picker.check_config(wrong)}
    assert paths == {
        "config.saturation",
        "config.plugins[6].weight",
        "config.schedulingProfiles[0].picker",
        "config.schedulingProfiles[0].plugins[0].wieght",
    }
