"""The API server's TCP port of each cluster.

Owns: choosing it once and refusing to start on a busy one. Does not own the file it is remembered in.
Why it must not change: the port is in the cluster's endpoint, and that is in the kubeconfig in a stack's state. It is
taken below the range the kernel hands out for outgoing connections, so that it is still free at the next start.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from pathlib import Path

from sandbox.cluster import proc
from sandbox.cluster.errors import ClusterError

_FIRST, _LAST = 16443, 16999

_CLOSING = 3.0
"""Seconds; a process that has just been killed is gone from /proc before the kernel has closed its sockets."""


def choose(clusters: Path) -> int:
    """A free port no cluster below `clusters` has been given yet.

    Each sandbox begins elsewhere in the range: one that starts at the same moment would find the same port free, and of two API
    servers on one port the later ends.
    """
    taken = {port for file in clusters.glob("*/cluster.json") if (port := remembered(file)) is not None}
    count = _LAST - _FIRST + 1
    begin = zlib.crc32(os.fsencode(clusters))
    for step in range(count):
        port = _FIRST + (begin + step) % count
        if port not in taken and proc.is_free(port):
            return port
    raise ClusterError(
        f"API server port: every port from {_FIRST} to {_LAST} is in use or belongs to another simulated cluster; "
        f"delete clusters you no longer need (`pulumi destroy`, or `make down` for all)"
    )


def remembered(file: Path) -> int | None:
    """The port in a cluster.json; None when there is none."""
    try:
        port = json.loads(file.read_text()).get("port")
    except (OSError, ValueError, AttributeError):
        return None
    return port if isinstance(port, int) else None


def require_free(port: int, cluster: str, file: Path) -> None:
    """Raises ClusterError naming the process that holds `port`; `file` is where the port is remembered."""
    if not 1024 <= port <= 65535:
        raise ClusterError(f"port: {port} cannot be the API server port of cluster {cluster}; write one of 1024..65535")
    deadline = time.monotonic() + _CLOSING
    while not proc.is_free(port):
        holder = proc.port_holder(port)
        if holder is not None or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    else:
        return
    who = f"process {holder.pid} ({holder.name})" if holder else "a process this user may not see"
    remedy = f"`kill {holder.pid}`" if holder else f"find it with `sudo ss -ltnp 'sport = :{port}'` and end it"
    raise ClusterError(
        f"API server port: 127.0.0.1:{port} of cluster {cluster} is in use by {who}. Free it ({remedy}) and start "
        f'again. To move the cluster instead, remove "port" from {file} and run `pulumi refresh` afterwards, because '
        f"the port is part of the cluster's endpoint"
    )
