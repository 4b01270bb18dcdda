"""A loop that brings a cluster's objects to what they should be: it follows kinds, and looks again after every change.

Owns the thread, the informers, waking, retries and what is logged. Does not own what is compared or written. It is
level-triggered, as Kubernetes' own controllers are: a round sees everything there is, not what changed.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from sandbox.kube.client import ApiError, Client, NoMatchError
from sandbox.node.informer import Informer

Object = dict[str, Any]

_log = logging.getLogger(__name__)


class Reconciler:
    """Calls `reconcile` soon after a change of what it follows, and `resync` seconds after the last round.

    A round that says it is not done, or that the API server refused, is repeated after `retry` seconds (`resync` where it is
    not given). `name` is the thread's and stands in the log.
    """

    def __init__(self, client: Client, name: str, *, resync: float, retry: float | None = None) -> None:
        self._client = client
        self._name = name
        self._resync = resync
        self._retry = resync if retry is None else retry
        self._informers: list[Informer] = []
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def follow(self, api_version: str, kind: str) -> Informer:
        """A copy of all objects of a kind, which starts and stops with the loop and wakes it."""
        informer = Informer(self._client, api_version, kind, on_change=self.wake)
        self._informers.append(informer)
        return informer

    def start(self) -> None:
        """Begins; returns at once."""
        for informer in self._informers:
            informer.start()
        self._thread.start()

    def stop(self) -> None:
        """Ends without waiting."""
        self._stopping.set()
        self.wake()
        for informer in self._informers:
            informer.stop()

    def join(self, timeout: float) -> bool:
        """Waits up to `timeout` seconds for the last round after `stop`; says whether the loop has ended."""
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def synced(self) -> bool:
        """Whether every copy has been complete once."""
        return all(informer.synced for informer in self._informers)

    def wake(self) -> None:
        """Asks for a round soon."""
        self._wake.set()

    def reconcile(self) -> bool:
        """Overridden: one comparison of everything; False asks for another after `retry` seconds. May raise `ApiError`."""
        raise NotImplementedError

    def write_status(self, obj: Object, status: Object) -> None:
        """Writes the fields of `status` that differ from the object's own, if it is still the object that was looked at.

        Raises:
            ApiError: The API server's refusal; not where the object was changed or is gone, which the next round sees.
        """
        before: Object = obj.get("status") or {}
        if all((before.get(name) or []) == (value or []) for name, value in status.items()):
            return
        metadata = obj["metadata"]
        patch = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "status": status}
        place = (obj["apiVersion"], obj["kind"], metadata["name"], metadata.get("namespace"))
        try:
            self._client.merge_patch(*place, patch, subresource="status")
        except ApiError as error:
            if error.status not in {404, 409}:
                raise

    def _run(self) -> None:
        pause = self._retry
        while True:
            self._wake.wait(pause)
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                pause = self._resync if self.reconcile() else self._retry
            except (ApiError, NoMatchError) as error:
                if not self._stopping.is_set():
                    _log.warning("%s: %s; trying again", self._name, error)
                pause = self._retry
            except Exception:  # noqa: BLE001 - one odd object must not freeze the cluster
                _log.exception("%s", self._name)
                pause = self._resync
