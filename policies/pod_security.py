"""Pod Security Standards on every pod of the stack, with KServe's preset merged in.

Baseline is mandatory: what it refuses leads out of the container, and nothing that serves models needs it. Restricted is
advisory: the published vLLM images for TPU run as root, so blocking by default would only be exempted; the environments'
configuration raises it. An unknown security setting is reported where baseline is decided by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from pulumi_policy import EnforcementLevel, PolicyComplianceFramework, Severity

from policies.framework import Report, stack_policy
from policies.pods import POD_KINDS, pod_templates
from policies.reading import related
from policies.resources import Resource
from policies.routing import KINDS
from rules.finding import Finding
from rules.pod_security import check_baseline, check_restricted

_VERSION: Final = "v1.34"
_KINDS: Final = tuple(dict.fromkeys((*KINDS, *POD_KINDS, "ConfigMap")))
_DECISIVE: Final = ("hostNetwork", "hostPID", "hostIPC", "volumes", "securityContext", "hostPort", "hostPath")


def _check(resources: list[Resource], report: Report, rules: Callable[[dict[str, Any]], list[Finding]]) -> None:
    baseline = rules is check_baseline
    for template in pod_templates(resources):
        pod = template.pod
        if pod.of(dict).unknown:
            if baseline:
                report.undecided(pod.of(dict), "whether the pod is confined", template.resource)
            continue
        if pod.missing:
            continue
        hidden = [field for field in pod.unknowns() if _decisive(field.path.removeprefix(pod.path))]
        if baseline:
            for field in hidden:
                report.undecided(field, "whether the pod is confined", template.resource)
        for finding in rules(cast("dict[str, Any]", pod.value)):
            placed = finding.under(pod.path)
            if not any(related(field.path, placed.path) for field in hidden):
                report.finding(placed, template.resource)


def _decisive(path: str) -> bool:
    steps = path.replace("[", ".").split(".")
    inside = {"configMap", "secret", "emptyDir", "persistentVolumeClaim", "projected", "csi", "downwardAPI", "name"}
    return any(step in _DECISIVE for step in steps) and not inside.intersection(steps)


def _check_baseline(resources: list[Resource], report: Report) -> None:
    _check(resources, report, check_baseline)


def _check_restricted(resources: list[Resource], report: Report) -> None:
    _check(resources, report, check_restricted)


POD_SECURITY_BASELINE: Final = stack_policy(
    name="pod-security-baseline",
    title="Pods stay in their containers",
    description="Pods must meet the baseline Pod Security Standard: no host access, privileges or unconfined profiles.",
    remediation="Leave out privileged, host namespaces, hostPath, hostPort and added capabilities.",
    severity=Severity.HIGH,
    tags=["security", "pod-security"],
    kinds=_KINDS,
    check=_check_baseline,
    framework=PolicyComplianceFramework(
        name="Kubernetes Pod Security Standards",
        version=_VERSION,
        reference="baseline",
        specification="CIS GKE 1.9: 4.2.1",
    ),
)

POD_SECURITY_RESTRICTED: Final = stack_policy(
    name="pod-security-restricted",
    title="Pods have no more rights than they need",
    description="Pods should meet the restricted Pod Security Standard: no root, no escalation, no capabilities, seccomp on.",
    remediation="Write runAsNonRoot: true, allowPrivilegeEscalation: false, drop ALL, and seccompProfile RuntimeDefault.",
    severity=Severity.MEDIUM,
    tags=["security", "pod-security"],
    kinds=_KINDS,
    check=_check_restricted,
    enforcement=EnforcementLevel.ADVISORY,
    framework=PolicyComplianceFramework(
        name="Kubernetes Pod Security Standards",
        version=_VERSION,
        reference="restricted",
        specification="CIS GKE 1.9: 4.6.2, 4.6.3",
    ),
)
