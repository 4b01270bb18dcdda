"""Single faults in whole stacks: one change each, and the policy that has to find it."""

from __future__ import annotations

from tests.policies.mutations import cloud, edge, isolation, options, routing, services, serving
from tests.policies.mutations.mutation import Mutation

MUTATIONS: tuple[Mutation, ...] = (
    *cloud.MUTATIONS,
    *routing.MUTATIONS,
    *serving.MUTATIONS,
    *isolation.MUTATIONS,
    *edge.MUTATIONS,
    *options.MUTATIONS,
    *services.MUTATIONS,
)

__all__ = ["MUTATIONS", "Mutation"]
