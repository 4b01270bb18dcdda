"""What the load balancer sees of the cluster: followed by list and watch, handed over as one snapshot.

Owns the informers and what is kept of a pod; of a Secret it is the certificate. Kinds the cluster has not got (a Gateway API
that is off, no InferencePool CRD) count as empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rules.gateway import GATEWAY_API_VERSION, GKE_NETWORKING_API_VERSION, INFERENCE_POOL, INFERENCE_POOL_API_VERSION
from sandbox.balancer.programming import POLICY_KINDS
from sandbox.gke import classes, listeners
from sandbox.gke.model import Snapshot, by_key
from sandbox.kube.client import Client
from sandbox.node.informer import Informer

Object = dict[str, Any]

_POD_METADATA = ("name", "namespace", "uid", "labels", "creationTimestamp", "deletionTimestamp")


class Cluster:
    """Follows the cluster; `changed` is called from other threads."""

    def __init__(self, client: Client, changed: Callable[[], None]) -> None:
        def follow(version: str, kind: str, transform: Callable[[Object], Object] = _unchanged) -> Informer:
            return Informer(client, version, kind, on_change=changed, transform=transform)

        self._gateways = follow(GATEWAY_API_VERSION, "Gateway")
        self._routes = follow(GATEWAY_API_VERSION, "HTTPRoute")
        self._services = follow("v1", "Service")
        self._namespaces = follow("v1", "Namespace")
        self._pods = follow("v1", "Pod", slim)
        self._secrets = follow("v1", "Secret", listeners.with_certificate)
        self._grants = follow("gateway.networking.k8s.io/v1beta1", "ReferenceGrant")
        self._pools = follow(INFERENCE_POOL_API_VERSION, INFERENCE_POOL)
        self._policies = {kind: follow(GKE_NETWORKING_API_VERSION, kind) for kind in POLICY_KINDS}
        self._needed = (
            self._gateways,
            self._routes,
            self._services,
            self._namespaces,
            self._pods,
            self._secrets,
        )

    def start(self) -> None:
        """Begins to follow."""
        for informer in (*self._needed, self._grants, self._pools, *self._policies.values()):
            informer.start()

    @property
    def synced(self) -> bool:
        """Whether everything that every such cluster has is known."""
        return all(informer.synced for informer in self._needed)

    def snapshot(self) -> Snapshot:
        """All objects now."""
        return Snapshot(
            gateways=by_key(self._gateways.items()),
            routes=by_key(self._routes.items()),
            pools=by_key(self._pools.items()),
            services=by_key(self._services.items()),
            namespaces=by_key(self._namespaces.items()),
            grants=by_key(self._grants.items()),
            secrets=by_key(self._secrets.items()),
        )

    def policies(self) -> dict[str, list[Object]]:
        """The policies of each kind."""
        return {kind: informer.items() for kind, informer in self._policies.items()}

    def pods(self) -> list[Object]:
        """All pods, as `slim` leaves them."""
        return self._pods.items()


def served(snapshot: Snapshot) -> list[Object]:
    """The Gateways of GKE's own classes."""
    own = set(classes.names())
    return [item for item in snapshot.gateways.values() if item["spec"]["gatewayClassName"] in own]


def slim(pod: Object) -> Object:
    """What a load balancer needs of a pod."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    return {
        "metadata": {name: metadata[name] for name in _POD_METADATA if name in metadata},
        "spec": {
            "readinessGates": spec.get("readinessGates") or [],
            "containers": [{"ports": item.get("ports") or []} for item in spec.get("containers") or []],
        },
        "status": {
            "podIP": status.get("podIP"),
            "phase": status.get("phase"),
            "conditions": status.get("conditions") or [],
        },
    }


def _unchanged(obj: Object) -> Object:
    return obj
