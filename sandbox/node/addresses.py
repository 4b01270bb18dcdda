"""Where each pod can be reached on this machine, for the sandbox's other processes.

Owns: the file `<cluster>/run/addresses.json`, `{"namespace/pod": {"podIP": "10.64.0.2", "ports": {"8000": 34567}, …}}`,
its writer and its readers. It is what the pod network is on a cluster. Pods that are only simulated have no ports.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from sandbox.cluster.files import stamp, write_private

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class PodAddress:
    """One pod. `ports` leads from its container ports to those on 127.0.0.1.

    `ready`: its condition Ready is True and it is not being deleted. `containers_ready` leaves readiness gates out: a
    load balancer that opens such a gate must look at this one. `terminating`: it has been deleted and may still serve.
    """

    pod_ip: str
    ports: Mapping[int, int] = field(default_factory=dict[int, int])
    ready: bool = False
    containers_ready: bool = False
    terminating: bool = False


def file_of(cluster: Path) -> Path:
    """The file of the cluster whose directory is `cluster`."""
    return cluster / "run" / "addresses.json"


def read(path: Path) -> dict[str, PodAddress]:
    """The pods by "namespace/name"; empty when nothing runs there."""
    try:
        loaded: object = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    pods = cast("dict[str, Object]", loaded)
    return {
        key: PodAddress(
            pod_ip=pod["podIP"],
            ports={int(port): int(local) for port, local in pod["ports"].items()},
            ready=pod["ready"],
            containers_ready=pod["containersReady"],
            terminating=pod["terminating"],
        )
        for key, pod in pods.items()
    }


class Addresses:
    """A reader that parses the file only when it has changed; to be asked as often as one likes, from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._version: tuple[int, int] | None = None
        self._pods: dict[str, PodAddress] = {}

    def pods(self) -> Mapping[str, PodAddress]:
        """The pods now, by "namespace/name"."""
        version = stamp(self._path)
        if version is None:
            return {}
        with self._lock:
            if version != self._version:
                self._pods, self._version = read(self._path), version
            return self._pods

    def pod(self, namespace: str, name: str) -> PodAddress | None:
        """One pod."""
        return self.pods().get(f"{namespace}/{name}")

    def by_ip(self, pod_ip: str) -> PodAddress | None:
        """The pod with this address; one that is not being deleted comes first."""
        found = [pod for pod in self.pods().values() if pod.pod_ip == pod_ip]
        return min(found, key=lambda pod: pod.terminating, default=None)

    def local(self, pod_ip: str, port: int) -> tuple[str, int] | None:
        """Where a connection to `pod_ip`:`port` goes on this machine; None: refused."""
        pod = self.by_ip(pod_ip)
        found = pod.ports.get(port) if pod is not None else None
        return ("127.0.0.1", found) if found is not None else None


class AddressBook:
    """The writer; one per cluster, used by one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: Mapping[str, PodAddress] | None = None

    def write(self, pods: Mapping[str, PodAddress]) -> None:
        """Replaces the file atomically where something has changed."""
        if pods == self._written:
            return
        content = {
            key: {
                "podIP": pod.pod_ip,
                "ports": {str(port): local for port, local in sorted(pod.ports.items())},
                "ready": pod.ready,
                "containersReady": pod.containers_ready,
                "terminating": pod.terminating,
            }
            for key, pod in sorted(pods.items())
        }
        write_private(self._path, json.dumps(content, indent=1) + "\n")
        self._written = dict(pods)

    def remove(self) -> None:
        """Removes the file: nothing can be reached any more."""
        self._path.unlink(missing_ok=True)
        self._written = None
