"""What is remembered of a cluster between two runs of the sandbox's daemon: `cluster.json`.

Owns: the file's form, the port and the node pools in it, and the lock that lets one process run a cluster. Does not own
the cloud's own record of the cluster (`sandbox.cloud`).
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.cluster.errors import ClusterError
from sandbox.cluster.files import write_private
from sandbox.cluster.spec import ClusterSpec, NodePoolSpec


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """The content of cluster.json."""

    spec: ClusterSpec
    port: int
    node_pools: Mapping[str, NodePoolSpec]


def write(file: Path, record: Record) -> None:
    """Writes `record` atomically."""
    spec = dataclasses.asdict(record.spec)
    pools = {name: {**vars(pool), "labels": dict(pool.labels)} for name, pool in record.node_pools.items()}
    write_private(file, json.dumps({"port": record.port, "spec": spec, "node_pools": pools}, indent=2) + "\n")


def read_node_pools(file: Path) -> dict[str, NodePoolSpec]:
    """The node pools in `file`; none when there is no file. Raises ClusterError when it cannot be read."""
    if not file.exists():
        return {}
    try:
        pools: dict[str, Any] = json.loads(file.read_text())["node_pools"]
        return {name: _pool(values) for name, values in pools.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ClusterError(
            f"{file} is damaged ({error}); `pulumi destroy` the cluster, or remove its directory {file.parent}"
        ) from error


def _pool(values: dict[str, Any]) -> NodePoolSpec:
    converted: dict[str, Any] = {
        **values,
        "zones": tuple(values["zones"]),
        "taints": tuple((key, value, effect) for key, value, effect in values["taints"]),
        "absent": tuple(values.get("absent") or ()),
        "limits": tuple(values["limits"]) if values.get("limits") else None,
    }
    return NodePoolSpec(**converted)


class Lock:
    """Held by the one process that runs a cluster; the kernel releases it when that process ends in any way."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._descriptor: int | None = None

    def acquire(self, cluster: str) -> None:
        """Raises ClusterError when another process holds it; idempotent."""
        if self._descriptor is not None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise ClusterError(
                f"cluster {cluster} is already run by process {owner}; end that first (`make down`, or `kill {owner}`)"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Lets another process have the cluster; idempotent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
