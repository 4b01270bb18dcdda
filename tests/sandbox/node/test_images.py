"""Which images really run."""

from __future__ import annotations

import pytest

from sandbox.node.images import recipe_for, repository


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("kserve/llmisvc-controller:v0.20.0", "kserve/llmisvc-controller"),
        ("localhost:5000/a/b:1.0@sha256:abc", "localhost:5000/a/b"),
        ("busybox", "busybox"),
    ],
)
def test_repository(image: str, name: str) -> None:
    """A registry's port is no tag."""
    assert repository(image) == name


@pytest.mark.parametrize(
    "image",
    [
        "kserve/llmisvc-controller:v0.20.0",
        "us-docker.pkg.dev/p/mirror/kserve/llmisvc-controller@sha256:abc",
        "registry.k8s.io/lws/lws:v0.8.0",
        "quay.io/jetstack/cert-manager-webhook:v1.21.1",
        "quay.io/jetstack/cert-manager-startupapicheck:v1.21.1",
        "vllm/vllm-tpu:v0.27.0",
        "us-docker.pkg.dev/p/mirror/vllm/vllm-tpu:v0.27.0",
    ],
)
def test_known_programs_run_wherever_their_image_comes_from(image: str) -> None:
    """A mirror must not silently turn a controller or a model server into a simulated pod."""
    assert recipe_for(image) is not None


@pytest.mark.parametrize(
    "image", ["vllm/vllm-openai:v0.27.0", "example.com/nothing", "example.com/not-llmisvc-controller-at-all:1"]
)
def test_everything_else_is_simulated(image: str) -> None:
    """Unknown images are reported as running and do nothing."""
    assert recipe_for(image) is None
