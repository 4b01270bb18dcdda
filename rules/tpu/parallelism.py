"""How the cores of a slice are divided among model servers.

cores = product(topology) × cores per chip = nodes × chips per VM × cores per chip = tensor parallel size × servers per slice.
A core is what vLLM counts as a device: one a chip, two on tpu7x (tpu-inference, 2026-08).
"""

from __future__ import annotations

from dataclasses import dataclass

from rules.finding import Finding
from rules.tpu.machines import MachineType
from rules.tpu.slices import chips, slice_nodes


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One slice and the servers on it."""

    nodes: int
    chips_per_node: int
    chips: int
    """Chips of the slice."""
    cores: int
    """Cores of the slice, which tensor parallelism counts."""
    tensor_parallel_size: int
    """Cores of one server."""
    servers: int
    """Servers on one slice."""

    @property
    def chips_per_server(self) -> int:
        """Chips whose memory one server has; a server on less than a chip still has that chip."""
        return max(1, self.chips // self.servers)


def layout(machine: MachineType, topology: str, tensor_parallel_size: int | None = None) -> Layout:
    """A slice divided among servers of that tensor parallel size; None is one server over all of it.

    Raises:
        ValueError: the machine type makes no such slice, or the size does not divide its cores.
    """
    nodes, count = slice_nodes(machine, topology), chips(topology)
    cores = count * machine.cores_per_chip
    size = cores if tensor_parallel_size is None else tensor_parallel_size
    if size < 1 or cores % size:
        raise ValueError(f"a {topology} slice of {machine.name} has {cores} cores, which {size} does not divide")
    return Layout(
        nodes=nodes,
        chips_per_node=machine.chips_per_vm,
        chips=count,
        cores=cores,
        tensor_parallel_size=size,
        servers=cores // size,
    )


def check_parallel_size(machine: MachineType, topology: str, tensor_parallel_size: int) -> list[Finding]:
    """Whether servers of that tensor parallel size fill a slice; the path is `tensorParallelSize`.

    A size that divides the cores is several servers a slice, which only a server of the machine's own knows how to place:
    GKE gives a pod all chips of a node or none. That finding is not certain. ValueError as `slice_nodes`.
    """
    cores = layout(machine, topology).cores
    sizes = [size for size in range(1, cores + 1) if cores % size == 0]
    if tensor_parallel_size not in sizes:
        return [
            Finding(
                path="tensorParallelSize",
                value=tensor_parallel_size,
                reason=f"a {topology} slice of {machine.name} has {cores} cores, and servers of this size do not fill it",
                remedy=f"Write one of {', '.join(map(str, sizes))}.",
                rule="tensor-parallel",
            )
        ]
    if tensor_parallel_size == cores:
        return []
    return [
        Finding(
            path="tensorParallelSize",
            value=tensor_parallel_size,
            reason=(
                f"a {topology} slice of {machine.name} has {cores} cores, and a pod takes all chips of a node: one server "
                f"of this size leaves {cores - tensor_parallel_size} cores idle"
            ),
            remedy=f"Write {cores}, or start {cores // tensor_parallel_size} servers in the pod.",
            certain=False,
            rule="tensor-parallel",
        )
    ]
