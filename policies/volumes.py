"""Can as many pods as are asked for hold the disk that they share?

Joins Deployments, StatefulSets and ReplicaSets with the claims their pods name and the autoscalers that scale them. A claim
that is not in the stack is somebody else's, and one of a StatefulSet's own templates is made once a pod: neither is judged.
"""

from __future__ import annotations

from typing import Final

from pulumi_policy import Severity

from policies.framework import Report, stack_policy
from policies.pods import PodTemplate, pod_templates
from policies.reading import Field
from policies.resources import Name, Resource
from rules import volumes

CLAIM: Final = "PersistentVolumeClaim"
_SCALED: Final = ("Deployment", "StatefulSet", "ReplicaSet")
_HPA: Final = "HorizontalPodAutoscaler"
_Key = tuple[Name, Name]


def _check(resources: list[Resource], report: Report) -> None:
    claims: dict[_Key, Resource] = {(r.namespace, r.name): r for r in resources if r.kind == CLAIM and r.group == ""}
    if not claims:
        return
    for claim in claims.values():
        _judge_class(claim, report)
    autoscalers = [r for r in resources if r.kind == _HPA]
    for template in pod_templates(resources):
        if template.resource.kind in _SCALED:
            for volume in template.pod.at("volumes").items():
                _judge_volume(volume, template, claims, autoscalers, report)


def _judge_class(claim: Resource, report: Report) -> None:
    name = claim.at("spec", "storageClassName").of(str)
    bound = not claim.at("spec", "volumeName").missing
    if name.unknown or bound:
        return  # a volume that is there already needs no class
    for mode in claim.at("spec", "accessModes").items():
        report.findings(volumes.check_class(mode.get(str) or "ReadWriteOnce", name.get(str), mode.path), claim)


def _judge_volume(
    volume: Field,
    template: PodTemplate,
    claims: dict[_Key, Resource],
    autoscalers: list[Resource],
    report: Report,
) -> None:
    workload = template.resource
    field = volume.at("persistentVolumeClaim", "claimName").of(str)
    if field.unknown:
        report.undecided(field, "whether the pods can share their disk", workload)
        return
    claim = claims.get((workload.namespace, field.get(str) or ""))
    if claim is None:
        return
    modes = [mode.of(str) for mode in claim.at("spec", "accessModes").items()]
    if claim.at("spec", "accessModes").unknown or any(mode.unknown for mode in modes):
        report.undecided(claim.at("spec", "accessModes"), "whether the pods can share their disk", claim)
        return
    single = [text for mode in modes if (text := mode.get(str)) in volumes.SINGLE_NODE_MODES]
    if len(single) < len(modes) or not single:
        return
    number, what = _most(workload, autoscalers, report)
    if number is None:
        return
    shared = volumes.check_single_writer(single[0], number, field.path, what)
    report.findings(shared, workload)
    strategy = workload.at("spec", "strategy", "type").of(str)
    if workload.kind == "Deployment" and not shared and strategy.unknown:
        report.undecided(strategy, "whether an update ends the old pod before the new one needs its disk", workload)
    elif workload.kind == "Deployment" and not shared:
        report.findings(volumes.check_rollout(single[0], strategy.get(str), strategy.path), workload)


def _most(workload: Resource, autoscalers: list[Resource], report: Report) -> tuple[int | None, str]:
    """The most pods that the workload may have, and what says so; None, reported, where that is not known."""
    for autoscaler in autoscalers:
        ref = autoscaler.at("spec", "scaleTargetRef")
        named = (ref.at("kind").get(str), autoscaler.namespace, ref.at("name").get(str))
        if named != (workload.kind, workload.namespace, workload.name):
            continue
        high = autoscaler.at("spec", "maxReplicas").of(int)
        if high.unknown:
            report.undecided(high, "whether the pods can share their disk", autoscaler)
            return None, ""
        return high.get(int), autoscaler.label
    replicas = workload.at("spec", "replicas").of(int)
    if replicas.unknown:
        report.undecided(replicas, "whether the pods can share their disk", workload)
        return None, ""
    return replicas.get(int) if not replicas.missing else 1, replicas.path


VOLUME_SHARING: Final = stack_policy(
    name="volume-sharing",
    title="Pods that share a disk can all have it",
    description="A disk that one node alone holds serves one pod, and its Deployment must end the old pod before the new one.",
    remediation="Use ReadWriteMany or ReadOnlyMany for several pods; else one replica and strategy Recreate.",
    severity=Severity.HIGH,
    tags=["storage", "autoscaling"],
    kinds=(*_SCALED, CLAIM, _HPA),
    check=_check,
)
