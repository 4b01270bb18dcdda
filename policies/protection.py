"""Do the resources that are hardest to replace protect themselves?

Advisory by default, because a stack for development is meant to be destroyed; `config/prod.json` makes it mandatory.
"""

from __future__ import annotations

from typing import Final

from pulumi_policy import EnforcementLevel, Severity

from policies.framework import Report, resource_policy
from policies.node_pools import CLUSTER
from policies.resources import Resource
from rules.protection import DELETION_PROTECTION, FORCE_DESTROY, check_deletion_protection, check_force_destroy

BUCKET: Final = "gcp:storage/bucket:Bucket"


def _check(resource: Resource, report: Report) -> None:
    for token, name, rule in (
        (CLUSTER, DELETION_PROTECTION, check_deletion_protection),
        (BUCKET, FORCE_DESTROY, check_force_destroy),
    ):
        if resource.token != token:
            continue
        field = resource.at(name).of(bool)
        if field.unknown:
            report.undecided(field, "whether the resource is protected", resource)
        else:
            report.findings(rule(field.get(bool)), resource)


DELETION_PROTECTED: Final = resource_policy(
    name="deletion-protection",
    title="Clusters and buckets refuse to be deleted",
    description="A cluster without deletionProtection, or a bucket with forceDestroy, is one mistake away from being gone.",
    remediation="Write deletionProtection: true on clusters and leave forceDestroy out of buckets.",
    severity=Severity.MEDIUM,
    tags=["protection", "gke"],
    kinds=["Cluster", "Bucket"],
    check=_check,
    enforcement=EnforcementLevel.ADVISORY,
)
