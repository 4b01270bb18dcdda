"""GKE's Gateway controller, as far as the Kubernetes API shows it.

Owns the loop: one look at everything, one comparison, writes only where something differs. What a status should be is
decided by pure functions: `classes`, `gateways`, `routes`, `pools`, `policies`, `extensions`. On a cluster whose Gateway API is
off only the add-ons (`addons`) and disks (`storage`) run, as on GKE.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from rules.gateway import GATEWAY_API_VERSION, GKE_NETWORKING_API_VERSION, INFERENCE_POOL, INFERENCE_POOL_API_VERSION
from sandbox.cluster.spec import ClusterSpec
from sandbox.gke import classes, extensions, gateways, policies, pools, routes
from sandbox.gke.addons import AddOns
from sandbox.gke.model import CONTROLLER, Snapshot, by_key
from sandbox.gke.storage import Storage
from sandbox.kube.client import ApiError, Client, NoMatchError
from sandbox.node.conditions import merged
from sandbox.node.informer import Informer
from sandbox.node.status import now_text

Object = dict[str, Any]

_log = logging.getLogger(__name__)

_RESYNC_SECONDS = 5.0
"""Also how soon an address reserved after its Gateway is seen: nothing in the cluster changes then."""

_RETRY_SECONDS = 0.5


def _no_address(_name: str) -> str | None:
    return None


class GkeControllers:
    """GKE's controllers of one cluster. `address_lookup` finds a reserved address by its Compute Engine name;
    `classes_after` is how many seconds GatewayClasses that are missing take to appear.
    """

    def __init__(
        self,
        client: Client,
        spec: ClusterSpec,
        *,
        address_lookup: Callable[[str], str | None] = _no_address,
        classes_after: float = 0.0,
    ) -> None:
        self._client = client
        self._enabled = spec.gateway_api
        self._address_lookup = address_lookup
        self._classes_due = time.monotonic() + classes_after
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._classes = self._follow(GATEWAY_API_VERSION, "GatewayClass")
        self._gateways = self._follow(GATEWAY_API_VERSION, "Gateway")
        self._routes = self._follow(GATEWAY_API_VERSION, "HTTPRoute")
        self._grants = self._follow("gateway.networking.k8s.io/v1beta1", "ReferenceGrant")
        self._pools = self._follow(INFERENCE_POOL_API_VERSION, INFERENCE_POOL)
        self._services = self._follow("v1", "Service")
        self._namespaces = self._follow("v1", "Namespace")
        self._extensions = [self._follow(GKE_NETWORKING_API_VERSION, kind) for kind in extensions.KINDS]
        self._addons = AddOns(client)
        self._storage = Storage(client)
        self._policies = {kind: self._follow(GKE_NETWORKING_API_VERSION, kind) for kind in policies.KINDS}

    def start(self) -> None:
        """Begins to keep GatewayClasses and statuses; returns at once."""
        self._addons.start()
        self._storage.start()
        if not self._enabled:
            return
        for informer in self._all():
            informer.start()
        threading.Thread(target=self._loop, name="gke-controllers", daemon=True).start()

    def stop(self) -> None:
        """Ends without waiting."""
        self._stopping.set()
        self._wake.set()
        self._addons.stop()
        self._storage.stop()
        for informer in self._all():
            informer.stop()

    def _follow(self, api_version: str, kind: str) -> Informer:
        return Informer(self._client, api_version, kind, on_change=self._wake.set)

    def _all(self) -> list[Informer]:
        own = [self._classes, self._gateways, self._routes, self._grants, self._pools, self._services, self._namespaces]
        return [*own, *self._policies.values(), *self._extensions]

    def _loop(self) -> None:
        pause = _RETRY_SECONDS
        while not self._stopping.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                pause = _RESYNC_SECONDS if self._round() else _RETRY_SECONDS
            except (ApiError, NoMatchError) as error:
                if not self._stopping.is_set():
                    _log.warning("GKE controllers: %s; trying again", error)
                pause = _RETRY_SECONDS
            except Exception:  # noqa: BLE001 - one odd object must not freeze the cluster
                _log.exception("GKE controllers")
                pause = _RESYNC_SECONDS

    def _round(self) -> bool:
        """One comparison of everything; False while the Gateway API's own objects are not known yet, or something is due."""
        known = (self._classes, self._gateways, self._routes, self._services, self._namespaces)
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
        )
        own = set(classes.names())
        served = [item for item in snapshot.gateways.values() if item["spec"]["gatewayClassName"] in own]
        due = [gateway for gateway in served if gateways.is_due(gateway)]
        for gateway in due:
            self._write(gateway, gateways.status(gateway, snapshot, self._address_lookup, now))
        for route in snapshot.routes.values():
            self._write(route, routes.status(route, snapshot, served, now))
        for pool in snapshot.pools.values():
            self._write(pool, pools.status(pool, snapshot, served, now))
        for informer in self._extensions:
            for extension in informer.items():
                self._write(extension, extensions.status(extension, snapshot, served, now))
        for informer in self._policies.values():
            rivals = informer.items()
            for policy in rivals:
                wanted = [policies.attached(policy, rivals, snapshot, served)]
                held: list[Object] = (policy.get("status") or {}).get("conditions") or []
                self._write(policy, {"conditions": merged(held, wanted, now)})
        return len(due) == len(served) and time.monotonic() >= self._classes_due

    def _keep_classes(self, now: str) -> None:
        held = {item["metadata"]["name"]: item for item in self._classes.items()}
        for name in classes.names():
            if name not in held:
                with contextlib.suppress(ApiError):  # made meanwhile; its event is on the way
                    self._client.create(classes.gateway_class(name))
        for item in held.values():
            if item["spec"]["controllerName"] == CONTROLLER:
                before = [c for c in (item.get("status") or {}).get("conditions") or [] if c["reason"] != "Pending"]
                self._write(item, {"conditions": merged(before, [classes.accepted(item)], now)})

    def _write(self, obj: Object, status: Object) -> None:
        before: Object = obj.get("status") or {}
        if all((before.get(name) or []) == value for name, value in status.items()):
            return
        metadata = obj["metadata"]
        patch = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "status": status}
        try:
            self._client.merge_patch(
                obj["apiVersion"],
                obj["kind"],
                metadata["name"],
                metadata.get("namespace"),
                patch,
                subresource="status",
            )
        except ApiError as error:
            if error.status not in {404, 409}:
                raise
            self._wake.set()  # changed or gone meanwhile: the next round sees it
