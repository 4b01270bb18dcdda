"""Every pod template of a stack, as the pods will be: what KServe's preset supplies is merged in first.

Owns where pod specs stand in each kind of workload and which container is the server. Does not judge: an absent field of an
LLMInferenceService is what the preset says, not a gap.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

from policies.reading import Field
from policies.resources import Resource
from policies.routing import Service, Stack, merged
from rules.kserve import (
    INFERENCE_SERVICE_CONFIG_MAP,
    LLM_INFERENCE_SERVICE,
    LLM_INFERENCE_SERVICE_CONFIG,
    SERVER_CONTAINER,
    TEMPLATE_PRESET,
    TLS_SWITCH,
)
from rules.kserve_preset import preset_pod
from rules.tpu import TPU_RESOURCE

_TEMPLATE: Final = ("spec", "template")
WORKLOADS: Final = {
    "Pod": ((),),
    "Deployment": (_TEMPLATE,),
    "StatefulSet": (_TEMPLATE,),
    "DaemonSet": (_TEMPLATE,),
    "ReplicaSet": (_TEMPLATE,),
    "Job": (_TEMPLATE,),
    "CronJob": (("spec", "jobTemplate", "spec", "template"),),
    "LeaderWorkerSet": (
        ("spec", "leaderWorkerTemplate", "leaderTemplate"),
        ("spec", "leaderWorkerTemplate", "workerTemplate"),
    ),
}
"""Where Kubernetes' own workloads, and LeaderWorkerSets, have their pod templates."""
POD_KINDS: Final = (*WORKLOADS, LLM_INFERENCE_SERVICE, LLM_INFERENCE_SERVICE_CONFIG)
"""Kinds with pod templates in them; `ConfigMap` as well where KServe's TLS switch matters."""


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """A pod spec and what it belongs to."""

    resource: Resource
    pod: Field
    """The PodSpec."""
    labels: Field
    grouped: bool
    """One of several pods that make up a server together."""
    service: Service | None = None
    """The LLMInferenceService it is of."""

    def containers(self) -> list[Field]:
        """Its ordinary containers."""
        return self.pod.at("containers").items()

    def all_containers(self) -> Iterator[Field]:
        """Its containers of every sort."""
        for part in ("initContainers", "containers", "ephemeralContainers"):
            yield from self.pod.at(part).items()

    @property
    def server(self) -> Field | None:
        """The container that serves: KServe's `main`, the one with TPUs, the one with vLLM in it, or the only one."""
        found = self.containers()
        for container in found:
            if self.service is not None and container.at("name").get(str) == SERVER_CONTAINER:
                return container
        for test in (chips, is_vllm):
            fitting = [container for container in found if test(container)]
            if fitting:
                return fitting[0]
        return found[0] if len(found) == 1 else None


def written_templates(resource: Resource) -> Iterator[Field]:
    """The pod templates of one of `WORKLOADS`, as they are written; none of any other kind."""
    for steps in WORKLOADS.get(resource.kind, ()):
        yield resource.at(*steps)


def pod_templates(resources: Iterable[Resource], stack: Stack | None = None) -> Iterator[PodTemplate]:
    """Every pod template; those of LLMInferenceServices with base configs and preset merged in."""
    found = list(resources)
    for resource in found:
        for template in written_templates(resource):
            if not template.missing:
                grouped = resource.kind == "LeaderWorkerSet"
                yield PodTemplate(resource, template.at("spec"), template.at("metadata", "labels"), grouped)
    known = stack or Stack(found)
    tls = tls_switch(found)
    for service in known.services:
        yield from _of_service(service, known, tls)


def _of_service(service: Service, stack: Stack, tls: bool) -> Iterator[PodTemplate]:
    override = stack.config(TEMPLATE_PRESET, service.resource.namespace)
    preset = preset_pod(tls=tls) if override is None else override.at("spec", "template").value
    for part in (service.spec, service.spec.at("prefill")):
        if part.missing:
            continue
        grouped = not part.at("worker").missing
        for name in ("template", "worker") if grouped else ("template",):
            own = part.at(name)
            pod = Field(own.path, own.value if own.of(dict).unknown else merged(preset, own.value))
            yield PodTemplate(service.resource, pod, part.at("labels"), grouped, service)


def tls_switch(resources: Iterable[Resource]) -> bool:
    """Whether the stack turns KServe's cluster-wide TLS switch on."""
    for resource in resources:
        if resource.kind == "ConfigMap" and resource.name == INFERENCE_SERVICE_CONFIG_MAP:
            try:
                ingress: Any = json.loads(resource.at("data", "ingress").get(str) or "{}")
            except ValueError:
                continue
            if isinstance(ingress, dict) and cast("dict[str, Any]", ingress).get(TLS_SWITCH) is True:
                return True
    return False


def number(field: Field) -> int | None:
    """A whole number, also where it is written as text, as Kubernetes quantities are."""
    value = field.value
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    text = str(value)
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else None


def chips(container: Field) -> int:
    """TPU chips a container asks for; 0 for none or an unknown number."""
    limit, request = (container.at("resources", side, TPU_RESOURCE) for side in ("limits", "requests"))
    return number(limit) or number(request) or 0


def words(container: Field) -> list[Field]:
    """Command and arguments in order; an unknown list is one unknown field."""
    return [*container.at("command").items(), *container.at("args").items()]


def is_vllm(container: Field) -> bool:
    """Whether a container runs vLLM, by its image or its command."""
    image = container.at("image").get(str) or ""
    name = image.rsplit("@", 1)[0].rsplit("/", 1)[-1].split(":", 1)[0]
    if "vllm" in name or "/llm-d-" in image:
        return True
    texts = [word.get(str) or "" for word in words(container)[:4]]
    return any(
        text.rsplit("/", 1)[-1] == "vllm" or "vllm.entrypoints" in text or "vllm serve" in text for text in texts
    )
