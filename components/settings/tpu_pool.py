"""Node pools of TPU machines."""

from __future__ import annotations

from typing import Self

from pydantic import PositiveInt, model_validator

from components.settings.base import DnsLabel, Section
from components.settings.checks import check_slice, refuse
from components.settings.cluster import SYSTEM_POOL
from rules import tpu


class TpuPool(Section):
    """A node pool of TPU machines, one TPU slice or several single-host slices."""

    name: DnsLabel
    """The pool's name; models refer to it."""
    machine_type: str = "ct6e-standard-4t"
    """TPU machine type; ct6e-standard-1t, -4t and -8t are v6e with 1, 4 and 8 chips."""
    topology: str = "2x2"
    """The slice's physical shape in chips, such as 2x2."""
    slices: PositiveInt = 1
    """How many slices. Only single-host slices can share a pool: a multi-host pool is one slice."""
    spot: bool = False
    """Use spot capacity: cheaper, and taken away at 30 seconds' notice."""

    @model_validator(mode="after")
    def _slice_exists(self) -> Self:
        check_slice(self.machine_type, self.topology)
        if self.name == SYSTEM_POOL:
            refuse("name", self.name, "the pool without TPU has this name", "a name of its own, such as v6e-2x2")
        if self.multi_host and self.slices > 1:
            reason = f"{self.machine_type} with topology {self.topology} is a multi-host slice, and a pool holds one such slice"
            refuse("slices", self.slices, reason, "1, and declare one pool a slice")
        return self

    @property
    def machine(self) -> tpu.MachineType:
        """What is known of the machine type."""
        machine = tpu.machine_type(self.machine_type)
        assert machine is not None, "the validator refused unknown machine types"  # noqa: S101
        return machine

    @property
    def multi_host(self) -> bool:
        """Whether a slice spans several VMs."""
        return tpu.is_multi_host(self.machine, self.topology)

    @property
    def nodes(self) -> int:
        """VMs in the pool: nodes of a slice × slices."""
        return tpu.slice_nodes(self.machine, self.topology) * self.slices

    @property
    def chips(self) -> int:
        """Chips of one slice, which is the tensor parallel size of a model that has the slice to itself."""
        return tpu.chips(self.topology)
