"""What the pinned charts really make run, rendered by Helm with the program's own values: from where, and pulled with what."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from policies.pods import WORKLOADS
from rules import kserve, product_images
from sandbox.toolchain import Tools
from tests.committed import committed
from tests.components.recording import Graph, build
from tests.sandbox.kubernetes.charts import RELEASE

Object = dict[str, Any]

MIRROR: Final = "us-east5-docker.pkg.dev/acme/mirror"
SECRETS: Final = ["quay", "hub"]
KUBERNETES: Final = ("--kube-version", "1.34.3")
"""Without a cluster Helm asks for charts of the Kubernetes that it was built with, of which the tool knows nothing."""
FLAG: Final = re.compile(r"--[\w-]*image=(\S+)")


def rendered(graph: Graph, tools: Tools, folder: Path) -> Iterator[tuple[str, Object]]:
    """Every object that the stack's releases make, with the release's namespace."""
    for release in graph.of_type(RELEASE):
        chart = release.inputs["chart"].rsplit("/", 1)[-1]
        values = folder / f"{chart}.json"
        values.write_text(json.dumps(release.inputs.get("values") or {}))
        place = release.inputs["namespace"]
        command = [
            tools.helm,
            "template",
            chart,
            tools.charts / chart,
            "--namespace",
            place,
            "--values",
            values,
            *KUBERNETES,
        ]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for made in yaml.load_all(text, Loader=yaml.CSafeLoader):
            if made and made["kind"] != "CustomResourceDefinition":
                yield place, made


@pytest.fixture(scope="module")
def public(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Object]]:
    """What prod's releases make."""
    return list(rendered(build(committed("prod"), stack="prod"), tools, tmp_path_factory.mktemp("public")))


@pytest.fixture(scope="module")
def closed() -> Graph:
    """Prod with a mirror and the credentials of two registries."""
    pull = [{"name": name, "secret": f"{name}-pull"} for name in SECRETS]
    settings = {**committed("prod"), "images": {"mirror": MIRROR}, "secrets": {"imagePull": pull}}
    return build(settings, stack="prod")


@pytest.fixture(scope="module")
def mirrored(closed: Graph, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Object]]:
    """What its releases make."""
    return list(rendered(closed, tools, tmp_path_factory.mktemp("mirrored")))


def under(value: Any, key: str) -> Iterator[Any]:
    """Everything under `key`, however deep."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name == key:
                yield item
            yield from under(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from under(item, key)


def images(made: Object) -> set[str]:
    """The images that an object names, also as a flag or inside JSON."""
    found = {image for image in under(made, "image") if isinstance(image, str)}
    for arguments in under(made, "args"):
        found |= {match[1] for argument in arguments if (match := FLAG.fullmatch(argument))}
    for text in (made.get("data") or {}).values():
        if text.lstrip().startswith("{"):
            found |= images(json.loads(text))
    return found


def whole(image: str) -> str:
    """The image with its registry."""
    return image if "." in image.partition("/")[0] else f"docker.io/{image}"


def test_the_list_of_images_is_what_the_charts_make_run(public: list[tuple[str, Object]]) -> None:
    """An image that is not on the list is neither mirrored nor known to whoever copies images to a site without the internet."""
    presets = [made for _, made in public if made["kind"] == kserve.LLM_INFERENCE_SERVICE_CONFIG]
    found = {whole(image) for _, made in public if made not in presets for image in images(made)}
    assert found == {f"{image.repository}:{image.tag}" for image in product_images.CHART_IMAGES}
    of_presets = {image for made in presets for image in images(made)}
    run = {image for image in of_presets if image.partition(":")[0] not in product_images.NOT_RUN}
    assert run == {product_images.ENDPOINT_PICKER, product_images.ROUTING_SIDECAR}
    assert {image.partition(":")[0] for image in of_presets - run} == set(product_images.NOT_RUN)


def test_every_image_of_the_charts_is_the_mirrors(mirrored: list[tuple[str, Object]]) -> None:
    """One publisher that is left out is an ImagePullBackOff at a site without the internet."""
    others = [made for _, made in mirrored if made["kind"] != kserve.LLM_INFERENCE_SERVICE_CONFIG]
    found = {image for made in others for image in images(made)}
    assert len(found) == len(product_images.CHART_IMAGES)
    assert {image for image in found if not image.startswith(f"{MIRROR}/")} == set()


def test_every_pod_of_the_charts_has_the_pull_secrets(closed: Graph, mirrored: list[tuple[str, Object]]) -> None:
    """A Job or a webhook without them never starts, and its release ends after ten minutes; the Secret has to be there too."""
    wanted = [{"name": name} for name in SECRETS]
    written: dict[str, set[str]] = {}
    for sync in closed.manifests_of("SecretSync"):
        written.setdefault(sync.object_key[1], set()).add(sync.object_key[2])
    accounts = {
        (place, made["metadata"]["name"]): made.get("imagePullSecrets")
        for place, made in mirrored
        if made["kind"] == "ServiceAccount"
    }
    pods: list[str] = []
    for place, made in mirrored:
        if made["kind"] not in WORKLOADS:
            continue
        pods.append(made["metadata"]["name"])
        assert made["metadata"].get("namespace", place) == place
        spec = made["spec"]["template"]["spec"]
        given = spec.get("imagePullSecrets") or accounts[place, spec["serviceAccountName"]]
        assert given == wanted, pods[-1]
        assert written[place] >= set(SECRETS), pods[-1]
    assert len(pods) == 6, pods


def test_no_chart_pulls_a_moving_tag(public: list[tuple[str, Object]], mirrored: list[tuple[str, Object]]) -> None:
    """LeaderWorkerSet's chart says `main` in its sources, which is what a mirror of charts may hold."""
    for _, made in [*public, *mirrored]:
        for image in images(made):
            assert re.fullmatch(r"\S+:(vllm-)?v\d+\.\d+\.\d+", image), image
