"""vLLM arguments that are written by hand: what vLLM would end with is refused before anything is created."""

from __future__ import annotations

from typing import Any

import pytest

from components.loading import parse
from rules import image, vllm_flags
from rules.product_images import VLLM_TPU
from tests.unit.changing import changed, problem

ENDS = "it ends with 'unrecognized arguments' and the pod crash-loops"

REFUSED: dict[str, tuple[list[str], str]] = {
    "no such flag": (
        ["--no-such-flag"],
        f"'--no-such-flag': vLLM 0.27.0 does not know this flag: {ENDS}. Write a flag that vLLM 0.27.0 has, or leave it out.",
    ),
    "a typo": (
        ["--sedd=1"],
        f"'--sedd=1': vLLM 0.27.0 does not know this flag: {ENDS}. Did you mean --seed? Write that, or leave it out.",
    ),
    "a typo of what has a setting": (
        ["--max-modell-len", "1"],
        (
            f"'--max-modell-len': vLLM 0.27.0 does not know this flag: {ENDS}. Did you mean --max-model-len? It has a setting. "
            "Write it as maxModelLength."
        ),
    ),
    "a flag that was removed": (
        ["--disable-log-requests"],
        (
            f"'--disable-log-requests': vLLM 0.27.0 no longer knows this flag: {ENDS}. Write a flag that vLLM 0.27.0 has, or "
            "leave it out."
        ),
    ),
    "flag and value in one argument": (
        ["--seed 1"],
        f"'--seed 1': flag and value are one argument here, which vLLM does not take apart: {ENDS}. Write '--seed=1'.",
    ),
    "a key": (
        ["--api-key=s3cr3t"],
        (
            "'--api-key=(hidden)': whoever may read pods, these settings or the stack's state reads the secret; take it as known "
            "by others. Write who may call the models under edge.iap or edge.cloudArmor.allowedCidrs."
        ),
    ),
    "a token with its value behind it": (
        ["--hf_token", "s3cr3t"],
        (
            "'--hf-token=(hidden)': whoever may read pods, these settings or the stack's state reads the secret; take it as "
            "known by others. Write its name in Secret Manager under secrets.huggingFaceToken."
        ),
    ),
    "a derived flag that is cut short": (
        ["--tensor-parallel=8"],
        (
            "'--tensor-parallel=8': probes, health checks, routes and node pools are made for the value that the platform sets. "
            "Write the topology of a pool with as many chips."
        ),
    ),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(arguments: list[str], message: str) -> None:
    """The message names the setting and the argument, and never repeats a secret."""
    said = problem(("models.0.extraArgs", arguments))
    assert said == f"platform.models[0].extraArgs: {message}"
    assert "s3cr3t" not in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["--stream-interval=2", "--kv-cache-metrics", "--no-async-scheduling"],
        ["-O3", "-n", "2", "--seed", "-1"],
        ["--kernel_config.x", "1", "--no-enable-log-req"],
        ['--kv-transfer-config={"kv_connector": "TPUConnector"}'],
    ],
)
def test_taken(arguments: list[str]) -> None:
    """What vLLM's own parser takes is taken: short forms, unique beginnings, JSON keys, negations, negative numbers."""
    assert parse(changed(("models.0.extraArgs", arguments)), stack="dev", project="p").models[0].extra_args


@pytest.mark.parametrize("name", ["vllm/vllm-tpu:v0.28.0", "registry.example.com/our/vllm:v0.27.0"])
def test_other_images_are_not_judged(name: str) -> None:
    """A later release has further flags, and an image of somebody's own may have any."""
    settings = changed(("models.0.image", name), ("models.0.extraArgs", ["--no-such-flag"]))
    assert parse(settings, stack="dev", project="p").models[0].image == name


def test_a_mirror_of_the_image_is_judged() -> None:
    """The same release is the same release wherever it is pulled from, by tag and digest."""
    mirrored = f"us-east5-docker.pkg.dev/p/mirror/vllm/vllm-tpu:v0.27.0@sha256:{'0' * 64}"
    said = problem(("models.0.image", mirrored), ("models.0.extraArgs", ["--no-such-flag"]))
    assert "vLLM 0.27.0 does not know this flag" in said


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ([("models.0.canary", {"name": "second", "extraArgs": ["--no-such-flag"]})], "canary.extraArgs"),
        ([("models.0.prefill", {"experimental": True, "extraArgs": ["--no-such-flag"]})], "prefill.extraArgs"),
    ],
)
def test_servers_beside_the_model_s_own(changes: list[tuple[str, Any]], field: str) -> None:
    """Canaries and prefill servers start with the same program."""
    assert problem(*changes).startswith(f"platform.models[0].{field}: '--no-such-flag': ")


def test_the_list_is_that_of_the_image_that_runs() -> None:
    """Whoever raises the image's version has to read the list of flags anew, or nothing is checked any more."""
    assert vllm_flags.is_listed(VLLM_TPU)
    assert image.parse(VLLM_TPU).tag == f"v{vllm_flags.VERSION}"
