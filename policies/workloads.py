"""Can the pods that ask for TPUs land on a node of this stack?

Reads the pod templates of every kind that has some (of LLMInferenceServices with the configs they are based on), and the
stack's TPU node pools. What fits is `rules.workload`'s knowledge.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pulumi_policy import Severity

from policies.command_lines import vllm_arguments
from policies.framework import Report, at, stack_policy
from policies.node_pools import pools, read_pool
from policies.node_room import too_large, unknown_requests
from policies.pods import POD_KINDS, is_vllm, written_templates
from policies.reading import Field
from policies.resources import Resource
from policies.routing import Stack
from rules.finding import Finding
from rules.kserve import check_name
from rules.tpu import MACHINE_TYPES, TPU_ACCELERATOR_LABEL, TPU_RESOURCE, TPU_TOPOLOGY_LABEL
from rules.vllm import check_arguments
from rules.vllm_flags import check_known
from rules.workload import Slice, check_accelerator, check_declared, check_request, check_single_pod

_QUESTION: Final = "whether the pods fit a TPU node"


def _check(resources: list[Resource], report: Report) -> None:
    stack = Stack(resources)
    slices = _slices(resources)
    for resource, pod, alone in _pods(stack, resources):
        _judge(resource, pod, alone, slices, report)
    for service in stack.services:
        if isinstance(service.resource.name, str):
            report.findings(check_name(service.resource.name), service.resource)


def _pods(stack: Stack, resources: list[Resource]) -> Iterator[tuple[Resource, Field, bool]]:
    """Every pod template, and whether one pod of it is a server of its own."""
    for resource in resources:
        for template in written_templates(resource):
            yield resource, template.at("spec"), resource.kind != "LeaderWorkerSet"
    for service in stack.services:
        for part in (service.spec, service.spec.at("prefill")):
            grouped = not part.at("worker").missing
            yield service.resource, part.at("template"), not grouped
            if grouped:
                yield service.resource, part.at("worker"), False


def _slices(resources: list[Resource]) -> list[Slice] | None:
    """The slices of the stack's TPU pools; None when one of them is not known."""
    found: list[Slice] = []
    for resource in resources:
        for pool, location in pools(resource):
            facts = read_pool(pool, location)
            if not facts.knows("machine_type"):
                return None
            machine = MACHINE_TYPES.get(facts.machine_type or "")
            if machine is None:
                continue
            if facts.topology is not None:
                found.append(Slice(machine=machine, topology=facts.topology))
            else:
                found += [Slice(machine=machine, topology=topology) for topology in machine.single_host]
                if not facts.knows("topology"):
                    found += [Slice(machine=machine, topology=topology) for topology in machine.multi_host]
    return found


def _judge(resource: Resource, pod: Field, alone: bool, slices: list[Slice] | None, report: Report) -> None:
    for container in pod.at("containers").items():
        for index, finding in _argument_findings(container):
            report.finding(at(finding, f"{container.path}.{index}"), resource)
        report.findings(_unknown_flags(container), resource)
    chips = _chips(pod, report, resource)
    if chips is None:
        return
    accelerator, topology = (
        pod.at("nodeSelector", label).of(str) for label in (TPU_ACCELERATOR_LABEL, TPU_TOPOLOGY_LABEL)
    )
    for field in (accelerator, topology):
        if field.unknown:
            report.undecided(field, _QUESTION, resource)
        elif field.missing:
            report.finding(_no_selector(field), resource)
    if not (accelerator.known and topology.known):
        return
    wanted = (str(accelerator.value), str(topology.value), chips)
    for field in unknown_requests(pod):
        report.undecided(field, "whether a node has as much for the pods", resource)
    found = _misfits(*wanted, alone, slices) or too_large(pod, *wanted)
    report.findings((finding.under(pod.path) for finding in found), resource)


def _misfits(accelerator: str, topology: str, chips: int, alone: bool, slices: list[Slice] | None) -> list[Finding]:
    if check_accelerator(accelerator):
        return []  # tpu-accelerator-label says so
    findings = check_request(accelerator, topology, chips)
    if not findings and alone:
        findings = check_single_pod(accelerator, topology, chips)
    if not findings and slices:
        findings = check_declared(accelerator, topology, chips, slices)
    return findings


def _chips(pod: Field, report: Report, resource: Resource) -> int | None:
    """TPU chips one pod asks for; None for none, or when that is not known (which is reported)."""
    total = 0
    for container in pod.at("containers").items():
        limit, request = (container.at("resources", side, TPU_RESOURCE) for side in ("limits", "requests"))
        if limit.unknown:
            report.undecided(limit, _QUESTION, resource)
            return None
        number = _number(limit)
        asked = _number(request)
        if request.known and asked != number:
            report.finding(_unequal(request, limit), resource)
        total += number or asked or 0
    return total or None


def _number(field: Field) -> int | None:
    text = str(field.value) if field.known else ""
    return int(text) if text.isdecimal() else None


def _argument_findings(container: Field) -> Iterator[tuple[str, Finding]]:
    for part in ("command", "args"):
        items = container.at(part).items()
        texts = [item.get(str) or "" for item in items]
        for finding in check_arguments(texts):
            yield f"{part}{finding.path}", finding
    for env in container.at("env").items():
        if env.at("name").get(str) == "VLLM_ADDITIONAL_ARGS":
            for finding in check_arguments([env.at("value").get(str) or ""]):
                yield f"env[{env.at('name').value}]", finding


def _unknown_flags(container: Field) -> Iterator[Finding]:
    """Flags that vLLM does not have in the container's release, where that is the one whose flags are listed."""
    image = container.at("image").get(str)
    if image is None or not is_vllm(container):
        return
    for line in vllm_arguments(container):
        for finding in check_known([text for _, text in line], image):
            yield at(finding, f"{container.path}.{line[int(finding.path.strip('[]'))][0]}")


def _no_selector(field: Field) -> Finding:
    return Finding(
        path=field.path,
        value=None,
        reason=f"a pod that asks for {TPU_RESOURCE} without it lands on any TPU node or is refused",
        remedy="Write both node selectors, such as tpu-v6e-slice and 2x2.",
        rule="selector",
    )


def _unequal(request: Field, limit: Field) -> Finding:
    return Finding(
        path=request.path,
        value=request.value,
        reason=f"the limit is {limit.value}, and Kubernetes refuses extended resources whose request differs from it",
        remedy="Write the same number in requests and limits.",
        rule="chips",
    )


TPU_WORKLOAD: Final = stack_policy(
    name="tpu-workload",
    title="TPU pods fit a node of the stack",
    description="Node selectors and google.com/tpu of a pod must match a slice that exists; vLLM must know its flags.",
    remediation="Take accelerator, topology and chips per node from the pool's machine type.",
    severity=Severity.HIGH,
    tags=["tpu", "kserve"],
    kinds=[
        *POD_KINDS,
        "NodePool",
        "Cluster",
        "HTTPRoute",
        "Gateway",
    ],
    check=_check,
)
