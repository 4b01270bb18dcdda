"""GKE's controllers beside the Gateway's: managed Prometheus' objects get their condition, SecretSyncs their Secrets.

Owns the loop. Runs on every cluster, whatever its Gateway API setting. Scraping and evaluating rules is not simulated: what is
confirmed is that the configuration was taken.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from rules.monitoring import POD_MONITORING_API_VERSION
from rules.secrets import PROVIDER_CLASS, PROVIDER_CLASS_API_VERSION, SYNC, SYNC_API_VERSION
from sandbox.gke import secret_sync
from sandbox.kube.client import ApiError, Client, NoMatchError
from sandbox.node.conditions import condition, merged
from sandbox.node.informer import Informer
from sandbox.node.status import now_text

Object = dict[str, Any]

MONITORING_KINDS = ("PodMonitoring", "ClusterPodMonitoring", "Rules", "ClusterRules")
FIELD_MANAGER = "secrets-store-sync-controller"

_RESYNC_SECONDS = 10.0
_log = logging.getLogger(__name__)


class AddOns:
    """The add-ons of one cluster."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._monitoring = [self._follow(POD_MONITORING_API_VERSION, kind) for kind in MONITORING_KINDS]
        self._syncs = self._follow(SYNC_API_VERSION, SYNC)
        self._providers = self._follow(PROVIDER_CLASS_API_VERSION, PROVIDER_CLASS)

    def start(self) -> None:
        """Begins; returns at once."""
        for informer in (*self._monitoring, self._syncs, self._providers):
            informer.start()
        threading.Thread(target=self._loop, name="gke-add-ons", daemon=True).start()

    def stop(self) -> None:
        """Ends without waiting."""
        self._stopping.set()
        self._wake.set()
        for informer in (*self._monitoring, self._syncs, self._providers):
            informer.stop()

    def _follow(self, api_version: str, kind: str) -> Informer:
        return Informer(self._client, api_version, kind, on_change=self._wake.set)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(_RESYNC_SECONDS)
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                self._round(now_text())
            except (ApiError, NoMatchError) as error:
                if not self._stopping.is_set():
                    _log.warning("GKE add-ons: %s; trying again", error)
            except Exception:  # noqa: BLE001 - one odd object must not freeze the cluster
                _log.exception("GKE add-ons")

    def _round(self, now: str) -> None:
        for informer in self._monitoring:
            for obj in informer.items():
                self._write(obj, monitoring_status(obj, now))
        for sync in self._syncs.items():
            if not sync["metadata"].get("deletionTimestamp"):
                self._sync(sync, now)

    def _sync(self, sync: Object, now: str) -> None:
        namespace, spec = sync["metadata"]["namespace"], sync["spec"]
        account = self._client.get("v1", "ServiceAccount", spec["serviceAccountName"], namespace)
        provider = self._providers.get(namespace, spec["secretProviderClassName"])
        refusal = None
        try:
            made = secret_sync.secret(sync, provider, account=account is not None)
            self._client.apply(made, field_manager=FIELD_MANAGER, force=True)
        except secret_sync.RefusedError as error:
            refusal = str(error)
        before: list[Object] = (sync.get("status") or {}).get("conditions") or []
        self._write(sync, {"conditions": merged(before, [secret_sync.condition_of(sync, refusal)], now)})

    def _write(self, obj: Object, status: Object) -> None:
        before: Object = obj.get("status") or {}
        if all(before.get(name) == value for name, value in status.items()):
            return
        metadata = obj["metadata"]
        patch = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "status": status}
        place = (obj["apiVersion"], obj["kind"], metadata["name"], metadata.get("namespace"))
        try:
            self._client.merge_patch(*place, patch, subresource="status")
        except ApiError as error:
            if error.status not in {404, 409}:
                raise


def monitoring_status(obj: Object, now: str) -> Object:
    """The status managed Prometheus gives an object whose configuration it has taken."""
    before: Object = obj.get("status") or {}
    generation = obj["metadata"].get("generation")
    wanted = condition("ConfigurationCreateSuccess", "True", "")
    held: list[Object] = before.get("conditions") or []
    conditions = merged(held, [wanted], now)
    if conditions != held:
        conditions = [{**item, "lastUpdateTime": now} for item in conditions]
    return {"observedGeneration": generation, "conditions": conditions}
