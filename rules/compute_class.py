"""ComputeClasses: in which order GKE's autoscaler tries node pools for one workload, and what binds a pool to a class.

Owns the label, the taint and the rules of the kind. Does not own the pools (`node_pool.py`, `tpu`).
Sources, read 2026-11: docs.cloud.google.com/kubernetes-engine/docs/concepts/about-custom-compute-classes and
…/docs/reference/crds/computeclass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from rules.finding import Finding

API_VERSION: Final = "cloud.google.com/v1"
GROUP: Final = "cloud.google.com"
KIND: Final = "ComputeClass"
LABEL: Final = "cloud.google.com/compute-class"
"""Node label and taint key of a pool that belongs to a class, and the node selector of pods that want the class."""
TAINT_EFFECT: Final = "NoSchedule"
NODE_TAINT_EFFECT: Final = "NO_SCHEDULE"
"""The same effect as GKE's API spells it."""
DO_NOT_SCALE_UP: Final = "DoNotScaleUp"
"""Pods stay Pending until a pool of the class has room. The other choice starts machines of any kind, which have no TPU."""
RESERVED_PREFIXES: Final = ("gke", "autopilot")
"""Names of classes cannot begin with these."""


@dataclass(frozen=True, kw_only=True)
class MemberPool:
    """What a class needs of one of its node pools; None is not known."""

    name: str
    label: str | None = None
    """Value of the class label on its nodes; empty when there is none."""
    taint: str | None = None
    """Value of the class taint on its nodes; empty when there is none."""
    shape: str | None = None
    """Machine type and topology of a TPU pool; empty for other pools."""
    autoscaled: bool | None = None


def node_label(name: str) -> dict[str, str]:
    """The label of nodes that belong to a class."""
    return {LABEL: name}


def check_name(name: str) -> list[Finding]:
    """Whether GKE takes that name for a class; the path is `name`."""
    if not name.startswith(RESERVED_PREFIXES):
        return []
    return [
        Finding(
            path="name",
            value=name,
            reason=f"GKE keeps names that begin with {' or '.join(RESERVED_PREFIXES)} for its own classes",
            remedy="Write another name, such as v6e-first-reserved.",
            rule="name",
        )
    ]


def check_spec(spec: Mapping[str, Any]) -> list[Finding]:
    """What GKE ignores or does differently than a class's `spec` seems to say; paths are those of the spec.

    Values that are not known are to be left out of `spec` by the caller.
    """
    findings: list[Finding] = []
    unsatisfiable = spec.get("whenUnsatisfiable")
    listed = spec.get("priorities")
    rules = cast(list[Any], listed) if isinstance(listed, list) else []
    tpus = any(isinstance(rule, Mapping) and ("tpu" in rule or "nodepools" in rule) for rule in rules)
    if unsatisfiable == "ScaleUpAnyway" and tpus:
        findings.append(
            Finding(
                path="whenUnsatisfiable",
                value=unsatisfiable,
                reason="when no pool of the class has room GKE starts default machines, which have no TPU and cost money",
                remedy=f"Write {DO_NOT_SCALE_UP}.",
                rule="unsatisfiable",
            )
        )
    for index, rule in enumerate(rules):
        if isinstance(rule, Mapping) and "nodepools" in rule and len(cast(Mapping[str, Any], rule)) > 1:
            others = sorted(str(key) for key in cast(Mapping[str, Any], rule) if key != "nodepools")
            findings.append(
                Finding(
                    path=f"priorities[{index}]",
                    value=", ".join(others),
                    reason="a rule that names node pools takes no other field",
                    remedy="Leave them out, or write a rule of its own for them.",
                    rule="priorities",
                )
            )
    return findings


def check_members(name: str, pools: Sequence[MemberPool]) -> list[Finding]:
    """Whether node pools can serve as one class; paths are `POOL.labels`, `POOL.taints`, `POOL.shape`, `POOL.autoscaling`."""
    findings: list[Finding] = []
    shapes = sorted({pool.shape for pool in pools if pool.shape})
    for pool in pools:
        bound = (
            ("labels", pool.label, "GKE puts no pods of the class on its nodes"),
            ("taints", pool.taint, "pods of no class take its nodes"),
        )
        for what, value, consequence in bound:
            if value is not None and value != name:
                findings.append(
                    _member(
                        pool, what, value or None, f"a pool of class {name} needs it, or {consequence}", name, "binding"
                    )
                )
        if pool.autoscaled is False:
            findings.append(
                Finding(
                    path=f"{pool.name}.autoscaling",
                    value=None,
                    reason="GKE chooses between pools when it adds nodes, and to a pool of fixed size it adds none",
                    remedy="Write autoscaling limits.",
                    rule="fixed-size",
                )
            )
        if pool.shape and len(shapes) > 1 and pool.shape != shapes[0]:
            findings.append(
                Finding(
                    path=f"{pool.name}.shape",
                    value=pool.shape,
                    reason=f"another pool of class {name} is {shapes[0]}: one pod asks for one number of chips in one topology",
                    remedy="Put pools of one machine type and topology into a class.",
                    rule="shape",
                )
            )
    return findings


def _member(pool: MemberPool, what: str, value: object, reason: str, name: str, rule: str) -> Finding:
    wanted = f"{LABEL}: {name}" if what == "labels" else f"{LABEL}={name}:{TAINT_EFFECT}"
    return Finding(path=f"{pool.name}.{what}", value=value, reason=reason, remedy=f"Write {wanted}.", rule=rule)


def pools_named(rules: Iterable[Any]) -> list[str]:
    """The node pools that priority rules name, in their order."""
    names: list[str] = []
    for rule in rules:
        if isinstance(rule, Mapping):
            listed = cast(Mapping[str, Any], rule).get("nodepools")
            names += (
                [name for name in cast(list[Any], listed) if isinstance(name, str)] if isinstance(listed, list) else []
            )
    return names
