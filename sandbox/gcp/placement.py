"""Resource policies as the official provider treats them: here, how the machines of one TPU slice are placed."""

from __future__ import annotations

from typing import Final, cast

from sandbox.gcp.resource import Properties, ResourceType

_POLICIES: Final = (
    "diskConsistencyGroupPolicy",
    "groupPlacementPolicy",
    "instanceSchedulePolicy",
    "snapshotSchedulePolicy",
    "workloadPolicy",
)


def _one_policy(inputs: Properties) -> list[tuple[str, str]]:
    given = [name for name in _POLICIES if name in inputs]
    if len(given) > 1:
        return [(given[1], f'Conflicting configuration arguments: "{given[1]}": conflicts with {given[0]}')]
    workload = inputs.get("workloadPolicy")
    if not isinstance(workload, dict):
        return []
    fields = cast(Properties, workload)
    if "acceleratorTopology" in fields and "maxTopologyDistance" in fields:
        return [("workloadPolicy.maxTopologyDistance", "cannot be set together with accelerator_topology")]
    return []


RESOURCE_POLICY: Final = ResourceType(
    type="gcp:compute/resourcePolicy:ResourcePolicy",
    kind="compute.resourcePolicies",
    noun="ResourcePolicy",
    id="projects/{project}/regions/{region}/resourcePolicies/{name}",
    imports=("{project}/{region}/{name}", "{region}/{name}", "{name}"),
    scope=("project", "region"),
    force_new=frozenset({"name", "project", "region", "description", *_POLICIES} - {"snapshotSchedulePolicy"}),
    enums={"workloadPolicy.type": ("HIGH_AVAILABILITY", "HIGH_THROUGHPUT")},
    checks=_one_policy,
)

TYPES: Final = (RESOURCE_POLICY,)
