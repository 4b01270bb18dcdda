"""How long the cloud's operations take, where somebody has chosen a speed: `make up SPEED=1` is as slow as Google Cloud.

Owns which operation takes how long; the numbers are `rules.timing`'s.
"""

from __future__ import annotations

from rules import timing, tpu
from sandbox import clock
from sandbox.cloud.container import CLUSTERS, POOLS
from sandbox.cloud.kind import Resource
from sandbox.cloud.nodepools import machine_of


def seconds(verb: str, resource: Resource) -> float:
    """Real seconds an operation is to take at least; 0 where no speed was chosen, or nothing is known."""
    if verb != "create":
        return 0.0
    if resource.type == CLUSTERS:
        return clock.taking(*timing.CLUSTER_CREATE_SECONDS, resource.id)
    if resource.type == POOLS and tpu.is_tpu_machine_name(machine_of(resource)):
        return clock.taking(*timing.TPU_POOL_CREATE_SECONDS, resource.id)
    return 0.0
