"""Who is in a backend's network endpoint groups, and where each endpoint is on this machine.

Owns membership (GKE's rules: `rules.load_balancer.in_group`) and the step from a pod's port to a port on 127.0.0.1, which
`sandbox.node.addresses` tells. A pod that is only simulated serves nothing: its endpoints have no local port
and never pass a check, as a container that does not listen would not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rules.load_balancer import in_group
from sandbox import pod_words
from sandbox.balancer.specs import BackendSpec
from sandbox.node.addresses import PodAddress

Object = dict[str, Any]

SIMULATED = "nothing serves this port here: the pod is only simulated, as nobody knows how to run its image"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One port of one pod. `local` None: nothing serves it here. `check` is the local port of its health check, and where it
    is None `unserved` says why.
    """

    pod: str
    ip: str
    port: int
    local: int | None
    check: int | None
    uid: str
    unserved: str = SIMULATED
    labels: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)

    @property
    def key(self) -> str:
        """Identifies it within its backend; a pod made anew under its old name is another endpoint."""
        return f"{self.uid}:{self.port}"


def members(backend: BackendSpec, pods: Iterable[Object], addresses: Mapping[str, PodAddress]) -> list[Endpoint]:
    """The endpoints of `backend`, in order of pod names."""
    found: list[Endpoint] = []
    for pod in pods:
        metadata: Object = pod["metadata"]
        labels: Object = metadata.get("labels") or {}
        if metadata["namespace"] != backend.namespace or not backend.selector:
            continue
        if any(labels.get(name) != value for name, value in backend.selector.items()):
            continue
        status: Object = pod.get("status") or {}
        member = in_group(
            has_address=bool(status.get("podIP")),
            terminating=bool(metadata.get("deletionTimestamp")),
            phase=str(status.get("phase")),
        )
        if member:
            found += _of_pod(backend, pod, addresses)
    return sorted(found, key=lambda item: (item.pod, item.port))


def container_port(pod: Object, wanted: int | str) -> int | None:
    """The number of a container port given by number or name."""
    if isinstance(wanted, int):
        return wanted
    if wanted.isdigit():
        return int(wanted)
    for container in pod["spec"].get("containers") or []:
        for entry in container.get("ports") or []:
            if entry.get("name") == wanted:
                return int(entry["containerPort"])
    return None


def _of_pod(backend: BackendSpec, pod: Object, addresses: Mapping[str, PodAddress]) -> list[Endpoint]:
    name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    address = addresses.get(name)
    local = address.ports if address is not None else {}
    found: list[Endpoint] = []
    for wanted in backend.ports:
        port = container_port(pod, wanted)
        if port is None:
            continue
        checked = container_port(pod, backend.check.port or backend.check.port_name or port)
        found.append(
            Endpoint(
                pod=name,
                ip=pod["status"]["podIP"],
                port=port,
                local=local.get(port),
                check=local.get(checked) if checked is not None else None,
                uid=pod["metadata"]["uid"],
                unserved=_unserved(pod, checked, local),
                labels=pod["metadata"].get("labels") or {},
            )
        )
    return found


def _unserved(pod: Object, checked: int | None, local: Mapping[int, int]) -> str:
    """Why the port of the health check is not served. A pod that is only simulated says of itself that it is ready."""
    if local:
        served = ", ".join(str(port) for port in sorted(local))
        return f"connection refused: nothing listens on port {checked}; the pod's process listens on {served}"
    conditions: list[Object] = pod["status"].get("conditions") or []
    if any(item["type"] == "ContainersReady" and item["status"] == "True" for item in conditions):
        return SIMULATED
    return f"connection refused: the pod's process does not run ({pod_words.summary(pod)})"
