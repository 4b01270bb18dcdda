"""Does a model fit the memory of the chips its server asks for, and the boot disk of the nodes it is loaded onto?

Reads the size from the model's name and the server's arguments. A name that tells no size cannot be judged, which is said as
advice; the memory of servers of several pods is not judged. That fewer chips would do is no finding: it may be meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from pulumi_policy import EnforcementLevel, Severity

from policies.framework import Report, at, stack_policy
from policies.node_room import declared_pools, judge_disk
from policies.pods import POD_KINDS, PodTemplate, chips, is_vllm, pod_templates, words
from policies.reading import Field
from policies.routing import KINDS
from rules import memory, model_size, tpu, vllm_arguments
from rules.finding import Finding

_KINDS: Final = tuple(dict.fromkeys((*KINDS, *POD_KINDS, "ConfigMap", "NodePool", "Cluster")))


def _check(resources: list[Any], report: Report) -> None:
    declared = declared_pools(resources)
    for template in pod_templates(resources):
        judge_disk(template, declared, report)
    for container, template in _servers(resources):
        _check_server(container, template, report)


def _servers(resources: list[Any]) -> Iterator[tuple[Field, PodTemplate]]:
    """Each container that serves a model from the chips of one pod."""
    for template in pod_templates(resources):
        container = template.server
        if container is not None and not template.grouped and chips(container) and is_vllm(container):
            yield container, template


def _check_server(container: Field, template: PodTemplate, report: Report) -> None:
    kind = _kind(template)
    arguments = _arguments(container)
    model = _model(container, template, arguments)
    name = model.get(str)
    if kind is not None and model.unknown:
        report.undecided(model, "whether the weights fit the chips", template.resource)
    if kind is not None and name is not None:
        report.findings(_misfits(model, name, container, arguments, kind), template.resource)


def _kind(template: PodTemplate) -> tpu.MachineType | None:
    return tpu.accelerator(template.pod.at("nodeSelector", tpu.TPU_ACCELERATOR_LABEL).get(str) or "")


def _arguments(container: Field) -> list[str]:
    return vllm_arguments.split(field.get(str) or "" for field in words(container))


def _misfits(
    model: Field, name: str, container: Field, arguments: Sequence[str], kind: tpu.MachineType
) -> Iterator[Finding]:
    """What does not fit, if the model is as large as the name says that stands in that field."""
    quantised = vllm_arguments.value(arguments, ("--quantization", "-q")) or ""
    cache = vllm_arguments.value(arguments, ("--kv-cache-dtype",)) or ""
    share = _decimal(vllm_arguments.value(arguments, ("--gpu-memory-utilization",)))
    length = vllm_arguments.value(arguments, ("--max-model-len",)) or ""
    findings = memory.check_fit(
        parameters_billion=memory.parameters_billion(name),
        bytes_per_parameter=memory.bytes_per_parameter(
            f"{name} {quantised}", vllm_arguments.value(arguments, ("--dtype",))
        ),
        shape=memory.model_shape(name),
        chips=chips(container),
        hbm_gib_per_chip=kind.hbm_gib_per_chip,
        max_model_length=int(length) if length.isdecimal() and length.isascii() and len(length) < 12 else None,
        cache_bytes_per_value=1.0 if cache.startswith(("fp8", "int8")) else 2.0,
        utilization=memory.MEMORY_UTILIZATION if share is None else share,
    )
    for finding in findings:
        if finding.certain and finding.path == "parameters":
            yield replace(finding, path=model.path, value=name)
        elif finding.certain:
            yield at(finding, f"{container.path}.args")


def _advise(resources: list[Any], report: Report) -> None:
    """Says which models nobody can judge; where at least the served name tells a size, it says what follows from that."""
    for container, template in _servers(resources):
        kind, arguments = _kind(template), _arguments(container)
        model = _model(container, template, arguments)
        name = model.get(str)
        if kind is None or name is None or memory.parameters_billion(name) is not None:
            continue
        served = model if template.service is None else template.service.spec.at("model", "name")
        called = served.get(str)
        if called is None or memory.parameters_billion(called) is None:
            report.finding(model_size.unknown_size(name, model.path), template.resource)
        else:
            report.findings(_misfits(served, called, container, arguments, kind), template.resource)


def _model(container: Field, template: PodTemplate, arguments: Sequence[str]) -> Field:
    """Where the model's name stands: the service's URI, else `--model` or what follows `serve`."""
    if template.service is not None:
        return template.service.spec.at("model", "uri")
    named = vllm_arguments.value(arguments, ("--model",))
    if named is None and "serve" in arguments[:-1]:
        named = arguments[arguments.index("serve") + 1]
    return Field(f"{container.path}.args", named)


def _decimal(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 < value <= 1 else None


MODEL_MEMORY: Final = stack_policy(
    name="model-memory",
    title="Models fit the memory of their chips and the disk of their nodes",
    description="Weights, and the cache of one request of full length, must fit the memory of the chips a server asks for; "
    "weights that are loaded for each server must fit what GKE leaves pods of the nodes' boot disk.",
    remediation="Take a slice with more chips, a quantised model, or a shorter --max-model-len; a larger boot disk, or weights "
    "on a volume.",
    severity=Severity.HIGH,
    tags=["tpu", "vllm"],
    kinds=_KINDS,
    check=_check,
)

MODEL_SIZE: Final = stack_policy(
    name="model-size-unknown",
    title="The size of a model is known",
    description="A model whose address tells no number of parameters is judged by the name it is served under, or not at all.",
    remediation="Compare the size of the model's files with the memory of the chips, and exempt the finding with the result.",
    severity=Severity.LOW,
    tags=["tpu", "vllm"],
    kinds=_KINDS,
    check=_advise,
    enforcement=EnforcementLevel.ADVISORY,
)
