"""What it takes to run one container of one pod on this machine.

Owns: the context a recipe gets (pod, container, mounts, environment) and the type of a recipe. Does not own any recipe
(see `images` and `sandbox.serving.recipes`) nor supervision (`process`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.kube.client import Client
from sandbox.node import environment, volumes
from sandbox.node.prober import Prober
from sandbox.node.workload import Workload
from sandbox.toolchain import Tools

Object = dict[str, Any]


def _no_port(_container_port: int) -> int | None:
    return None


def _untold(_kind: str, _reason: str, _message: str) -> None:
    return


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a recipe may use to start one container of one pod.

    `directory` is the pod's own on this machine, `log` the container's. `port_of` tells where the pod serves a container
    port, `tell` writes an Event of the container (type, reason, message), `restarts` counts those that a node agent
    before this one has made.
    """

    client: Client
    tools: Tools
    kubeconfig: Path
    pod: Object
    container: Object
    pod_ip: str
    host_ip: str
    directory: Path
    log: Path
    on_change: Callable[[], None]
    port_of: Callable[[int], int | None] = _no_port
    tell: Callable[[str, str, str], None] = _untold
    prober: Prober = field(default_factory=Prober)
    restarts: int = 0

    @property
    def rootfs(self) -> Path:
        """Where the container's mounts are on this machine."""
        return self.directory / self.container["name"]

    def environment(self) -> dict[str, str]:
        """The container's variables, plus a private home and temporary directory below `rootfs`."""
        own = environment.resolve(self.client, self.pod, self.container, pod_ip=self.pod_ip, host_ip=self.host_ip)
        temporary = self.rootfs / "tmp"
        temporary.mkdir(parents=True, exist_ok=True, mode=0o700)
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.rootfs), "TMPDIR": str(temporary), **own}

    def mount(self) -> bool:
        """Brings the container's files up to date; says whether any changed."""
        return volumes.materialise(self.client, self.pod, self.container, self.rootfs)


Recipe = Callable[[Context], Workload]
"""How to run one container; what it returns has not been started yet."""
