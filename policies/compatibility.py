"""Do the versions in the stack go together: clusters with their node pools, and inference objects with their readers?

A pool is judged against the stack's cluster only where there is one, since a reference to it is unknown at preview.
"""

from __future__ import annotations

from typing import Final

from pulumi_policy import Severity

from policies.framework import Report, resource_policy, stack_policy
from policies.node_pools import CLUSTER, pools
from policies.releases import gke_version
from policies.resources import Resource
from rules.compatibility import RETIRED_KINDS, check_inference_kind, check_machine_version, check_pool_version


def _check(resources: list[Resource], report: Report) -> None:
    clusters = [r for r in resources if r.token == CLUSTER]
    version = gke_version(resources)
    if version is None or len(clusters) != 1:
        return
    for resource in resources:
        for pool, _ in pools(resource):
            machine, own = pool.at("nodeConfig", "machineType").get(str), pool.at("version").get(str)
            findings = check_machine_version(version, machine) if machine is not None else []
            findings += check_pool_version(version, own) if own is not None else []
            report.findings((finding.under(pool.path) for finding in findings), resource)


def _check_api(resource: Resource, report: Report) -> None:
    report.findings(check_inference_kind(resource.group, resource.kind), resource)


VERSION_COMPATIBILITY: Final = stack_policy(
    name="version-compatibility",
    title="Cluster and node pools are of fitting versions",
    description="A cluster's version must know the machine types of its node pools and be no older than they are.",
    remediation="Raise the cluster's minMasterVersion to what its machine types need.",
    severity=Severity.HIGH,
    tags=["gke", "tpu"],
    kinds=["Cluster", "NodePool"],
    check=_check,
)

INFERENCE_API: Final = resource_policy(
    name="inference-api-version",
    title="Inference objects are of groups that are still read",
    description="The alpha group of InferencePool, InferenceModel and InferenceObjective is retired.",
    remediation="Write InferencePool v1 of inference.networking.k8s.io and InferenceObjective of llm-d.ai.",
    severity=Severity.HIGH,
    tags=["gateway", "kserve"],
    kinds=list(RETIRED_KINDS),
    check=_check_api,
)
