"""Resource policies, of which node pools name one that places a slice's machines.

Owns what Compute Engine checks about them. Which pools need one is `rules.tpu`'s knowledge.
"""

from __future__ import annotations

from typing import Final

from typing_extensions import override

from rules import tpu
from sandbox.cloud.compute import ComputeKind
from sandbox.cloud.container import POOLS
from sandbox.cloud.errors import bad_request, in_use, invalid_field
from sandbox.cloud.kind import Resource, View
from sandbox.cloud.names import region_of
from sandbox.cloud.settings import block, text

RESOURCE_POLICIES: Final = "compute.resourcePolicies"


class ResourcePolicies(ComputeKind):
    """Resource policies."""

    type = RESOURCE_POLICIES

    @override
    def validate(self, view: View, resource: Resource, old: Resource | None) -> None:
        super().validate(view, resource, old)
        workload = block(resource.properties, "workloadPolicy")
        topology = text(workload, "acceleratorTopology")
        if not topology:
            return
        if text(workload, "type") != "HIGH_THROUGHPUT":
            raise invalid_field(
                "resource.workloadPolicy.acceleratorTopology",
                topology,
                "Only HIGH_THROUGHPUT workload policies take one.",
            )
        try:
            tpu.chips(topology)
        except ValueError:
            field = "resource.workloadPolicy.acceleratorTopology"
            raise invalid_field(field, topology, "Write a topology such as 2x2x2.") from None

    @override
    def validate_delete(self, view: View, resource: Resource) -> None:
        for pool in view.all(POOLS, resource.project):
            if text(pool.properties, "placementPolicy", "policyName") == resource.name:
                raise in_use(resource.id, pool.id)


def check_policy(view: View, pool: Resource, topology: str) -> None:
    """Refuses a pool whose workload policy does not exist or is for another topology."""
    name = text(pool.properties, "placementPolicy", "policyName")
    if not name:
        raise bad_request(f"A workload policy is required for a multi-host TPU node pool with topology {topology}.")
    region = region_of(text(pool.properties, "location"))
    path = f"projects/{pool.project}/regions/{region}/resourcePolicies/{name}"
    policy = view.find(RESOURCE_POLICIES, path)
    if policy is None:
        raise bad_request(f"Resource policy '{path}' was not found.")
    placed = text(policy.properties, "workloadPolicy", "acceleratorTopology")
    if placed != topology:
        raise bad_request(
            f"Resource policy '{name}' has accelerator topology '{placed}', not '{topology}' of the node pool."
        )


KINDS: Final = (ResourcePolicies(),)
