"""GKE's controllers beside the Gateway's: managed Prometheus' objects get their condition, SecretSyncs their Secrets.

Runs on every cluster, whatever its Gateway API setting. Scraping and evaluating rules is not simulated: what is confirmed is
that the configuration was taken.
"""

from __future__ import annotations

from typing import Any

from rules.monitoring import POD_MONITORING_API_VERSION
from rules.secrets import PROVIDER_CLASS, PROVIDER_CLASS_API_VERSION, SYNC, SYNC_API_VERSION
from sandbox.gke import secret_sync
from sandbox.kube.client import ApiError, Client
from sandbox.node.conditions import condition, merged
from sandbox.node.isolation import Isolation
from sandbox.node.reconciler import Reconciler
from sandbox.node.status import now_text

Object = dict[str, Any]

MONITORING_KINDS = ("PodMonitoring", "ClusterPodMonitoring", "Rules", "ClusterRules")
FIELD_MANAGER = "secrets-store-sync-controller"

_RESYNC_SECONDS = 10.0
_RETRY_SECONDS = 1.0


class AddOns(Reconciler):
    """The add-ons of one cluster."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, "GKE add-ons", resync=_RESYNC_SECONDS, retry=_RETRY_SECONDS)
        self._isolation = Isolation("GKE add-ons")
        self._monitoring = [self.follow(POD_MONITORING_API_VERSION, kind) for kind in MONITORING_KINDS]
        self._syncs = self.follow(SYNC_API_VERSION, SYNC)
        self._providers = self.follow(PROVIDER_CLASS_API_VERSION, PROVIDER_CLASS)

    def reconcile(self) -> bool:
        """One round over what the add-ons read."""
        now = now_text()
        for informer in self._monitoring:
            for obj in informer.items():
                with self._isolation.of(obj):
                    self.write_status(obj, monitoring_status(obj, now))
        for sync in self._syncs.items():
            if not sync["metadata"].get("deletionTimestamp"):
                with self._isolation.of(sync):
                    self._sync(sync, now)
        return not self._isolation.asks_for_another_round()

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
        except ApiError as error:
            if error.status == 0 or error.status >= 500:
                raise  # no judgement of the Secret
            refusal = str(error)  # such as another type: a Secret's cannot be changed
        self.write_status(sync, secret_sync.status(sync, refusal, now))


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
