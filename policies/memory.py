"""Does a model fit the memory of the chips its server asks for, and the boot disk of the nodes it is loaded onto?

Reads the size from the model's name and the server's arguments; a name that tells no size is not judged, and neither is the
memory of servers of several pods. That fewer chips would do is no finding: it may be meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pulumi_policy import Severity

from policies.framework import Report, at, stack_policy
from policies.node_room import declared_pools, judge_disk
from policies.pods import POD_KINDS, PodTemplate, chips, is_vllm, pod_templates, words
from policies.reading import Field
from policies.routing import KINDS
from rules import memory, tpu, vllm_arguments

_KINDS: Final = tuple(dict.fromkeys((*KINDS, *POD_KINDS, "ConfigMap", "NodePool", "Cluster")))


def _check(resources: list[Any], report: Report) -> None:
    declared = declared_pools(resources)
    for template in pod_templates(resources):
        judge_disk(template, declared, report)
        container = template.server
        if container is None or template.grouped or not chips(container) or not is_vllm(container):
            continue
        _check_server(container, template, report)


def _check_server(container: Field, template: PodTemplate, report: Report) -> None:
    kind = tpu.accelerator(template.pod.at("nodeSelector", tpu.TPU_ACCELERATOR_LABEL).get(str) or "")
    arguments = vllm_arguments.split(field.get(str) or "" for field in words(container))
    model = _model(container, template, arguments)
    name = model.get(str)
    if kind is not None and model.unknown:
        report.undecided(model, "whether the weights fit the chips", template.resource)
    if kind is None or name is None:
        return
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
    paths = {"parameters": model.path, "maxModelLength": f"{container.path}.args"}
    report.findings((at(f, paths[f.path]) for f in findings if f.certain), template.resource)


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
