"""Several TPU pools as one place for a model, in the order in which GKE adds nodes to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from components.settings.base import DnsLabel, Section
from components.settings.checks import findings, refuse
from components.settings.tpu_pool import TpuPool
from rules import compute_class


class ComputeClass(Section):
    """TPU pools in the order in which GKE tries them: a model names the class where it would name a pool."""

    name: DnsLabel
    """The class's name; models refer to it as their pool."""
    pools: Annotated[tuple[DnsLabel, ...], Field(min_length=2)]
    """Names of tpuPools that grow (maxSlices), all of one machine type and topology; the first one is tried first."""
    return_to_first: bool = False
    """Move models back to an earlier pool when it has machines again; each move restarts the model's server."""

    @model_validator(mode="after")
    def _name_is_free(self) -> Self:
        findings(compute_class.check_name(self.name))
        for index, pool in enumerate(self.pools):
            if pool in self.pools[:index]:
                refuse(f"pools[{index}]", pool, "the class names it twice", "each pool once")
        return self


def check_classes(classes: Sequence[ComputeClass], pools: Mapping[str, TpuPool]) -> None:
    """Whether the pools of each class exist, are in no other, and can stand in for each other."""
    taken: dict[str, str] = {}
    for number, wanted in enumerate(classes):
        where = f"computeClasses[{number}]"
        if wanted.name in pools or wanted.name in (other.name for other in classes[:number]):
            refuse(f"{where}.name", wanted.name, "a pool or another class has this name", "a name of its own")
        shapes: dict[str, str] = {}
        for index, name in enumerate(wanted.pools):
            at = f"{where}.pools[{index}]"
            pool = pools.get(name)
            if pool is None:
                refuse(at, name, "there is no such pool in tpuPools", f"one of: {', '.join(pools)}")
            if name in taken:
                refuse(at, name, f"it is in class {taken[name]}, and a pool can be in one class", "another pool")
            taken[name] = wanted.name
            shapes[name] = f"{pool.machine_type} {pool.topology}"
            if shapes[name] != shapes[wanted.pools[0]]:
                reason = f"it is {shapes[name]} and {wanted.pools[0]} is {shapes[wanted.pools[0]]}: one server cannot run on both"
                refuse(at, name, reason, "pools of one machine type and topology")
            if pool.limits is None:
                reason = "GKE chooses between pools when it adds nodes, and to a pool of fixed size it adds none"
                refuse(at, name, reason, f"maxSlices for pool {name}")


def class_of(pool: str, classes: Sequence[ComputeClass]) -> str | None:
    """The class that a pool is in; None for a pool of its own."""
    return next((wanted.name for wanted in classes if pool in wanted.pools), None)


def check_place(name: str, behind: Sequence[TpuPool], classes: Sequence[ComputeClass], where: str) -> None:
    """Whether the nodes behind a model's `pool` take its pods."""
    member_of = class_of(name, classes)
    if member_of is not None:
        refuse(where, name, f"this pool is in compute class {member_of}, and its nodes take no other pods", member_of)
    for pool in behind:
        if pool.capacity.queued:
            reason = (
                f"pool {pool.name} is queued: its nodes take pods of a ProvisioningRequest only, and KServe makes none"
            )
            refuse(where, name, reason, "a pool that is not queued")
