"""Does an endpoint picker start with the configuration it is given, and does it cut prompts as the servers do?

Reads the inline configuration of LLMInferenceServices with the configs they are based on, and EndpointPickerConfigs in
ConfigMaps that a service names. What the picker decodes is `rules.endpoint_picker`'s knowledge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import yaml
from pulumi_policy import Severity

from policies.framework import Report, stack_policy
from policies.pods import number, pod_templates, words
from policies.reading import Field
from policies.resources import Name, Resource
from policies.routing import KINDS, Service, Stack
from rules import vllm, vllm_arguments
from rules.endpoint_picker import PREFIX_PRODUCER, check_block_size, check_config
from rules.finding import Finding

DEFAULT_KEY: Final = "epp"
"""Key of a ConfigMap that `scheduler.config.ref` means when it names none."""
_QUESTION: Final = "whether the endpoint picker starts with it"


def _check(resources: list[Resource], report: Report) -> None:
    stack = Stack(resources)
    maps: dict[tuple[Name, Name | None], Resource] = {
        (resource.namespace, resource.name): resource for resource in resources if resource.kind == "ConfigMap"
    }
    served = _block_sizes(resources, stack)
    for service in stack.services:
        for field, resource in _configurations(service, maps):
            if field.unknown or any(True for _ in field.unknowns()):
                report.undecided(field if field.unknown else next(field.unknowns()), _QUESTION, resource)
                continue
            config = _parsed(field)
            if config is None:
                report.finding(_unreadable(field), resource)
                continue
            found = check_config(config, field.path)
            report.findings((finding for finding in found if finding.certain), resource)
            size = served.get(service.resource.urn)
            if size is not None:
                report.findings(_blocks(config, size, field.path), resource)


def _configurations(
    service: Service, maps: Mapping[tuple[Name, Name | None], Resource]
) -> Iterator[tuple[Field, Resource]]:
    """The configuration of a service's picker, and the resource in which it stands."""
    config = service.spec.at("router", "scheduler", "config")
    inline = config.at("inline")
    if not inline.missing:
        yield inline, service.resource
    name = config.at("ref", "name").get(str)
    holder = maps.get((service.resource.namespace, name))
    if name is not None and holder is not None:
        yield holder.at("data", config.at("ref", "key").get(str) or DEFAULT_KEY), holder


def _parsed(field: Field) -> Mapping[str, Any] | None:
    value: Any = field.value
    if isinstance(value, str):
        try:
            value = yaml.safe_load(value)
        except yaml.YAMLError:
            return None
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else None


def _unreadable(field: Field) -> Finding:
    return Finding(
        path=field.path,
        value=None if field.missing else "unreadable",
        reason="this is no EndpointPickerConfig, so the endpoint picker ends at start",
        remedy="Write the configuration as YAML with apiVersion, kind, plugins and schedulingProfiles.",
        rule="strict",
    )


def _block_sizes(resources: list[Resource], stack: Stack) -> dict[str, int]:
    """Tokens of the KV cache blocks of services whose servers name them, or whose context length tells, by URN."""
    found: dict[str, int] = {}
    for template in pod_templates(resources, stack):
        container = template.server
        if container is None or template.service is None:
            continue
        fields = words(container)
        if any(field.of(str).unknown for field in fields):
            continue
        arguments = vllm_arguments.split(field.get(str) or "" for field in fields)
        size, length = (
            _number(arguments, flags) for flags in (vllm_arguments.BLOCK_SIZE, vllm_arguments.MAX_MODEL_LENGTH)
        )
        if size is not None or length is not None:
            found[template.resource.urn] = size or vllm.default_block_size(length or 1)
    return found


def _number(arguments: list[str], flags: tuple[str, ...]) -> int | None:
    value = vllm_arguments.value(arguments, flags)
    return None if value is None else number(Field("", value))


def _blocks(config: Mapping[str, Any], served: int, path: str) -> list[Finding]:
    plugins: Any = config.get("plugins")
    found: list[Finding] = []
    for index, plugin in enumerate(cast("list[Any]", plugins) if isinstance(plugins, list) else []):
        if not isinstance(plugin, dict) or cast("dict[str, Any]", plugin).get("type") != PREFIX_PRODUCER:
            continue
        parameters: Any = cast("dict[str, Any]", plugin).get("parameters")
        if not isinstance(parameters, dict):
            continue
        written = cast("dict[str, Any]", parameters)
        size = number(Field("", written.get("blockSizeTokens")))
        if size is not None and written.get("autoTune") is False:
            found += check_block_size(size, served, f"{path}.plugins[{index}].parameters.blockSizeTokens")
    return found


ENDPOINT_PICKER: Final = stack_policy(
    name="endpoint-picker-config",
    title="Endpoint pickers start with what they are told",
    description="The endpoint picker decodes its configuration strictly, and one that ends at start lets requests go anywhere.",
    remediation="Write plugins and parameters as the pinned image knows them, with the servers' block size.",
    severity=Severity.HIGH,
    tags=["kserve", "gateway"],
    kinds=(*KINDS, "ConfigMap"),
    check=_check,
)
