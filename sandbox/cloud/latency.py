"""How long the cloud's operations take, where somebody has chosen a speed: `make up SPEED=1` is as slow as Google Cloud.

Owns which operation takes how long; the numbers are `rules.timing`'s. The same resource always takes the same time.
"""

from __future__ import annotations

import hashlib

from rules import timing, tpu
from sandbox import clock
from sandbox.cloud.container import CLUSTERS, POOLS
from sandbox.cloud.kind import Resource
from sandbox.cloud.nodepools import machine_of


def drawn(bounds: timing.Range, key: str) -> float:
    """A number of seconds within `bounds`, always the same for `key`."""
    shortest, longest = bounds
    share = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") / 2**32
    return shortest + share * (longest - shortest)


def seconds(verb: str, resource: Resource) -> float:
    """Real seconds an operation is to take at least; 0 where no speed was chosen, or nothing is known."""
    if verb != "create" or not clock.is_chosen():
        return 0.0
    if resource.type == CLUSTERS:
        return clock.scaled(drawn(timing.CLUSTER_CREATE_SECONDS, resource.id))
    if resource.type == POOLS and tpu.is_tpu_machine_name(machine_of(resource)):
        return clock.scaled(drawn(timing.TPU_POOL_CREATE_SECONDS, resource.id))
    return 0.0
