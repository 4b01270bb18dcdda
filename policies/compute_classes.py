"""ComputeClasses: do the node pools that a class names exist, belong to it, and can they stand in for each other?

Joins `cloud.google.com/v1` ComputeClasses with the node pools of the stack. What a class asks of its pools is
`rules.compute_class`'s knowledge. Pools that are made elsewhere are nobody's mistake here: a name that no pool of the stack
has is reported only where the stack has node pools at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

from pulumi_policy import Severity

from policies.framework import Report, stack_policy
from policies.node_pools import CLUSTER, NODE_POOL, pools, read_pool
from policies.reading import Field, Unknown
from policies.resources import Resource
from rules.compute_class import GROUP, KIND, LABEL, MemberPool, check_members, check_name, check_spec, pools_named
from rules.finding import Finding
from rules.node_pool import is_tpu_pool

_PLACES: Final = {
    "labels": f"nodeConfig.labels['{LABEL}']",
    "taints": "nodeConfig.taints",
    "autoscaling": "autoscaling",
    "shape": "nodeConfig.machineType",
}


def _check(resources: list[Resource], report: Report) -> None:
    classes = [each for each in resources if each.kind == KIND and each.group == GROUP]
    declared = [(each, pool) for each in resources if each.token in {NODE_POOL, CLUSTER} for pool, _ in pools(each)]
    for each in classes:
        _check_class(each, declared, report)


def _check_class(resource: Resource, declared: list[tuple[Resource, Field]], report: Report) -> None:
    if isinstance(resource.name, str):
        report.findings((f.under("metadata") for f in check_name(resource.name)), resource)
    spec = resource.at("spec")
    report.findings((f.under("spec") for f in check_spec(_known(spec.value))), resource)
    unknown = next(spec.at("priorities").unknowns(), None)
    if unknown is not None:
        report.undecided(unknown, "which node pools the class tries", resource)
        return
    named = pools_named(rule.value for rule in spec.at("priorities").items())
    members: list[tuple[Resource, Field, MemberPool]] = []
    for name in named:
        fitting = [(owner, pool) for owner, pool in declared if pool.at("name").get(str) == name]
        if not fitting:
            _missing(resource, name, declared, report)
        members += [(owner, pool, _member(name, pool)) for owner, pool in fitting]
    if not isinstance(resource.name, str):
        return
    for finding in check_members(resource.name, [member for _, _, member in members]):
        pool_name, _, what = finding.path.rpartition(".")
        for owner, pool, member in members:
            if member.name == pool_name:
                report.finding(replace(finding, path=_PLACES[what]).under(pool.path), owner)


def _missing(resource: Resource, name: str, declared: list[tuple[Resource, Field]], report: Report) -> None:
    names = [pool.at("name").of(str) for _, pool in declared]
    if not names or any(not each.known for each in names):
        return
    report.finding(
        Finding(
            path="spec.priorities",
            value=name,
            reason="the stack has no node pool of this name, so GKE skips the rule and pods may stay Pending",
            remedy=f"Write one of {', '.join(sorted({str(each.value) for each in names}))}.",
            rule="no-pool",
        ),
        resource,
    )


def _member(name: str, pool: Field) -> MemberPool:
    facts = read_pool(pool, Field("location", None))
    config = pool.at("nodeConfig")
    label = config.at("labels", LABEL).of(str)
    shape = None
    if facts.knows("machine_type", "topology") and is_tpu_pool(facts):
        shape = f"{facts.machine_type or ''} {facts.topology or ''}".strip()
    scaling = pool.at("autoscaling")
    return MemberPool(
        name=name,
        label=None if label.unknown or config.unknown else str(label.value or ""),
        taint=_taint(config),
        shape=shape,
        autoscaled=None if scaling.unknown else not scaling.missing,
    )


def _taint(config: Field) -> str | None:
    taints = config.at("taints")
    if config.unknown or next(taints.unknowns(), None) is not None:
        return None
    for taint in taints.items():
        if taint.at("key").get(str) == LABEL:
            return taint.at("value").get(str)
    return ""


def _known(value: Any) -> dict[str, Any]:
    """The parts of an object whose value is known, at the first level."""
    if not isinstance(value, Mapping):
        return {}
    return {key: each for key, each in cast(Mapping[str, Any], value).items() if not isinstance(each, Unknown)}


COMPUTE_CLASS: Final = stack_policy(
    name="compute-class",
    title="Compute classes name pools that GKE can use",
    description="The node pools of a ComputeClass must exist, carry its label and taint, grow, and be of one shape.",
    remediation="Give every pool of the class the label and the taint cloud.google.com/compute-class with the class's name, "
    "autoscaling limits, and one machine type and topology; write one pool a rule, and DoNotScaleUp.",
    severity=Severity.MEDIUM,
    tags=["tpu", "gke"],
    kinds=[KIND, "NodePool", "Cluster"],
    check=_check,
)
