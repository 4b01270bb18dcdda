"""A local copy of all objects of one kind, kept current by list and watch.

Owns: the copy, its thread and the reconnects. Does not own reactions: `on_change` is told that something changed, not
what, and its owner compares the whole copy with what should be (level-triggered, as Kubernetes' own controllers are).
A kind the server does not know yet counts as an empty, unsynced list and is asked for again.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from sandbox.kube.client import ApiError, Client, NoMatchError

Object = dict[str, Any]
Key = tuple[str, str]
"""(namespace, name); the namespace of cluster-wide objects is ""."""

_RETRY_SECONDS = 1.0
_WATCH_SECONDS = 300


def key_of(obj: Object) -> Key:
    """The key of `obj` in an informer's copy."""
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _unchanged(obj: Object) -> Object:
    return obj


class Informer:
    """All objects of `kind` in all namespaces; `transform` may drop parts nobody reads (a CRD has megabytes)."""

    def __init__(
        self,
        client: Client,
        api_version: str,
        kind: str,
        *,
        on_change: Callable[[], None],
        transform: Callable[[Object], Object] = _unchanged,
    ) -> None:
        self._client = client
        self._api_version = api_version
        self._kind = kind
        self._on_change = on_change
        self._transform = transform
        self._objects: dict[Key, Object] = {}
        self._lock = threading.Lock()
        self._synced = threading.Event()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begins to follow the kind, in a thread of its own."""
        threading.Thread(target=self._run, name=f"informer-{self._kind}", daemon=True).start()

    def stop(self) -> None:
        """Ends without waiting: an open watch ends with its next event or its time limit."""
        self._stopping.set()

    @property
    def synced(self) -> bool:
        """Whether the copy has been complete once."""
        return self._synced.is_set()

    def wait_synced(self, timeout: float) -> bool:
        """Waits up to `timeout` seconds for the first complete copy; says whether it is there."""
        return self._synced.wait(timeout)

    def items(self) -> list[Object]:
        """The objects now. Callers must not change them."""
        with self._lock:
            return list(self._objects.values())

    def get(self, namespace: str, name: str) -> Object | None:
        """One object of the copy."""
        with self._lock:
            return self._objects.get((namespace, name))

    def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(ApiError, NoMatchError):
                version = self._list()
                self._watch(version)
                continue
            self._stopping.wait(_RETRY_SECONDS)

    def _list(self) -> str:
        try:
            objects, version = self._client.list_page(self._api_version, self._kind)
        except NoMatchError:
            self._replace({})
            raise
        self._replace({key_of(obj): self._transform(obj) for obj in objects})
        self._synced.set()
        return version

    def _replace(self, objects: dict[Key, Object]) -> None:
        with self._lock:
            changed = objects != self._objects
            self._objects = objects
        if changed or not self.synced:
            self._on_change()

    def _watch(self, version: str) -> None:
        while not self._stopping.is_set():
            events = self._client.watch(
                self._api_version, self._kind, resource_version=version, timeout_seconds=_WATCH_SECONDS
            )
            for event, obj in events:
                if self._stopping.is_set():
                    return
                version = obj["metadata"]["resourceVersion"]
                if event == "BOOKMARK":
                    continue
                with self._lock:
                    if event == "DELETED":
                        self._objects.pop(key_of(obj), None)
                    else:
                        self._objects[key_of(obj)] = self._transform(obj)
                self._on_change()
