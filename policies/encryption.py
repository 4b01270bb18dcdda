"""Does the pool that GKE makes with a cluster have the key that the cluster's other pools have?

Stack policy: clusters with their node pools. Who asks for keys of one's own (CMEK) is a node pool of the cluster that has one,
or the pack's configuration. That a node pool has none is `hardening-advised`'s to say. What is wrong is `rules.encryption`'s
knowledge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pulumi_policy import EnforcementLevel, Severity

from policies.framework import Report, stack_policy
from policies.node_pools import CLUSTER, NODE_POOL
from policies.reading import Unknown
from policies.resources import Resource
from rules.encryption import check_default_pool_key

_QUESTION: Final = "whether the cluster's default pool has the key that is asked for"
_REQUIRED: Final = "required"
_CONFIG: Final[dict[str, dict[str, Any]]] = {
    _REQUIRED: {
        "type": "boolean",
        "description": "Whether keys of one's own are asked for in any case, as where an organization policy demands them. "
        "Otherwise a node pool that has one asks for it.",
    }
}


def _check(resources: list[Resource], report: Report) -> None:
    clusters = [resource for resource in resources if resource.token == CLUSTER]
    pools = [resource for resource in resources if resource.token == NODE_POOL and _key(resource) not in (None, "")]
    for cluster in clusters:
        autopilot, block = cluster.at("enableAutopilot").of(bool), cluster.at("nodeConfig").of(dict)
        if autopilot.get(bool) is True or _has_own_pools(cluster):
            continue
        if block.known and _key(cluster) not in (None, ""):
            continue  # any value, known or not, is a key
        asked_by, unclear = _asked(cluster, pools, alone=len(clusters) == 1, report=report)
        hidden = next((field for field in (autopilot, block) if field.unknown), None)
        if asked_by is None:
            for pool in unclear:
                report.undecided(pool.at("cluster"), _QUESTION, pool)
        elif hidden is not None:
            report.undecided(hidden, _QUESTION, cluster)
        else:
            removed = cluster.at("removeDefaultNodePool").get(bool) is True
            report.findings(check_default_pool_key(asked_by, removed=removed), cluster)


def _key(resource: Resource) -> Any:
    """The key of the boot disks in its `nodeConfig`; None where none is written, or none of the block is known."""
    block = resource.at("nodeConfig").of(dict)
    return block.at("bootDiskKmsKey").value if block.known else None


def _has_own_pools(cluster: Resource) -> bool:
    """Whether GKE makes the pools that are written in the cluster, and no default pool."""
    return cluster.at("nodeConfig").missing and bool(cluster.at("nodePools").items())


def _asked(
    cluster: Resource, pools: Sequence[Resource], *, alone: bool, report: Report
) -> tuple[str | None, list[Resource]]:
    """Who asks for a key in the cluster, as a clause, and pools that may be the cluster's and ask for it."""
    if report.config.get(_REQUIRED) is True:
        return "the pack's configuration asks for keys of yours (CMEK)", []
    verdicts = {pool.urn: _belongs(pool, cluster, alone=alone) for pool in pools}
    certain = sorted(pool.label for pool in pools if verdicts[pool.urn])
    if certain:
        return f"{certain[0]} has a key of yours (CMEK)", []
    return None, [pool for pool in pools if verdicts[pool.urn] is None]


def _belongs(pool: Resource, cluster: Resource, *, alone: bool) -> bool | None:
    """Whether the pool is the cluster's; None when that cannot be told. At preview a reference to a new cluster is unknown."""
    ref = pool.at("cluster").get(str)
    if ref is None or isinstance(cluster.name, Unknown):
        return True if alone else None
    return ref.rsplit("/", 1)[-1] == cluster.name


CMEK_DEFAULT_POOL: Final = stack_policy(
    name="cmek-default-pool",
    title="The default pool has a key of one's own where other pools have",
    description="The pool that GKE makes with a cluster needs a Cloud KMS key too, where an organization policy demands one.",
    remediation="Write nodeConfig.bootDiskKmsKey in the cluster itself, also where its default pool is removed.",
    severity=Severity.MEDIUM,
    tags=["security", "cmek", "gke"],
    kinds=["Cluster", "NodePool"],
    check=_check,
    enforcement=EnforcementLevel.ADVISORY,
    config=_CONFIG,
)
