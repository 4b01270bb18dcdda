"""Whether a model fits the pool it names, and the cluster around it: checks across groups of settings."""

from __future__ import annotations

from dataclasses import replace

from components.settings.checks import findings, refuse
from components.settings.cluster import Cluster
from components.settings.kserve import KServe
from components.settings.model import Model
from components.settings.tpu_pool import TpuPool
from rules import autoscaling, memory, node_room, quantity, tpu, vllm


def check_on_pool(model: Model, pool: TpuPool, where: str) -> None:
    """A server of the model runs on a slice of the pool, and uses all of it."""
    if pool.multi_host and model.multi_host is None:
        reason = f"pool {pool.name} is a multi-host slice, which vLLM on TPU does not serve reliably"
        instead = f"a pool with a single-host topology, or {where}.multiHost.experimental: true if you try it anyway"
        refuse(f"{where}.pool", model.pool, reason, instead)
    if model.multi_host is not None:
        if not pool.multi_host:
            reason = f"pool {pool.name} is a slice of one host, whose chips one pod has to itself"
            refuse(f"{where}.multiHost", "set", reason, "it for a model on a multi-host pool")
        if model.server.tensor_parallel_size is not None:
            reason = "over several hosts each stage has the chips of one host"
            refuse(
                f"{where}.server.tensorParallelSize",
                model.server.tensor_parallel_size,
                reason,
                "nothing: it follows from the pool",
            )
    for flags, at in ((model.server, "server"), (model.canary.server if model.canary else None, "canary.server")):
        if flags is None:
            continue
        if flags.tensor_parallel_size is not None:
            found = tpu.check_parallel_size(pool.machine, pool.topology, flags.tensor_parallel_size)
            findings(found, f"{where}.{at}.tensorParallelSize")
        found = vllm.check_kv_cache_dtype(flags.kv_cache_dtype, pool.machine.generation)
        findings(replace(each, path=f"{where}.{at}.kvCacheDtype") for each in found)


def check_in_memory(model: Model, pool: TpuPool, where: str) -> None:
    """The weights, and the KV cache of one request of full length, fit the chips of a server, as far as names tell.

    The policy `model-memory` asks the same of what is deployed; over several hosts only the weights are judged.
    """
    for each in (model, model.second()) if model.canary else (model,):
        flags = each.server
        layout = tpu.layout(pool.machine, pool.topology, flags.tensor_parallel_size)
        billion = memory.parameters_billion(each.loaded_uri)
        size = memory.bytes_per_parameter(f"{each.loaded_uri} {flags.quantization or ''}", flags.dtype)
        share = flags.gpu_memory_utilization or memory.MEMORY_UTILIZATION
        found = memory.check_fit(
            parameters_billion=billion,
            bytes_per_parameter=size,
            shape=None if model.multi_host else memory.model_shape(each.loaded_uri),
            chips=layout.chips if model.multi_host else layout.chips_per_server,
            hbm_gib_per_chip=pool.machine.hbm_gib_per_chip,
            max_model_length=each.max_model_length,
            tensor_parallel_size=layout.tensor_parallel_size,
            cache_bytes_per_value=1.0 if flags.kv_cache_dtype.startswith("fp8") else 2.0,
            utilization=share,
        )
        for finding in found:
            if finding.rule == "weights":
                of_canary = each is not model and model.canary is not None and model.canary.uri is not None
                chips = memory.enough_chips(
                    (billion or 0) * 1e9 * size / memory.GIB, pool.machine.hbm_gib_per_chip, share
                )
                at = f"{where}.{'canary.' if of_canary else ''}uri"
                refuse(at, each.uri, finding.reason, _place_for(chips, pool, where))
        findings(found, f"{where}.maxModelLength")


def _place_for(chips: int, pool: TpuPool, where: str) -> str:
    """What to write for a model whose weights need that many chips."""
    machine = pool.machine
    of_kind = [each for each in tpu.MACHINE_TYPES.values() if each.generation == machine.generation]
    hosts = [(each.chips_per_vm, each) for each in of_kind if each.single_host and each.chips_per_vm >= chips]
    if hosts:
        host = min(hosts, key=lambda pair: pair[0])[1]
        return f"a smaller or quantised model, or a pool with machineType: {host.name} and topology: {host.single_host[-1]}"
    largest = max(each.chips_per_vm for each in of_kind)
    slices = [shape for shape in machine.multi_host if tpu.chips(shape) >= chips]
    several = f" (topology: {slices[0]} of {machine.name})" if slices else ""
    return (
        f"a smaller or quantised model: this one needs {chips} chips, and a single {machine.generation} host has {largest}. A "
        f"server over several hosts{several} is experimental and needs {where}.multiHost.experimental: true"
    )


def check_on_nodes(model: Model, pool: TpuPool, where: str, pool_at: str) -> None:
    """A node of the pool has the CPU, memory and boot disk that a server of the model, or of its canary, asks for.

    Args:
        model: The model.
        pool: A pool that its pods may land in.
        where: The model's place in the settings, such as `models[0]`.
        pool_at: The pool's.
    """
    wanted, machine = model.resources, pool.machine
    cpu = None if wanted.cpu is None else float(quantity.number(wanted.cpu) or 0)
    memory = None if wanted.memory is None else float(quantity.number(wanted.memory) or 0)
    for found in node_room.check_requests(machine, cpu, memory):
        findings([replace(found, path=f"{where}.resources.{found.path}")])
    kept = wanted.memory_mib(machine, machine.chips_per_vm)
    for flags, at in ((model.server, "server"), (model.canary.server if model.canary else None, "canary.server")):
        if flags is not None and kept is not None and flags.shared_memory_gib * 1024 >= kept:
            reason = f"shared memory counts as memory of the server, which ends at {kept // 1024}Gi"
            instead = f"less than {kept // 1024}, or more under resources.memory"
            refuse(f"{where}.{at}.sharedMemoryGib", flags.shared_memory_gib, reason, instead)
    for each in (model, model.second()) if model.canary else (model,):
        if each.disk_gib is None:
            continue
        written = each.resources.disk_gib is not None
        what = f"model {each.name} {'asks for' if written else 'loads its weights into'} {each.disk_gib} GiB"
        others = "" if written else f", or weights.cache: persistentVolume for {where}"
        for found in node_room.check_disk(each.disk_gib, pool.boot_disk_gb, what, f"{pool_at}.bootDiskGb"):
            findings([replace(found, remedy=f"{found.remedy.rstrip('.')}{others}.")])


def check_in_cluster(model: Model, cluster: Cluster, kserve: KServe, where: str) -> None:
    """The cluster has what the model's autoscaler needs."""
    scaling = model.autoscaling
    if scaling is not None and scaling.source == "pods":
        found = autoscaling.check_native_metrics(cluster.release_channel, cluster.minimum_version)
        findings(found, f"{where}.autoscaling.source")
        if kserve.backend_tls:
            reason = "GKE reads metrics of pods by plain HTTP, and with kserve.backendTls the servers speak HTTPS"
            refuse(f"{where}.autoscaling.source", scaling.source, reason, "managed-prometheus")
