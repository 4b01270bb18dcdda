"""Images from a mirror, and the credentials they are pulled with: whatever the program makes run, wherever it runs."""

from __future__ import annotations

import re
from typing import Any, Final

import pulumi
import pytest

from components.loading import SettingsError
from rules import product_images
from sandbox.home import CHECKOUT
from tests.committed import one_slice
from tests.components.model_options import with_option
from tests.components.recording import Graph, build

RELEASE: Final = "kubernetes:helm.sh/v3:Release"
MIRROR: Final = "us-east5-docker.pkg.dev/acme/mirror"
REPOSITORY: Final = "projects/acme/locations/us-east5/repositories/mirror"
PULL: Final = {"imagePull": [{"name": "quay", "secret": "quay-pull"}]}
SCALED: Final = {"maxReplicas": 2, "source": "managed-prometheus"}


def changed(model: dict[str, Any] | None = None, **groups: Any) -> Graph:
    """Dev with these groups of settings, and the model with these."""
    settings = one_slice()
    settings["models"][0] |= model or {}
    return build({**settings, **groups})


@pytest.fixture(scope="module")
def pulled() -> Graph:
    """Every namespace with pods of this program: models, controllers and the metrics adapter."""
    settings = one_slice()
    settings["tpuPools"][0] |= {"slices": 2}
    settings["models"][0].pop("replicas", None)
    settings["models"][0]["autoscaling"] = SCALED
    return build({**settings, "secrets": PULL})


def test_every_namespace_has_the_credentials(pulled: Graph) -> None:
    """A pull secret is looked up in the pod's own namespace; elsewhere it does not exist."""
    written = {sync.object_key[1] for sync in pulled.manifests_of("SecretSync") if sync.object_key[2] == "quay"}
    releases = {release.inputs["namespace"] for release in pulled.of_type(RELEASE)}
    assert written == releases | {"inference", "custom-metrics"}


def test_whoever_is_pulled_with_them_waits_for_them(pulled: Graph) -> None:
    """Helm waits ten minutes for pods that back off from a registry that does not know them, and fails."""
    users = [*pulled.of_type(RELEASE), *pulled.manifests_of("Deployment"), *pulled.manifests_of("LLMInferenceService")]
    assert len(users) == 7
    for user in users:
        place = user.inputs.get("namespace") or user.object_key[1]
        (sync,) = [each for each in pulled.manifests_of("SecretSync") if each.object_key[1] == place]
        assert pulled.waits_for(user, sync), user.urn


def test_the_metrics_adapter_is_pulled_with_them(pulled: Graph) -> None:
    """Without them the autoscalers of the stack read nothing."""
    (deployment,) = pulled.manifests_of("Deployment")
    assert deployment.inputs["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "quay"}]


def test_servers_behind_prefill_servers_come_from_the_mirror_as_a_whole() -> None:
    """The routing sidecar is in KServe's preset: its image is the publisher's unless the service names another."""
    settings = with_option("prefill")
    for images, expected in (
        ({}, product_images.ROUTING_SIDECAR),
        ({"mirror": MIRROR}, f"{MIRROR}/llm-d/llm-d-router-disagg-sidecar:v0.9.0"),
        ({"routingSidecar": "example.com/sidecar:v1"}, "example.com/sidecar:v1"),
    ):
        graph = build({**settings, "images": images})
        (service,) = graph.manifests_of("LLMInferenceService")
        named = {each["name"]: each.get("image") for each in service.inputs["spec"]["template"]["initContainers"]}
        assert named == {"llm-d-routing-sidecar": expected, "storage-initializer": None}


def test_weights_in_an_image_come_from_the_mirror() -> None:
    """KServe runs that image in the server's pod."""
    graph = changed({"uri": "oci://ghcr.io/acme/qwen:v1"}, images={"mirror": MIRROR})
    (service,) = graph.manifests_of("LLMInferenceService")
    assert service.inputs["spec"]["model"]["uri"] == f"oci://{MIRROR}/acme/qwen:v1"


def test_weights_in_an_image_are_pinned() -> None:
    """Otherwise two servers of a model may answer from different weights."""
    with pytest.raises(
        SettingsError, match=r"models\[0\].uri: 'oci://ghcr.io/acme/qwen': without a tag it means latest"
    ):
        changed({"uri": "oci://ghcr.io/acme/qwen"})


def test_a_sidecar_of_another_release_is_refused() -> None:
    """The preset's flags are those of one minor release."""
    settings = {
        **with_option("prefill"),
        "images": {"routingSidecar": "ghcr.io/llm-d/llm-d-router-disagg-sidecar:v0.10.0"},
    }
    with pytest.raises(SettingsError) as refused:
        build(settings)
    assert (
        "images.routingSidecar: 'ghcr.io/llm-d/llm-d-router-disagg-sidecar:v0.10.0': the preset of KServe v0.20.0"
        in str(refused.value)
    )
    assert "Write llm-d-router-disagg-sidecar:v0.9.0" in str(refused.value)


@pytest.mark.parametrize(
    ("groups", "field"),
    [
        ({"images": {"mirror": MIRROR}}, "images.mirror"),
        ({"images": {"registries": {"ghcr.io": f"{MIRROR}/ghcr"}}}, "images.registries.ghcr.io"),
        ({"images": {"mirror": MIRROR}, "secrets": PULL}, None),
        ({"images": {"mirror": MIRROR}, "granted": True}, None),
        ({"images": {"mirror": "registry.example.com/mirror"}}, None),
        ({}, None),
    ],
)
def test_a_mirror_that_nodes_may_not_read_is_said(
    groups: dict[str, Any], field: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its only sign would be ImagePullBackOff in every namespace; what is granted, or has credentials, is fine."""
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    settings = {**one_slice(), **groups}
    if settings.pop("granted", False):
        settings["cluster"]["artifactRepositories"] = [REPOSITORY]
    build(settings)
    told = [text for text in said if text.startswith("images.")]
    assert [text.partition(":")[0] for text in told] == ([field] if field else [])
    assert all(f"Write {REPOSITORY} under cluster.artifactRepositories" in text for text in told)


def test_the_page_of_images_lists_them_all() -> None:
    """Whoever fills a mirror works from that page."""
    page = (CHECKOUT / "docs" / "images.md").read_text()
    listed = set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE))
    charts = {f"{image.repository}:{image.tag}" for image in product_images.CHART_IMAGES}
    assert listed == {*charts, *product_images.SERVING_IMAGES, *product_images.NOT_RUN}
