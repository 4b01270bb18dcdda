"""What a server's pod is promised of its node: CPU, memory, and space on the boot disk."""

from __future__ import annotations

import math

from components.settings.base import Section
from components.settings.model_weights import Size
from components.settings.namespace import Cpu, Memory
from rules import node_room, quantity
from rules.tpu import MachineType


class Resources(Section):
    """What a server's pod is promised of its node; GKE gives it all of the node's chips by themselves."""

    cpu: Cpu | None = None
    """CPU that is kept for it, such as 100 or 35500m; left out, 85 % of what the machine leaves for pods, and nothing on machine
    types whose size is not known (ct5p, tpu7x). It may use idle CPU beyond that, up to all that the node leaves for pods."""
    memory: Memory | None = None
    """Memory that is kept for it, and at which it is ended: /dev/shm and what loading and compiling take count; left out, as for
    cpu. A lower bound frees nothing, as other servers find no chips on the node."""
    ephemeral_storage: Size | None = None
    """Space on the node's boot disk that is kept for it, such as 80Gi. Left out, it follows from the model's name where weights
    are loaded onto that disk (weights.cache: none) and the name tells the number of parameters, as Qwen2.5-7B does. The size of
    other models, and of adapters and repositories with several copies of the weights, is not known: write it here. There is no
    upper bound beside the disk's own."""

    def millicpu(self, machine: MachineType, chips: int) -> int | None:
        """CPU that is asked for on `chips` of a node; None for none."""
        if self.cpu is not None:
            return int((quantity.number(self.cpu) or 0) * 1000)
        part = node_room.share(machine, chips)
        return None if part is None else part.millicpu

    def memory_mib(self, machine: MachineType, chips: int) -> int | None:
        """Memory that is asked for on `chips` of a node; None for none."""
        if self.memory is not None:
            return int((quantity.number(self.memory) or 0) / 1024**2)
        part = node_room.share(machine, chips)
        return None if part is None else part.memory_mib

    @property
    def disk_gib(self) -> int | None:
        """Space on the boot disk that is written here."""
        if self.ephemeral_storage is None:
            return None
        return math.ceil((quantity.number(self.ephemeral_storage) or 0) / 1024**3)
