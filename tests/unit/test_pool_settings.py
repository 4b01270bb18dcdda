"""TPU pools and compute classes in the settings: what each choice becomes, and what a wrong one is told."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from components.loading import parse
from components.settings import Settings
from tests.unit.changing import ANY_POOL, DELETE, changed, problem

GROWING = {"name": "first", "machineType": "ct6e-standard-4t", "topology": "2x2", "maxSlices": 2}
CLASS = {"name": "v6e", "pools": ["first", "second"]}


def pool(**fields: Any) -> list[tuple[str, Any]]:
    """Dev with these fields on its pool."""
    return [(f"tpuPools.0.{name}", value) for name, value in fields.items()]


def fallback(*changes: tuple[str, Any]) -> list[tuple[str, Any]]:
    """Dev on a compute class of two pools that grow."""
    second = {**GROWING, "name": "second", "capacity": {"type": "spot"}}
    return [
        ("tpuPools", [dict(GROWING), second]),
        ("computeClasses", [copy.deepcopy(CLASS)]),
        ("models.0.pool", "v6e"),
        *changes,
    ]


def settings(*changes: tuple[str, Any]) -> Settings:
    """The changed settings of dev."""
    return parse(changed(*changes), stack="dev", project="gke-tpu-inference")


CASES: dict[str, tuple[list[tuple[str, Any]], str]] = {
    "the old switch for spot": (
        pool(spot=True),
        "spot: True: how a pool gets its machines is a choice of several now. Write capacity: {type: spot}.",
    ),
    "the old switch, off": (
        pool(spot=False),
        (
            "spot: False: how a pool gets its machines is a choice of several now. Write nothing: on-demand is the default of "
            "capacity."
        ),
    ),
    "a reservation without a name": (
        pool(capacity={"type": "reservation"}),
        "capacity.reservation: not set: machines come from a reservation that must be named. Write the reservation's name.",
    ),
    "a reservation for spot": (
        pool(capacity={"type": "spot", "reservation": "v6e"}),
        (
            "capacity.reservation: 'v6e': a pool with type spot takes no reserved machines. Write type: reservation, or leave it "
            "out."
        ),
    ),
    "a longest run on demand": (
        pool(capacity={"maxRunHours": 8}),
        "capacity.maxRunHours: 8: only flex-start has it, and type is on-demand. Write type: flex-start, or leave it out.",
    ),
    "a queue for spot": (
        pool(capacity={"type": "spot", "queued": True}),
        "capacity.queued: True: only flex-start has it, and type is spot. Write type: flex-start, or leave it out.",
    ),
    "flex-start of fixed size": (
        pool(capacity={"type": "flex-start"}),
        (
            "maxSlices: not set: flex-start machines come when there are some, so the pool starts empty and grows. Write how "
            "many slices it may grow to, such as maxSlices: 1."
        ),
    ),
    "flex-start in advance": (
        pool(capacity={"type": "flex-start"}, maxSlices=2, minSlices=1, slices=DELETE),
        "minSlices: 1: a flex-start pool holds no machines in advance; GKE refuses the pool. Write 0.",
    ),
    "a minimum without growing": (
        pool(minSlices=0),
        "minSlices: 0: only a pool that grows has it. Write maxSlices too, or slices instead.",
    ),
    "fixed and growing": (
        pool(maxSlices=2),
        "slices: 1: a pool that grows has no fixed number of slices. Write minSlices and maxSlices only.",
    ),
    "limits the wrong way round": (
        pool(maxSlices=1, minSlices=2, slices=DELETE),
        "minSlices: 2: it is more than maxSlices 1. Write at most 1.",
    ),
    "several growing multi-host slices": (
        pool(topology="4x4", maxSlices=2, slices=DELETE),
        (
            "maxSlices: 2: ct6e-standard-4t with topology 4x4 is a multi-host slice, and a pool holds one such slice. Write 1, "
            "and declare one pool a slice."
        ),
    ),
    "boot disk": (
        pool(bootDiskType="pd-balanced"),
        "bootDiskType: 'pd-balanced': ct6e-standard-4t cannot boot from it; GKE refuses the pool. Write hyperdisk-balanced.",
    ),
}


@pytest.mark.parametrize(("changes", "message"), CASES.values(), ids=CASES.keys())
def test_a_pool_that_cannot_be(changes: list[tuple[str, Any]], message: str) -> None:
    """Each of these is a pool that GKE refuses after minutes, or a choice that somebody did not mean."""
    assert problem(*changes) == f"platform.tpuPools[0].{message}"


CLASSES: dict[str, tuple[list[tuple[str, Any]], str]] = {
    "unknown pool": (
        fallback(("computeClasses.0.pools.1", "third")),
        "computeClasses[0].pools[1]: 'third': there is no such pool in tpuPools. Write one of: first, second.",
    ),
    "one pool": (
        fallback(("computeClasses.0.pools", ["first"])),
        (
            "computeClasses[0].pools: ['first']: list should have at least 2 items, not 1. It is: Names of tpuPools that grow "
            "(maxSlices), all of one machine type and topology; the first one is tried first"
        ),
    ),
    "a pool twice": (
        fallback(("computeClasses.0.pools", ["first", "first"])),
        "computeClasses[0].pools[1]: 'first': the class names it twice. Write each pool once.",
    ),
    "a pool in two classes": (
        fallback(("computeClasses.1", {"name": "other", "pools": ["first", "second"]})),
        "computeClasses[1].pools[0]: 'first': it is in class v6e, and a pool can be in one class. Write another pool.",
    ),
    "a name of GKE's": (
        fallback(("computeClasses.0.name", "gke-v6e")),
        (
            "computeClasses[0].name: 'gke-v6e': GKE keeps names that begin with gke or autopilot for its own classes. Write "
            "another name, such as v6e-first-reserved."
        ),
    ),
    "a pool's name": (
        fallback(("computeClasses.0.name", "first")),
        "computeClasses[0].name: 'first': a pool or another class has this name. Write a name of its own.",
    ),
    "different shapes": (
        fallback(("tpuPools.1.machineType", "ct6e-standard-8t"), ("tpuPools.1.topology", "2x4")),
        (
            "computeClasses[0].pools[1]: 'second': it is ct6e-standard-8t 2x4 and first is ct6e-standard-4t 2x2: one server "
            "cannot run on both. Write pools of one machine type and topology."
        ),
    ),
    "fixed size": (
        fallback(("tpuPools.1.maxSlices", DELETE)),
        (
            "computeClasses[0].pools[1]: 'second': GKE chooses between pools when it adds nodes, and to a pool of fixed size it "
            "adds none. Write maxSlices for pool second."
        ),
    ),
    "a model on a pool of a class": (
        fallback(("models.0.pool", "second")),
        "models[0].pool: 'second': this pool is in compute class v6e, and its nodes take no other pods. Write v6e.",
    ),
    "more replicas than all pools": (
        fallback(("models.0.replicas", 5)),
        (
            "models[0].replicas: 5: the models on pool v6e need 5 slices and it has 4. Write fewer replicas, or tpuPools "
            "maxSlices: 5."
        ),
    ),
    "a queued pool": (
        [*pool(capacity={"type": "flex-start", "queued": True}, maxSlices=1, slices=DELETE)],
        (
            "models[0].pool: 'v6e-2x2': pool v6e-2x2 is queued: its nodes take pods of a ProvisioningRequest only, and KServe "
            "makes none. Write a pool that is not queued."
        ),
    ),
    "a TPU machine for controllers": (
        [("systemPool.machineType", "ct6e-standard-1t")],
        (
            "systemPool.machineType: 'ct6e-standard-1t': it is a TPU machine type, and these nodes are for what needs no TPU. "
            "Write e2-standard-4."
        ),
    ),
    "a machine type that is misspelt": (
        [("systemPool.machineType", "e2-standart-4")],
        (
            "systemPool.machineType: 'e2-standart-4': Compute Engine has no such machine type, by the list of 2026-11-30: GKE "
            "refuses the pool. Write e2-standard-4, if you meant that, or another one of Compute Engine."
        ),
    ),
    "a machine too small for the controllers": (
        [("systemPool.machineType", "e2-micro")],
        (
            "systemPool.machineType: 'e2-micro': a node leaves pods 0.94 vCPU and 0.7 GiB, and LeaderWorkerSet's controller asks "
            "for 1 vCPU and 1.0 GiB: it stays Pending. Write e2-standard-4 or a larger one."
        ),
    ),
    "a system zone elsewhere": (
        [("systemPool.zone", "us-east1-b")],
        "systemPool.zone: 'us-east1-b': this zone is not in region us-east5. Write a zone of us-east5, such as us-east5-b.",
    ),
    "system nodes in an AI zone": (
        [("region", "us-south1"), ("zone", "us-south1-ai1b")],
        (
            "systemPool.machineType: 'e2-standard-4': us-south1-ai1b is an AI zone, which has accelerators only: GKE refuses the "
            "pool. Write a standard zone of the region for these nodes."
        ),
    ),
}


@pytest.mark.parametrize(("changes", "message"), CLASSES.values(), ids=CLASSES.keys())
def test_pools_that_do_not_fit_together(changes: list[tuple[str, Any]], message: str) -> None:
    """Pods that stay Pending say nothing about why; the settings do."""
    assert problem(*changes) == f"platform.{message}"


@pytest.mark.parametrize(
    ("fields", "limits", "nodes"),
    [
        ({}, None, 1),
        ({"slices": 3}, None, 3),
        ({"topology": "4x4"}, None, 4),
        ({"maxSlices": 3, "slices": DELETE}, (1, 3), 3),
        ({"maxSlices": 3, "minSlices": 0, "slices": DELETE}, (0, 3), 3),
        ({"maxSlices": 1, "slices": DELETE, "capacity": {"type": "flex-start"}}, (0, 1), 1),
    ],
)
def test_size_follows_from_slices(fields: dict[str, Any], limits: tuple[int, int] | None, nodes: int) -> None:
    """Nodes are never typed: slices × nodes of a slice, and a growing pool keeps one unless told otherwise."""
    spare = {**ANY_POOL, "name": "spare"}
    changes = [("tpuPools.1", spare), *[(f"tpuPools.1.{name}", value) for name, value in fields.items()]]
    found = settings(*changes).pool("spare")
    assert (found.limits, found.nodes) == (limits, nodes)


def test_a_class_stands_for_its_pools() -> None:
    """A model on a class gets the shape that all of its pools have."""
    found = settings(*fallback())
    assert [each.name for each in found.pools_behind("v6e")] == ["first", "second"]
    assert found.pool("v6e").topology == "2x2"
    assert (found.compute_class("v6e"), found.compute_class("first")) == ("v6e", None)


def test_an_ai_zone_with_system_nodes_beside_it() -> None:
    """TPUs of an AI zone can be used: everything else runs in a standard zone of the region."""
    zones: list[tuple[str, Any]] = [("region", "us-south1"), ("zone", "us-south1-ai1b")]
    zones += [("systemPool.zone", "us-south1-a"), ("cluster.regional", True)]
    assert settings(*zones).system_zone == "us-south1-a"
