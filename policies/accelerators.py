"""Do pods select TPU nodes by a label that GKE puts on nodes?

Every pod template of a resource is read as it is written, so that base configurations are judged where they stand. Whether the
selected nodes exist and are large enough is `workloads.py`'s question, which is asked once the label is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pulumi_policy import Severity

from policies.framework import Report, resource_policy
from policies.pods import POD_KINDS, written_templates
from policies.reading import Field
from policies.remediation import accelerator_label
from policies.resources import Resource
from rules.kserve import LLM_INFERENCE_SERVICE, LLM_INFERENCE_SERVICE_CONFIG
from rules.tpu import TPU_ACCELERATOR_LABEL
from rules.workload import check_accelerator

_KSERVE: Final = frozenset({LLM_INFERENCE_SERVICE, LLM_INFERENCE_SERVICE_CONFIG})


def _selectors(resource: Resource) -> Iterator[Field]:
    for template in written_templates(resource):
        yield template.at("spec", "nodeSelector")
    if resource.kind in _KSERVE:
        for part in (resource.at("spec"), resource.at("spec", "prefill")):
            for name in ("template", "worker"):
                yield part.at(name, "nodeSelector")


def _check(resource: Resource, report: Report) -> None:
    for selector in _selectors(resource):
        label = selector.at(TPU_ACCELERATOR_LABEL).of(str)
        if selector.unknown or label.unknown:
            report.undecided(selector if selector.unknown else label, "whether any node has this label", resource)
        elif label.known:
            prefix = selector.path.removesuffix("nodeSelector").rstrip(".")
            report.findings((f.under(prefix) for f in check_accelerator(str(label.value))), resource)


TPU_ACCELERATOR: Final = resource_policy(
    name="tpu-accelerator-label",
    title="TPU nodes are selected by their label",
    description="A pod must select TPU nodes by GKE's label, such as tpu-v6e-slice, not by a product's or machine's name.",
    remediation="Write the label of the pool's machine type: tpu-v6e-slice for ct6e machines.",
    severity=Severity.HIGH,
    tags=["tpu", "kserve"],
    kinds=POD_KINDS,
    check=_check,
    fix=accelerator_label(TPU_ACCELERATOR_LABEL, _selectors),
)
