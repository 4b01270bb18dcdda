"""Which versions go together: GKE with TPU generations, release channels, and the groups of inference objects.

Owns relations of versions between objects. Does not own version arithmetic (`versions.py`) nor KServe's (`kserve_install.py`).
Sources: gateway-api-inference-extension v1.5.0 and v1.6.0 release notes (2026-08-10), PR #2796; kserve-deps.env at v0.20.0;
GKE release channel documentation (2026).
"""

from __future__ import annotations

from typing import Final

from rules import versions
from rules.finding import Finding
from rules.gateway import INFERENCE_POOL, INFERENCE_POOL_GROUP, RETIRED_INFERENCE_POOL_GROUP
from rules.tpu import MACHINE_TYPES

CHANNELS: Final = ("RAPID", "REGULAR", "STABLE", "EXTENDED")
CHANNEL_FLOORS: Final = dict.fromkeys(("RAPID", "REGULAR", "STABLE"), versions.MINIMUM_OWNED_INFERENCE_POOL_CRD)
"""A version that no cluster of these release channels is older than, as of 2026-11-21: STABLE made new clusters of 1.34.6 by May
(GKE's release notes of 2026-05-27), 1.33 left standard support on 2026-08-03 (endoflife.date), and GKE upgrades what is out of
it. EXTENDED keeps a minor version for two years and has no floor here."""
OBJECTIVE_API_VERSION: Final = "llm-d.ai/v1alpha2"
RETIRED_KINDS: Final = {
    INFERENCE_POOL: f"Write apiVersion {INFERENCE_POOL_GROUP}/v1 with selector.matchLabels, targetPorts and endpointPickerRef.",
    "InferenceModel": f"Write an InferenceObjective of {OBJECTIVE_API_VERSION} for its priority, or nothing.",
    "InferenceObjective": f"Write apiVersion {OBJECTIVE_API_VERSION}.",
}


def check_machine_version(cluster_version: str, machine_type: str) -> list[Finding]:
    """Whether a cluster pinned to that version takes node pools of that machine type; the path is the pool's."""
    machine = MACHINE_TYPES.get(machine_type)
    if machine is None or machine.minimum_gke_version is None:
        return []
    try:
        if versions.at_least(cluster_version, machine.minimum_gke_version):
            return []
    except ValueError:
        return []  # the cluster's own rule says so
    return [
        Finding(
            path="nodeConfig.machineType",
            value=machine_type,
            reason=f"the cluster's minimum version is {cluster_version}, and GKE knows {machine_type} only from "
            f"{machine.minimum_gke_version}",
            remedy=f"Write minMasterVersion: {machine.minimum_gke_version} or newer on the cluster.",
            rule="machine-version",
        )
    ]


def check_pool_version(cluster_version: str, pool_version: str) -> list[Finding]:
    """Whether a node pool's version is one its control plane accepts; the path is the pool's."""
    try:
        pool, cluster = versions.parse(pool_version), versions.parse(cluster_version)
    except ValueError:
        return []
    if pool[:2] <= cluster[:2]:
        return []
    return [
        Finding(
            path="version",
            value=pool_version,
            reason=f"nodes cannot be newer than their control plane, whose minimum is {cluster_version}",
            remedy=f"Raise the cluster's minMasterVersion to {pool_version}, or leave the pool's version out.",
            rule="pool-version",
        )
    ]


def check_inference_kind(group: str, kind: str) -> list[Finding]:
    """Whether an inference object is of a group that its controllers still read."""
    if group != RETIRED_INFERENCE_POOL_GROUP or kind not in RETIRED_KINDS:
        return []
    return [
        Finding(
            path="apiVersion",
            value=f"{group}/…",
            reason=f"{kind} left this group: the API server answers 'no matches for kind', or takes it from an old CRD and "
            "nobody reads it",
            remedy=RETIRED_KINDS[kind],
            rule="retired-api",
        )
    ]
