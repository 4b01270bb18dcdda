"""Does every container name a fixed build, from a registry that the environment allows?

Reads containers of every kind of workload, and what makes containers elsewhere: the values of the charts that this product
installs, KServe's ConfigMap, its presets, and weights in images. The image of KServe's server preset is fixed by KServe's version
and no finding of its own. Charts of other people are not looked into: what they pull stands in themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, cast

from pulumi_policy import Severity

from policies.framework import Report, stack_policy
from policies.pods import POD_KINDS, pod_templates
from policies.reading import Field
from policies.releases import Release, read_releases
from policies.resources import Resource
from policies.routing import KINDS, Service, Stack, merged
from rules.image import check_pinned, check_registry
from rules.kserve import (
    CERT_MANAGER_CHART,
    IMAGE_SCHEME,
    INFERENCE_SERVICE_CONFIG_MAP,
    ROUTING_SIDECAR,
    SCHEDULER_PRESET,
    SERVER_CONTAINER,
)
from rules.kserve_preset import PRESET_IMAGE
from rules.product_images import CHART_IMAGES, ENDPOINT_PICKER, ChartImage
from rules.product_images import ROUTING_SIDECAR as ROUTING_SIDECAR_IMAGE


class _Judge:
    """The environment's rules for images."""

    def __init__(self, report: Report) -> None:
        listed: Any = report.config.get("allowedRegistries")
        self.allowed = [str(item) for item in cast("list[Any]", listed)] if isinstance(listed, (list, tuple)) else []
        self.digest = report.config.get("requireDigest") is True
        self.report = report

    def image(self, text: str, path: str, resource: Resource, *, fixed: bool = False, tag: bool = False) -> None:
        """Judges an image; `fixed` where what names it is pinned itself, `tag` where a tag always does."""
        if not fixed:
            self.report.findings(check_pinned(text, path, digest=self.digest and not tag), resource)
        self.report.findings(check_registry(text, self.allowed, path), resource)

    def field(self, image: Field, resource: Resource, *, fixed: bool = False) -> None:
        """Judges what a field says; nothing where it is not there."""
        text = image.get(str)
        if image.unknown:
            self.report.undecided(image, "which build runs", resource)
        elif text is not None:
            self.image(text, image.path, resource, fixed=fixed)


def _check(resources: list[Resource], report: Report) -> None:
    judge, stack = _Judge(report), Stack(resources)
    for template in pod_templates(resources, stack):
        for container in template.all_containers():
            if not container.unknown:
                image = container.at("image").of(str)
                of_preset = template.service is not None and (image.get(str) or "").startswith(f"{PRESET_IMAGE}:")
                judge.field(image, template.resource, fixed=of_preset)
    for service in stack.services:
        _check_service(service, stack, judge)
    for resource in resources:
        if resource.kind == "ConfigMap" and resource.name == INFERENCE_SERVICE_CONFIG_MAP:
            _check_configuration(resource, judge)
    for release in read_releases(resources):
        # What a Chart renders is among the resources; what is inside a Release is not.
        if release.resource.kind == "Release":
            _check_release(release, judge)


def _check_service(service: Service, stack: Stack, judge: _Judge) -> None:
    """What KServe adds to the servers: endpoint picker, routing sidecar, and weights in an image."""
    if not service.scheduler.missing and service.scheduler.at("pool", "ref").missing:
        override = stack.config(SCHEDULER_PRESET, service.resource.namespace)
        preset: Any = {"containers": [{"name": SERVER_CONTAINER, "image": ENDPOINT_PICKER}]}
        if override is not None:
            preset = override.at("spec", "router", "scheduler", "template").value
        own = service.scheduler.at("template")
        pod = Field(own.path, own.value if own.of(dict).unknown else merged(preset, own.value))
        written = {container.at("image").get(str) for container in own.at("containers").items()}
        for part in ("initContainers", "containers"):
            for container in pod.at(part).items():
                image = container.at("image").of(str)
                of_preset = image.get(str) == ENDPOINT_PICKER and ENDPOINT_PICKER not in written
                judge.field(image, service.resource, fixed=of_preset)
    if not service.spec.at("prefill").missing:
        first = service.spec.at("template", "initContainers")
        named = [each.at("name").get(str) for each in first.items() if not each.at("image").missing]
        if ROUTING_SIDECAR not in named:
            judge.image(ROUTING_SIDECAR_IMAGE, first.path, service.resource, fixed=True)
    uri = service.spec.at("model", "uri")
    if (text := uri.get(str) or "").startswith(IMAGE_SCHEME):
        judge.image(text.removeprefix(IMAGE_SCHEME), uri.path, service.resource)


def _check_configuration(resource: Resource, judge: _Judge) -> None:
    """The image with which KServe loads weights."""
    field = resource.at("data", "storageInitializer")
    try:
        content: Any = json.loads(field.get(str) or "{}")
    except ValueError:
        return
    if field.unknown:
        judge.report.undecided(field, "which build loads weights", resource)
    elif isinstance(content, dict):
        judge.field(Field(field.path, content).at("image").of(str), resource)


def _check_release(release: Release, judge: _Judge) -> None:
    for image in CHART_IMAGES:
        if image.chart != release.chart:
            continue
        path, *unknown = _from(release, image)
        if unknown:
            if judge.allowed:
                judge.report.undecided(unknown[0], f"where {image.runs} comes from", release.resource)
            continue
        # Where no tag is written, the chart's version says which.
        tag = release.values.at(*image.value[:-1], "tag").get(str)
        text = f"{path.get(str)}:{tag or image.tag}"
        judge.image(text, path.path, release.resource, fixed=not tag, tag=True)


def _from(release: Release, image: ChartImage) -> Iterator[Field]:
    """Where the chart takes the image from, and then what is not known of that."""
    values, above = release.values, image.value[:-1]
    written = values.at(*image.value).of(str)
    parts = [written]
    repository = written.get(str)
    if image.chart == CERT_MANAGER_CHART.name:
        registry, namespace, name = image.repository.split("/")
        of_all = {"imageRegistry": registry, "imageNamespace": namespace}
        prefix = values.at(*above, "registry").of(str)
        parts += [prefix, *(values.at(field).of(str) for field in of_all)]
        found = [values.at(field).of(str).get(str) or default for field, default in of_all.items()]
        repository = "/".join([*filter(None, [prefix.get(str)]), repository or "/".join([*found, name])])
    yield Field(written.path, repository or image.repository)
    yield from (part for part in parts if part.unknown)


IMAGES: Final = stack_policy(
    name="image-pinned",
    title="Images name a fixed build from an allowed registry",
    description="A container image must carry a version or digest and come from a registry the environment allows, also where "
    "a chart, KServe's configuration or a preset names it.",
    remediation="Write the tested version or digest; mirror images into an allowed registry.",
    severity=Severity.HIGH,
    tags=["supply-chain"],
    kinds=(*dict.fromkeys((*KINDS, *POD_KINDS, "ConfigMap", "Release")),),
    check=_check,
    config={
        "allowedRegistries": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Prefixes of registry and repository, such as images.mirror of the settings; absent, all are allowed.",
        },
        "requireDigest": {"type": "boolean", "description": "Take digests only, but of charts, which name tags."},
    },
)
