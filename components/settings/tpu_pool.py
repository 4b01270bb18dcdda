"""Node pools of TPU machines."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from components.settings.base import DnsLabel, Section
from components.settings.capacity import Capacity, refuse_old_spot
from components.settings.checks import check_slice, refuse
from components.settings.cluster import SYSTEM_POOL
from rules import tpu

LabelValue = Annotated[str, Field(pattern=r"^[a-z0-9_-]{0,63}$")]
LabelKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]


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
    max_slices: PositiveInt | None = None
    """Grow to this many slices as pods need them, and shrink again; left out, the pool stays at slices."""
    min_slices: NonNegativeInt | None = None
    """With maxSlices, how many slices stay when no pod needs them; 0 is allowed. Left out: 0 for flex-start, 1 otherwise."""
    capacity: Capacity = Capacity()
    """How the pool gets its machines."""
    boot_disk_gb: Annotated[int, Field(ge=50, le=2000)] = 100
    """Size of a node's boot disk in GB. Container images and logs are on it, and the weights of models with weights.cache: none,
    whose size is compared with it where it is known (resources.ephemeralStorage of the model). Of 100 GB, GKE leaves pods 43 GiB;
    of 500 GB, 339."""
    boot_disk_type: str | None = None
    """Type of the boot disk; left out, the first one the machine type takes. v6e takes hyperdisk-balanced only."""
    max_pods_per_node: Annotated[int, Field(ge=8, le=256)] | None = None
    """How many pods a node may hold, which sets how many addresses it takes; left out, the cluster's default of 110."""
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Labels of the machines in Google Cloud, for billing."""
    gvnic: bool = True
    """Use Google's virtual network card, which the network speed of TPU machines needs."""

    @model_validator(mode="before")
    @classmethod
    def _spot_is_a_capacity(cls, raw: Any) -> Any:
        return refuse_old_spot(raw)

    @model_validator(mode="after")
    def _slice_exists(self) -> Self:
        check_slice(self.machine_type, self.topology)
        if self.name == SYSTEM_POOL:
            refuse("name", self.name, "the pool without TPU has this name", "a name of its own, such as v6e-2x2")
        self._check_size()
        disks = self.machine.boot_disk_types
        if self.boot_disk_type is not None and self.boot_disk_type not in disks:
            reason = f"{self.machine_type} cannot boot from it; GKE refuses the pool"
            refuse("bootDiskType", self.boot_disk_type, reason, " or ".join(disks))
        return self

    def _check_size(self) -> None:
        if self.multi_host:
            shape = f"{self.machine_type} with topology {self.topology}"
            one_slice = f"{shape} is a multi-host slice, and a pool holds one such slice"
            for name, value in (("slices", self.slices), ("maxSlices", self.max_slices)):
                if value is not None and value > 1:
                    refuse(name, value, one_slice, "1, and declare one pool a slice")
        if self.max_slices is None:
            if self.capacity.flex_start:
                reason = "flex-start machines come when there are some, so the pool starts empty and grows"
                refuse("maxSlices", None, reason, "how many slices it may grow to, such as maxSlices: 1")
            if self.min_slices is not None:
                refuse(
                    "minSlices", self.min_slices, "only a pool that grows has it", "maxSlices too, or slices instead"
                )
            return
        if "slices" in self.model_fields_set:
            refuse(
                "slices", self.slices, "a pool that grows has no fixed number of slices", "minSlices and maxSlices only"
            )
        low = self.limits[0] if self.limits else 0
        if low > self.max_slices:
            refuse("minSlices", low, f"it is more than maxSlices {self.max_slices}", f"at most {self.max_slices}")
        if low and self.capacity.flex_start:
            refuse("minSlices", low, "a flex-start pool holds no machines in advance; GKE refuses the pool", "0")

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
    def slice_nodes(self) -> int:
        """VMs of one slice."""
        return tpu.slice_nodes(self.machine, self.topology)

    @property
    def limits(self) -> tuple[int, int] | None:
        """Fewest and most slices of a pool that grows; None for one of fixed size."""
        if self.max_slices is None:
            return None
        return ((0 if self.capacity.flex_start else 1) if self.min_slices is None else self.min_slices, self.max_slices)

    @property
    def most_slices(self) -> int:
        """Slices the pool has when all of it is in use."""
        return self.slices if self.max_slices is None else self.max_slices

    @property
    def nodes(self) -> int:
        """VMs in the pool when all of it is in use: nodes of a slice × slices."""
        return self.slice_nodes * self.most_slices

    @property
    def chips(self) -> int:
        """Chips of one slice, which is the tensor parallel size of a model that has the slice to itself."""
        return tpu.chips(self.topology)
