"""Will vLLM start on these TPUs, within its probes' patience, and answer under the declared name?

Reads every container that runs vLLM and asks for TPUs, in whichever workload, with KServe's preset merged in. Whether the pod
finds a node is `workloads.py`'s question.
"""

from __future__ import annotations

from typing import Any, Final

from pulumi_policy import Severity

from policies.command_lines import VARIABLES
from policies.framework import Report, at, stack_policy
from policies.pods import POD_KINDS, PodTemplate, chips, is_vllm, number, pod_templates, words
from policies.reading import Field
from policies.routing import KINDS, Service
from rules import startup, vllm_arguments
from rules.finding import Finding
from rules.kserve import DECODE_PORT, POOL_PORT
from rules.kserve_preset import PRESET_IMAGE
from rules.tpu import TPU_ACCELERATOR_LABEL, TPU_TOPOLOGY_LABEL
from rules.workload import check_group

_KINDS: Final = tuple(dict.fromkeys((*KINDS, *POD_KINDS, "ConfigMap")))


def _check(resources: list[Any], report: Report) -> None:
    for template in pod_templates(resources):
        container = template.server
        if container is None or not chips(container):
            continue
        report.findings(_image(container, template), template.resource)
        report.findings(_group(container, template), template.resource)
        if is_vllm(container):
            _check_command(container, template, report)
        service = template.service
        if service is not None:
            for part in (service.spec, service.spec.at("prefill")):
                offloading = part.at("kvCacheOffloading")
                if offloading.known:
                    report.finding(vllm_arguments.check_offloading(offloading.path), template.resource)


def _check_command(container: Field, template: PodTemplate, report: Report) -> None:
    fields = [*words(container), *_extra(container)]
    hidden = [field for field in fields if field.of(str).unknown]
    arguments = vllm_arguments.split(field.get(str) or "" for field in fields)
    path = f"{container.path}.args"
    accelerator = template.pod.at("nodeSelector", TPU_ACCELERATOR_LABEL).get(str)
    service = template.service
    own_command = service is None or not container.at("command").missing
    findings = vllm_arguments.check_connector(arguments, path)
    findings += [each for each in vllm_arguments.check_types(arguments, accelerator, path) if each.certain]
    sized = own_command or vllm_arguments.value(arguments, vllm_arguments.TENSOR_PARALLEL) is not None
    leads = not template.grouped or (_pods(template) is not None and _leads(template))
    if sized and not hidden and leads:
        pods = _pods(template) if template.grouped else 1
        findings += vllm_arguments.check_parallelism(arguments, chips(container), accelerator, pods=pods, path=path)
    elif service is not None and not sized and not template.grouped:
        findings += _declared_parallelism(service, template, chips(container), accelerator)
    if service is not None:
        decodes = not service.spec.at("prefill").missing and not template.pod.path.startswith("spec.prefill")
        findings += vllm_arguments.check_port_flag(arguments, path, DECODE_PORT if decodes else POOL_PORT)
        name = service.spec.at("model", "name").get(str)
        if name is not None and not hidden:
            findings += vllm_arguments.check_served_name(arguments, name, path)
        works = template.pod.path.endswith("worker")  # it takes part in a server that another pod starts
        if own_command and not hidden and not works:
            findings += vllm_arguments.check_served_name_written(arguments, path)
    report.findings(findings, template.resource)
    for field in hidden:
        report.undecided(field, "whether vLLM accepts its arguments", template.resource)


def _pods(template: PodTemplate) -> int | None:
    """Pods of one group of a LeaderWorkerSet; None for other groups, whose size KServe decides."""
    if template.resource.kind != "LeaderWorkerSet":
        return None
    size = template.resource.at("spec", "leaderWorkerTemplate", "size")
    return 1 if size.missing else number(size)


def _leads(template: PodTemplate) -> bool:
    """Whether this is the pod of a LeaderWorkerSet that runs the server's command for the whole group."""
    leader = template.resource.at("spec", "leaderWorkerTemplate", "leaderTemplate")
    return leader.missing or "leaderTemplate" in template.pod.path


def _group(container: Field, template: PodTemplate) -> list[Finding]:
    size = _pods(template)
    topology = template.pod.at("nodeSelector", TPU_TOPOLOGY_LABEL).get(str)
    if size is None or topology is None or not _leads(template):
        return []
    return check_group(topology, chips(container), size, "spec.leaderWorkerTemplate.size")


def _extra(container: Field) -> list[Field]:
    return [env.at("value") for env in container.at("env").items() if env.at("name").get(str) in VARIABLES]


def _declared_parallelism(
    service: Service, template: PodTemplate, count: int, accelerator: str | None
) -> list[Finding]:
    """The preset's command takes tensor parallelism from `spec.parallelism`."""
    part = service.spec.at("prefill") if template.pod.path.startswith("spec.prefill") else service.spec
    field = part.at("parallelism", "tensor")
    if field.unknown:
        return []
    tensor = number(field)
    arguments = [] if tensor is None else [f"{vllm_arguments.TENSOR_PARALLEL[0]}={tensor}"]
    found = vllm_arguments.check_parallelism(arguments, count, accelerator)
    return [at(finding, field.path) for finding in found]


def _image(container: Field, template: PodTemplate) -> list[Finding]:
    image = container.at("image").get(str)
    if template.service is None or image is None or not image.startswith(PRESET_IMAGE):
        return []
    return [
        Finding(
            path=container.at("image").path,
            value=image,
            reason="this is the image of KServe's preset, built for CUDA: on a TPU node vLLM finds no device and ends",
            remedy="Write an image for TPU, such as vllm/vllm-tpu:v0.27.0, and a command of your own.",
            rule="image",
        )
    ]


def _check_startup(resources: list[Any], report: Report) -> None:
    configured: Any = report.config.get("minimumSeconds")
    minimum = int(configured) if isinstance(configured, (int, float)) else startup.MINIMUM_STARTUP_SECONDS
    for template in pod_templates(resources):
        container = template.server
        if container is None or not chips(container) or template.pod.path.endswith("worker"):
            continue
        if template.resource.kind in {"Job", "CronJob"}:
            continue
        probe, liveness = container.at("startupProbe"), container.at("livenessProbe")
        if any(_decisive_unknowns(probe)):
            report.undecided(_decisive_unknowns(probe)[0], "whether the server has time to start", template.resource)
        elif not probe.missing:
            findings = startup.check_startup(_window(probe), minimum, f"{probe.path}.failureThreshold")
            report.findings(findings, template.resource)
        elif not liveness.missing and not any(_decisive_unknowns(liveness)):
            findings = startup.check_no_startup_probe(_window(liveness), minimum, probe.path)
            report.findings(findings, template.resource)


def _window(probe: Field) -> int:
    return startup.window(
        number(probe.at("periodSeconds")),
        number(probe.at("failureThreshold")),
        number(probe.at("initialDelaySeconds")),
    )


def _decisive_unknowns(probe: Field) -> list[Field]:
    parts = [probe.at(name).of(int) for name in ("periodSeconds", "failureThreshold", "initialDelaySeconds")]
    return [part for part in parts if part.unknown]


VLLM_SERVER: Final = stack_policy(
    name="vllm-server",
    title="vLLM starts on its TPUs and answers under its name",
    description="Parallelism, served name, port and connectors of a vLLM server must fit the TPU and the service around it.",
    remediation="Derive --tensor-parallel-size from the chips per pod and --served-model-name from spec.model.name.",
    severity=Severity.HIGH,
    tags=["tpu", "kserve", "vllm"],
    kinds=_KINDS,
    check=_check,
)

STARTUP_BUDGET: Final = stack_policy(
    name="tpu-startup-budget",
    title="Probes outlast a TPU server's start",
    description="A TPU server compiles for minutes before it answers, and a short startup probe kills it half-way.",
    remediation="Write a startupProbe whose periodSeconds × failureThreshold covers loading and compiling the model.",
    severity=Severity.HIGH,
    tags=["tpu", "kserve", "health"],
    kinds=_KINDS,
    check=_check_startup,
    config={
        "minimumSeconds": {
            "type": "integer",
            "minimum": 1,
            "description": f"Shortest accepted window; {startup.MINIMUM_STARTUP_SECONDS} when absent.",
        }
    },
)
