"""From a Service's address to the local process behind it.

Owns the lookup the egress proxy of the API server asks: ClusterIP and port → Service → ready pod → port on 127.0.0.1.
Does not own connections. It is what kube-proxy and the pod network are on a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Object = dict[str, Any]

LocalPort = Callable[[str, int], int | None]
"""(pod uid, container port) → port on 127.0.0.1, None when that pod is only simulated."""


def resolve(
    services: Iterable[Object], pods: Iterable[Object], local_port: LocalPort, cluster_ip: str, port: int
) -> tuple[str, int] | None:
    """Where a connection to `cluster_ip`:`port` goes, None when no ready local process serves it."""
    service = next((item for item in services if cluster_ip in _addresses(item)), None)
    if service is None or not service["spec"].get("selector"):
        return None
    entry = next((item for item in service["spec"].get("ports", []) if item["port"] == port), None)
    if entry is None:
        return None
    namespace, selector = service["metadata"]["namespace"], service["spec"]["selector"]
    for pod in pods:
        metadata = pod["metadata"]
        labels = metadata.get("labels", {})
        if metadata["namespace"] != namespace or any(labels.get(key) != value for key, value in selector.items()):
            continue
        if metadata.get("deletionTimestamp") or not is_ready(pod):
            continue
        number = _container_port(pod, entry.get("targetPort", port))
        found = local_port(metadata["uid"], number) if number is not None else None
        if found is not None:
            return "127.0.0.1", found
    return None


def is_ready(pod: Object) -> bool:
    """Whether the pod's condition Ready is True."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", []))


def _addresses(service: Object) -> list[str]:
    spec = service["spec"]
    return [*spec.get("clusterIPs", []), spec.get("clusterIP", "")]


def _container_port(pod: Object, target: int | str) -> int | None:
    if isinstance(target, int):
        return target
    for container in pod["spec"]["containers"]:
        for entry in container.get("ports", []):
            if entry.get("name") == target:
                return int(entry["containerPort"])
    return None
