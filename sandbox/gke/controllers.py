"""GKE's Gateway controller, as far as the Kubernetes API shows it.

Owns what is looked at in a round, and what is written where something differs. What a status should be is decided by pure
functions: `classes`, `gateways`, `routes`, `pools`, `policies`, `extensions`. On a cluster whose Gateway API is off only the
add-ons (`addons`) and disks (`storage`) run, as on GKE.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from rules.gateway import GATEWAY_API_VERSION, GKE_NETWORKING_API_VERSION, INFERENCE_POOL, INFERENCE_POOL_API_VERSION
from sandbox.cluster.spec import ClusterSpec
from sandbox.gke import classes, extensions, gateways, policies, pools, routes
from sandbox.gke.addons import AddOns
from sandbox.gke.listeners import without_values
from sandbox.gke.model import CONTROLLER, Snapshot, by_key
from sandbox.gke.storage import Storage
from sandbox.kube.client import ApiError, Client
from sandbox.node.conditions import merged
from sandbox.node.informer import Informer
from sandbox.node.isolation import Isolation
from sandbox.node.reconciler import Reconciler
from sandbox.node.status import now_text

Object = dict[str, Any]

_RESYNC_SECONDS = 5.0
"""Also how soon an address reserved after its Gateway is seen: nothing in the cluster changes then."""

_RETRY_SECONDS = 0.5


def _no_address(_name: str) -> str | None:
    return None


class GkeControllers(Reconciler):
    """GKE's controllers of one cluster. `address_lookup` finds a reserved address by its Compute Engine name; `proxy_subnet`
    tells whether the network has a proxy-only subnet in the cluster's region; `classes_after` is how many seconds GatewayClasses
    that are missing take to appear.
    """

    def __init__(
        self,
        client: Client,
        spec: ClusterSpec,
        *,
        address_lookup: Callable[[str], str | None] = _no_address,
        proxy_subnet: Callable[[], bool] = gateways.assumed,
        classes_after: float = 0.0,
    ) -> None:
        super().__init__(client, "GKE controllers", resync=_RESYNC_SECONDS, retry=_RETRY_SECONDS)
        self._enabled = spec.gateway_api
        self._address_lookup = address_lookup
        self._proxy_subnet = proxy_subnet
        self._classes_due = time.monotonic() + classes_after
        self._classes = self.follow(GATEWAY_API_VERSION, "GatewayClass")
        self._gateways = self.follow(GATEWAY_API_VERSION, "Gateway")
        self._routes = self.follow(GATEWAY_API_VERSION, "HTTPRoute")
        self._grants = self.follow("gateway.networking.k8s.io/v1beta1", "ReferenceGrant")
        self._pools = self.follow(INFERENCE_POOL_API_VERSION, INFERENCE_POOL)
        self._services = self.follow("v1", "Service")
        self._namespaces = self.follow("v1", "Namespace")
        self._extensions = [self.follow(GKE_NETWORKING_API_VERSION, kind) for kind in extensions.KINDS]
        self._secrets = Informer(client, "v1", "Secret", on_change=self.wake, transform=without_values)
        self._isolation = Isolation("GKE controllers")
        self._addons = AddOns(client)
        self._storage = Storage(client)
        self._policies = {kind: self.follow(GKE_NETWORKING_API_VERSION, kind) for kind in policies.KINDS}

    def start(self) -> None:
        """Begins to keep GatewayClasses and statuses; returns at once."""
        self._addons.start()
        self._storage.start()
        if self._enabled:
            super().start()
            self._secrets.start()

    def stop(self) -> None:
        """Ends without waiting."""
        super().stop()
        self._secrets.stop()
        self._addons.stop()
        self._storage.stop()

    def reconcile(self) -> bool:
        """One comparison of everything; False while the Gateway API's own objects are not known yet, or something is due."""
        known = (self._classes, self._gateways, self._routes, self._services, self._namespaces, self._secrets)
        if not all(informer.synced for informer in known):
            return False
        now = now_text()
        if time.monotonic() >= self._classes_due:
            self._keep_classes(now)
        snapshot = Snapshot(
            gateways=by_key(self._gateways.items()),
            routes=by_key(self._routes.items()),
            pools=by_key(self._pools.items()),
            services=by_key(self._services.items()),
            namespaces=by_key(self._namespaces.items()),
            grants=by_key(self._grants.items()),
            secrets=by_key(self._secrets.items()),
            extensions=tuple(by_key(item for informer in self._extensions for item in informer.items()).values()),
        )
        own = set(classes.names())
        served = [item for item in snapshot.gateways.values() if item["spec"]["gatewayClassName"] in own]
        due = [gateway for gateway in served if gateways.is_due(gateway)]
        self._judge(due, lambda item: self._gateway(item, snapshot, now))
        self._judge(snapshot.routes.values(), lambda item: routes.status(item, snapshot, served, now))
        self._judge(snapshot.pools.values(), lambda item: pools.status(item, snapshot, served, now))
        self._judge(snapshot.extensions, lambda item: extensions.status(item, snapshot, served, now))
        for informer in self._policies.values():
            rivals = informer.items()
            self._judge(rivals, partial(policies.status, rivals=rivals, snapshot=snapshot, served=served, now=now))
        failed = self._isolation.asks_for_another_round()
        return not failed and len(due) == len(served) and time.monotonic() >= self._classes_due

    def _gateway(self, gateway: Object, snapshot: Snapshot, now: str) -> Object:
        return gateways.status(gateway, snapshot, self._address_lookup, now, proxy_subnet=self._proxy_subnet)

    def _judge(self, objects: Iterable[Object], status: Callable[[Object], Object]) -> None:
        for obj in objects:
            with self._isolation.of(obj):
                self.write_status(obj, status(obj))

    def _keep_classes(self, now: str) -> None:
        held = {item["metadata"]["name"]: item for item in self._classes.items()}
        for name in classes.names():
            if name not in held:
                with contextlib.suppress(ApiError):  # made meanwhile; its event is on the way
                    self._client.create(classes.gateway_class(name))
        for item in held.values():
            if item["spec"]["controllerName"] == CONTROLLER:
                before = [c for c in (item.get("status") or {}).get("conditions") or [] if c["reason"] != "Pending"]
                with self._isolation.of(item):
                    self.write_status(item, {"conditions": merged(before, [classes.accepted(item)], now)})
